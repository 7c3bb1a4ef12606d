"""The product of a diffusion: EMA weights that generate by one of the samplers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor, nn

from dlplug import UserError
from dlplug_generative.diffusion.denoisers import Denoiser
from dlplug_generative.diffusion.samplers import Moment, Step, noise_like, walk
from dlplug_generative.diffusion.schedules import Schedule
from dlplug_generative.diffusion.targets import clean_of
from dlplug_generative.generating import check_count, check_label, device_of, in_chunks


class Denoising(nn.Module):
    """A denoiser with its noise schedule and sampler.

    target: what the denoiser predicts. variance: of p(z_{t-1} | z_t), for the bound. guidance: weight w of
    classifier-free guidance (Ho & Salimans 2022); 0 is none.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        *,
        schedule: Schedule,
        step: Step,
        target: str,
        variance: str,
        steps: int,
        guidance: float,
    ) -> None:
        super().__init__()
        self.denoiser, self.schedule, self.step = denoiser, schedule, step
        self.target, self.variance, self.steps, self.guidance = target, variance, steps, guidance

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor:
        """(count, *shape); images in [0, 1]. Without `label` a conditional model draws labels uniformly."""
        self.check(count, label, steps)

        def make(count: int, draw: Generator) -> Tensor:
            *_, last = self.moments(self.noise(count, draw), self.labels(count, label, draw), steps, draw)
            return self.denoiser.natural(last.z)

        return in_chunks(make, count, seed, device_of(self))

    @torch.no_grad()
    def trajectory(
        self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None
    ) -> Iterator[Moment]:
        """The trajectory from noise to the first `count` samples of `generate` (at most one chunk), in the denoiser's
        coordinates."""
        self.check(count, label, steps)
        draw = torch.Generator(device_of(self)).manual_seed(seed)
        yield from self.moments(self.noise(count, draw), self.labels(count, label, draw), steps, draw)

    def moments(self, z: Tensor, label: Tensor, steps: int | None, draw: Generator) -> Iterator[Moment]:
        return walk(
            lambda z, t: self.clean(z, t, label),
            z,
            self.schedule,
            self.steps if steps is None else steps,
            self.step,
            draw,
        )

    def clean(self, z: Tensor, t: int, label: Tensor) -> Tensor:
        """x̂ (B, *shape) of z (B, *shape) at the time t, with labels (B,); within the data's limits."""
        alpha, sigma = float(self.schedule.alpha[t]), float(self.schedule.sigma[t])
        time = torch.full((len(z),), t / self.schedule.steps, device=z.device)
        predicted = self.denoiser(z, time, label)
        if self.guidance:
            # ε̃ = (1 + w) ε̂(z, label) - w ε̂(z)  (equation 6); the same holds for v̂ and x̂, which are affine in ε̂
            predicted = predicted + self.guidance * (predicted - self.denoiser(z, time, self.denoiser.no_label(len(z))))
        return clean_of(self.target, predicted, z, alpha, sigma).clamp(-self.denoiser.limit, self.denoiser.limit)

    def noise(self, count: int, draw: Generator) -> Tensor:
        """z_T (count, *shape)."""
        return noise_like(torch.empty(count, *self.denoiser.shape, device=device_of(self)), draw)

    def labels(self, count: int, label: int | None, draw: Generator) -> Tensor:
        """(count,)."""
        if label is not None:
            return torch.full((count,), label, device=draw.device)
        if not self.denoiser.classes:
            return self.denoiser.no_label(count)
        return torch.randint(self.denoiser.classes, (count,), generator=draw, device=draw.device)

    def check(self, count: int, label: int | None, steps: int | None) -> None:
        check_count(count)
        check_label(label, self.denoiser.classes, self.denoiser.classes > 0)
        if steps is not None and not 1 <= steps <= self.schedule.steps:
            raise UserError(f"--steps must be between 1 and the schedule's {self.schedule.steps}, got {steps}")
