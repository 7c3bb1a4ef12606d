"""Generators and critics around any two networks, conditional or not."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from dlplug import Spec, UserError
from dlplug_generative.generating import check_count, check_label, check_no_steps, device_of, in_chunks
from dlplug_generative.ranges import Range

Layer = TypeVar("Layer", bound=nn.Module)


class Generator(nn.Module):
    """Generates samples from noise by a network: z (B, size), label (B,) or None → (B, *spec.input), in its range.

    A conditional generator without a label draws labels uniformly.
    """

    def __init__(self, network: nn.Module, spec: Spec, size: int, conditional: bool) -> None:
        super().__init__()
        self.network, self.range = network, Range(spec)
        self.size, self.classes, self.conditional = size, spec.output, conditional

    def noise(self, count: int, source: torch.Generator | None = None) -> Tensor:
        # z ~ N(0, I)
        return torch.randn(count, self.size, device=device_of(self), generator=source)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.network(z, label)

    def check(self, count: int, label: int | None, steps: int | None) -> None:
        check_count(count)
        check_label(label, self.classes, self.conditional)
        check_no_steps(steps, "generator")

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor:
        """(count, *spec.input) in the data's range; equal seeds give equal noise."""
        self.check(count, label, steps)

        def make(count: int, source: torch.Generator) -> Tensor:
            z, labels = self.noise(count, source), None
            if self.conditional:
                labels = torch.randint(self.classes, (count,), device=z.device, generator=source)
                labels = labels if label is None else torch.full_like(labels, label)
            return self.range.outward(self(z, labels))

        training = self.training
        self.eval()
        try:
            return in_chunks(make, count, seed, device_of(self))
        finally:
            self.train(training)


class Critic(nn.Module):
    """Scores (B,) of how real examples are, by a network x (B, *spec.input) → φ (B, features).

    A conditional critic adds a projection term of the label (Miyato & Koyama 2018, arXiv:1802.05637).
    """

    def __init__(self, network: nn.Module, features: int, classes: int = 0, spectral: bool = False) -> None:
        super().__init__()
        self.network = network
        self.score = normalised(nn.Linear(features, 1), spectral)
        self.of_class = normalised(nn.Embedding(classes, features), spectral) if classes else None

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        phi = self.network(x)
        score = self.score(phi).squeeze(1)
        # D(x, y) = ψ(φ(x)) + yᵀ V φ(x)
        return score if self.of_class is None else score + (self.of_class(label) * phi).sum(1)


class Adversaries(nn.Module):
    """The model that the loss `gan` trains."""

    def __init__(self, generator: Generator, critic: Critic) -> None:
        super().__init__()
        self.generator, self.critic = generator, critic
        self.to(memory_format=torch.channels_last)


class Norm(nn.Module):
    """Batch normalisation; with classes it is conditional: each class has its own gain and bias (Dumoulin et al. 2017,
    arXiv:1610.07629)."""

    def __init__(self, channels: int, classes: int = 0) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.gain_and_bias = nn.Embedding(classes, 2 * channels) if classes else None
        if self.gain_and_bias is not None:
            nn.init.zeros_(self.gain_and_bias.weight)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        x = self.norm(x)
        if self.gain_and_bias is None:
            return x
        gain, bias = self.gain_and_bias(label)[:, :, None, None].chunk(2, dim=1)
        return x * (1 + gain) + bias


def normalised(layer: Layer, spectral: bool) -> Layer:
    """The layer, with spectral normalisation if `spectral` (Miyato et al. 2018, arXiv:1802.05957)."""
    if spectral:
        # W / σ(W), with one power iteration per forward pass
        spectral_norm(layer)
    return layer


def halvings(model: str, spec: Spec) -> int:
    """How often an image can be halved until 4 pixels or an odd number are left. Raises UserError if that is fewer than
    2 times, or if the data are not images."""
    if len(spec.input) != 3:
        raise UserError(f"{model} needs images, but one input has the shape {spec.input}: use --model planar-gan")
    _, *size = spec.input
    times = 0
    while all(length % 2 ** (times + 1) == 0 and length // 2 ** (times + 1) >= 4 for length in size):
        times += 1
    if times < 2:
        raise UserError(f"{model} halves images at least twice, but {size[0]}x{size[1]} pixels cannot be halved twice")
    return times


def check_positive(**options: int) -> None:
    for option, value in options.items():
        if value < 1:
            raise UserError(f"--model.{option.replace('_', '-')} must be at least 1, got {value}")
