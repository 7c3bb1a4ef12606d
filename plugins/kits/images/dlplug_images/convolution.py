"""Convolutions from or to one channel, as a net's first and last layer have them for grey images.

On a CPU oneDNN takes several times as long as the arithmetic needs to compute one channel from many: an image's
gradient, or a last layer. Here that is a matrix product and k² shifted sums. k: kernel size, s: stride, p: padding;
grey: (B, 1, H, W); features: (B, C, h, w), fastest with their channels last; weight: (C, 1, k, k).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn.grad import conv2d_weight


class ImageConv2d(nn.Conv2d):
    """`nn.Conv2d`, faster on a CPU from one channel, and to one channel at stride 1."""

    def forward(self, input: Tensor) -> Tensor:
        (k, *_), (s, *_), padding = self.kernel_size, self.stride, self.padding
        if not (plain(self) and gains(input)):
            return super().forward(input)
        p = int(padding[0])
        if self.in_channels == 1 and not input.requires_grad:
            return super().forward(channels_last(input))
        if self.in_channels == 1:
            return with_bias(Down.apply(input, self.weight, s, p), self.bias)
        if self.out_channels == 1 and s == 1 and p < k:
            size = [length + 2 * p - k + 1 for length in input.shape[2:]]
            turned = self.weight.transpose(0, 1).flip(2, 3)  # at stride 1 it is a transposed one
            return with_bias(Up.apply(input, turned, s, k - 1 - p, size), self.bias)
        return super().forward(input)


class ImageConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d`, faster on a CPU to one channel."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not (self.out_channels == 1 and not any(self.output_padding) and output_size is None and plain(self)):
            return super().forward(input, output_size)
        if not gains(input):
            return super().forward(input)
        (k, *_), (s, *_), p = self.kernel_size, self.stride, int(self.padding[0])
        size = [(length - 1) * s + k - 2 * p for length in input.shape[2:]]
        return with_bias(Up.apply(input, self.weight, s, p, size), self.bias)


class Down(Function):
    """The convolution grey → features."""

    @staticmethod
    def forward(ctx: Any, grey: Tensor, weight: Tensor, s: int, p: int) -> Tensor:
        ctx.save_for_backward(grey, weight)
        ctx.s, ctx.p = s, p
        return F.conv2d(channels_last(grey), weight, None, s, p)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,), (grey, weight), s, p = gradients, ctx.saved_tensors, ctx.s, ctx.p
        needs_grey, needs_weight, *_ = ctx.needs_input_grad
        return (
            Up.apply(gradient, weight, s, p, grey.shape[2:]) if needs_grey else None,
            kernel_gradient(grey, gradient, weight.shape[-1], s, p) if needs_weight else None,
            None,
            None,
        )


class Up(Function):
    """The transposed convolution features → grey, of size (H, W)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, s: int, p: int, size: Sequence[int]) -> Tensor:
        ctx.save_for_backward(features, weight)
        ctx.s, ctx.p = s, p
        B, C, h, w = features.shape
        k, (H, W) = weight.shape[-1], size
        each = (weight.permute(2, 3, 1, 0).reshape(k * k, C) @ rows(features).t()).view(k, k, B, h, w)
        padded = features.new_zeros(B, H + 2 * p, W + 2 * p)
        for i, j in product(range(k), range(k)):
            padded[:, i : i + s * (h - 1) + 1 : s, j : j + s * (w - 1) + 1 : s] += each[i, j]
        return padded[:, None, p : p + H, p : p + W].contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,), (features, weight), s, p = gradients, ctx.saved_tensors, ctx.s, ctx.p
        needs_features, needs_weight, *_ = ctx.needs_input_grad
        return (
            Down.apply(gradient, weight, s, p) if needs_features else None,
            kernel_gradient(gradient, features, weight.shape[-1], s, p) if needs_weight else None,
            None,
            None,
            None,
        )


def kernel_gradient(grey: Tensor, features: Tensor, k: int, s: int, p: int) -> Tensor:
    """The gradient (C, 1, k, k) of a kernel between them, where one of the two is a gradient."""
    return conv2d_weight(channels_last(grey), (features.shape[1], 1, k, k), features, s, p)


def channels_last(grey: Tensor) -> Tensor:
    """The same image with the strides of channels last, (H W, 1, W, 1). `contiguous` leaves those of one channel as
    they are, and with others oneDNN takes five times as long for the kernel's gradient."""
    B, _, H, W = grey.shape
    return grey.reshape(B, H, W, 1).permute(0, 3, 1, 2)


def rows(features: Tensor) -> Tensor:
    """(B, C, h, w) → (B h w, C)."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def with_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    return x if bias is None else x + bias[:, None, None]


def plain(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether a layer has a square kernel, and the same stride and padding along both axes."""
    pairs = (layer.kernel_size, layer.stride, layer.padding)
    square = all(len({*pair}) == 1 and not isinstance(pair, str) for pair in pairs)
    return square and layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"


def gains(x: Tensor) -> bool:
    """Whether products are faster for this input: a batch in fp32 on a CPU, uncompiled, outside torch.func."""
    in_fp32 = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    special = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    return x.ndim == 4 and in_fp32 and not special
