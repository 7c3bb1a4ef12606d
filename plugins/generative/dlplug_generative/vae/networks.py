"""Encoders and decoders of affine layers or of convolutions."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Literal

import torch
import torch.nn.functional as F
from dlplug_images.convolution import ImageConv2d
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_generative.vae.model import VAE, check_size, start_at


class DenseVAE(VAE):
    """A VAE of affine layers, for images or points (Kingma & Welling 2014, arXiv:1312.6114, appendix C).

    ReLU replaces the paper's tanh.

    latents: dimensions of z.
    hidden: hidden size.
    depth: number of hidden layers of the encoder, and of the decoder.
    likelihood: p(x|z) of a pixel: bernoulli for black and white, gaussian, or logistic, discretised to 256 levels.
    conditional: condition both networks on the class (Sohn et al. 2015), for --label.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        latents: PositiveInt = 50,
        hidden: PositiveInt = 500,
        depth: PositiveInt = 2,
        likelihood: Literal["bernoulli", "gaussian", "logistic"] = "bernoulli",
        conditional: bool = False,
    ) -> None:
        check_size(latents=latents, hidden=hidden, depth=depth)
        code, size = spec.output * conditional, prod(spec.input)
        encoder = Affine([size + code, *[hidden] * depth, 2 * latents], (2 * latents,))
        decoder = Affine([latents + code, *[hidden] * depth, size], spec.input)
        start_at(decoder.last, spec, likelihood)
        super().__init__(spec, encoder, decoder, latents=latents, likelihood=likelihood, conditional=conditional)


class Affine(nn.Module):
    """Affine layers with ReLUs between them, from x (B, ...) and the one-hot class (if any) to (B, *output)."""

    def __init__(self, widths: list[int], output: tuple[int, ...]) -> None:
        super().__init__()
        *inner, last = pairwise(widths)
        self.layers = nn.Sequential(*(layer for pair in inner for layer in (nn.Linear(*pair), nn.ReLU())))
        self.last, self.output = nn.Linear(*last), output

    def forward(self, x: Tensor, *code: Tensor) -> Tensor:
        return self.last(self.layers(torch.cat([x.flatten(1), *code], 1))).unflatten(1, self.output)


class ConvVAE(VAE):
    """A VAE whose encoder and decoder have convolutions and a hidden affine layer, for images (after Salimans et al.
    2015, arXiv:1410.6460, section 4.2).

    latents: dimensions of z.
    width: channels of the first stage; each further stage has twice as many.
    stages: number of times the image is halved; its height and width must be divisible by 2 that often.
    hidden: hidden size of the affine layers.
    likelihood: p(x|z) of a pixel: bernoulli for black and white, gaussian, or logistic, discretised to 256 levels.
    conditional: condition both networks on the class (Sohn et al. 2015), for --label.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        latents: PositiveInt = 50,
        width: PositiveInt = 16,
        stages: PositiveInt = 2,
        hidden: PositiveInt = 450,
        likelihood: Literal["bernoulli", "gaussian", "logistic"] = "bernoulli",
        conditional: bool = False,
    ) -> None:
        check_size(latents=latents, width=width, stages=stages, hidden=hidden)
        channels, *small = halved(spec, stages)
        code, widths = spec.output * conditional, [width * 2**stage for stage in range(stages)]
        encoder = ConvEncoder([channels, *widths], small, code, hidden, 2 * latents)
        decoder = ConvDecoder(latents + code, hidden, small, [*widths[::-1], channels])
        start_at(decoder.last, spec, likelihood)
        super().__init__(spec, encoder, decoder, latents=latents, likelihood=likelihood, conditional=conditional)
        self.to(memory_format=torch.channels_last)


def halved(spec: Spec, stages: int) -> tuple[int, int, int]:
    """Channels, and height and width after that many halvings. Raises UserError if they cannot be halved evenly."""
    if len(spec.input) != 3:
        raise UserError(f"vae-conv takes images, but one input has the shape {spec.input}: use --model vae")
    channels, height, width = spec.input
    if height % 2**stages or width % 2**stages:
        raise UserError(
            f"images of {height}x{width} cannot be halved {stages} times: use fewer --model.stages, or --model vae"
        )
    return channels, height // 2**stages, width // 2**stages


class ConvEncoder(nn.Module):
    """x (B, C, H, W), and the one-hot class (if any) → (B, outputs). widths: channels, beginning with the image's."""

    def __init__(self, widths: list[int], small: list[int], code: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*(layer for pair in pairwise(widths) for layer in halving(*pair)))
        self.affine = nn.Linear(widths[-1] * prod(small) + code, hidden)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor, *code: Tensor) -> Tensor:
        features = self.convolutions(x).flatten(1)
        return self.last(torch.relu(self.affine(torch.cat([features, *code], 1))))


class ConvDecoder(nn.Module):
    """z (B, inputs), and the one-hot class (if any) → (B, C, H, W). widths: channels, ending with the image's."""

    def __init__(self, inputs: int, hidden: int, small: list[int], widths: list[int]) -> None:
        super().__init__()
        *inner, (width, channels) = pairwise(widths)
        self.affine = nn.Sequential(
            *(nn.Linear(inputs, hidden), nn.ReLU()),
            *(nn.Linear(hidden, widths[0] * prod(small)), nn.ReLU(), nn.Unflatten(1, (widths[0], *small))),
        )
        self.convolutions = nn.Sequential(*(layer for pair in inner for layer in doubling(*pair)))
        # the last doubling ends without a ReLU
        self.last = nn.Conv2d(width, 4 * channels, 3, padding=1)

    def forward(self, z: Tensor, *code: Tensor) -> Tensor:
        small = self.affine(torch.cat([z, *code], 1)).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(self.last(self.convolutions(small)), 2)


def halving(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, H, W) → (B, outputs, H/2, W/2)."""
    return ImageConv2d(inputs, outputs, 5, stride=2, padding=2), nn.ReLU()


def doubling(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, H, W) → (B, outputs, 2H, 2W): the four pixels of each square are four channels of a convolution of
    the small image (Shi et al. 2016, arXiv:1609.05158)."""
    return nn.Conv2d(inputs, 4 * outputs, 3, padding=1), nn.PixelShuffle(2), nn.ReLU()
