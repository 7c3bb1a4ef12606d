"""Layers that the 1-D networks share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Spec, UserError


class Standardise(nn.Module):
    """x (B, C, L) → (x - mean) / deviation of the training set; both are saved with the weights."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        for name, value in (("mean", spec.mean), ("deviation", spec.deviation)):
            value = torch.as_tensor(value, dtype=torch.float).flatten().expand(spec.input[0]).clone()
            self.register_buffer(name, value[:, None])

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.deviation


class Derivative(nn.Module):
    """x (B, C, L) → its smoothed derivative along the axis, times `sigma`: a convolution with the derivative of a
    Gaussian of standard deviation `sigma`, in points; the ends are repeated. A common preprocessing of spectra: it
    removes the baseline.

    (g' ∗ x)(t) σ = Σ_d -(d / σ) g(d) x(t - d)
    """

    weight: Tensor

    def __init__(self, sigma: float) -> None:
        super().__init__()
        reach = math.ceil(4 * sigma)
        place = torch.arange(-reach, reach + 1) / sigma
        gaussian = (-(place**2) / 2).exp()
        # conv1d correlates: the kernel is reversed
        self.register_buffer("weight", (place * gaussian / gaussian.sum())[None, None])

    def forward(self, x: Tensor) -> Tensor:
        reach = self.weight.shape[2] // 2
        padded = F.pad(x, (reach, reach), mode="replicate")
        return F.conv1d(padded.flatten(0, 1)[:, None], self.weight).view_as(x)


def conv_norm_relu(inputs: int, outputs: int, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    """(B, inputs, L) → (B, outputs, ⌈L / stride⌉), for an odd kernel."""
    return (
        nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(inplace=True),
    )


def length_after(length: int, stride: int, stages: int) -> int:
    """The length after `stages` convolutions of `conv_norm_relu`."""
    for _ in range(stages):
        length = -(-length // stride)
    return length


def check_series(model: str, spec: Spec, shortest: int = 1) -> None:
    if len(spec.input) != 2:
        raise UserError(f"{model} takes series (channels, length), but these data have inputs of shape {spec.input}")
    if spec.input[1] < shortest:
        raise UserError(f"{model} needs series of at least {shortest} points, got {spec.input[1]}")


def check_odd(kernel: int) -> None:
    if kernel % 2 == 0:
        raise UserError(f"--model.kernel must be odd, got {kernel}")
