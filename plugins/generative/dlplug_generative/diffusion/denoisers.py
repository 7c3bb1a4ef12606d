"""Denoisers: their interface, their conditioning on time and label, and one for points in the plane."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec, UserError
from dlplug_generative.ranges import Range


class Denoiser(nn.Module):
    """Predicts the noise, the clean example or v, as the loss's `target` says, from noisy examples z (B, *shape).

    Noise is added to rescaled inputs: images are in [-1, 1] (Ho et al. 2020, section 3.3).

    shape: of one example. classes: number of classes; 0 for an unconditional model. limit: largest clean value.
    """

    def __init__(self, spec: Spec, labels: bool) -> None:
        super().__init__()
        self.shape, self.classes = spec.input, spec.output if labels else 0
        self.range = Range(spec)
        self.limit = 1.0 if len(spec.input) == 3 else math.inf

    def natural(self, z: Tensor) -> Tensor:
        """z, converted to the data's range."""
        return self.range.outward(z.clamp(-self.limit, self.limit))

    def no_label(self, count: int) -> Tensor:
        """(count,): the null label, `classes`, of an unconditional prediction."""
        return torch.full((count,), self.classes, device=self.range.middle.device)

    def forward(self, z: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """z (B, *shape), time (B,) = t/T in (0, 1], label (B,) → (B, *shape). Labels are ignored if `classes` is 0."""
        raise NotImplementedError


def sinusoids(time: Tensor, size: int) -> Tensor:
    """(B,) in [0, 1] → (B, size): sines and cosines of 1000 t/T at frequencies from 1 down to 1/10,000 (Ho et al. 2020,
    section 4, after Vaswani et al. 2017)."""
    frequencies = torch.exp(torch.linspace(0, -math.log(10_000), size // 2, device=time.device))
    angles = 1000 * time[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


class Conditioning(nn.Module):
    """time (B,), label (B,) → (B, size): the embedding that conditions every block of a denoiser."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        self.size = size
        self.time = nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))
        self.label = nn.Embedding(classes + 1, size) if classes else None

    def forward(self, time: Tensor, label: Tensor) -> Tensor:
        embedding = self.time(sinusoids(time, self.size))
        return nn.functional.silu(embedding if self.label is None else embedding + self.label(label))


class PlanarBlock(nn.Module):
    """h + F(h), F two affine layers, the first conditioned on time and label."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.told = nn.LayerNorm(width), nn.Linear(width, width)
        self.before, self.after = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        inner = self.before(self.norm(h)) + self.told(embedding)
        return h + self.after(nn.functional.silu(inner))


class PlanarDenoiser(Denoiser):
    """Residual blocks of affine layers that denoise points in the plane.

    width: hidden size of the layers; even.
    depth: blocks.
    waves: Fourier features of each coordinate, sines and cosines of frequencies 1, 2, 4, …, so that a small net can
        separate nearby points (Tancik et al. 2020, arXiv:2006.10739).
    labels: condition on the class, for --label and --loss.guidance.
    """

    frequencies: Tensor

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 128,
        depth: PositiveInt = 3,
        waves: NonNegativeInt = 5,
        labels: bool = False,
    ) -> None:
        super().__init__(spec, labels)
        if len(spec.input) != 1:
            raise UserError(f"ddpm-mlp takes points, but one input has the shape {spec.input}: use --model ddpm-unet")
        if width < 2 or width % 2:
            raise UserError(f"--model.width must be even and at least 2, got {width}")
        if depth < 1:
            raise UserError(f"--model.depth must be at least 1, got {depth}")
        if waves < 0:
            raise UserError(f"--model.waves must not be negative, got {waves}")
        self.register_buffer("frequencies", 2.0 ** torch.arange(waves))
        self.conditioning = Conditioning(width, self.classes)
        self.first = nn.Linear(spec.input[0] * (1 + 2 * waves), width)
        self.blocks = nn.ModuleList(PlanarBlock(width) for _ in range(depth))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.SiLU(), nn.Linear(width, spec.input[0]))

    def forward(self, z: Tensor, time: Tensor, label: Tensor) -> Tensor:
        angles = (z[:, :, None] * self.frequencies).flatten(1)
        embedding, h = self.conditioning(time, label), self.first(torch.cat([z, angles.sin(), angles.cos()], 1))
        for block in self.blocks:
            h = block(h, embedding)
        return self.last(h)
