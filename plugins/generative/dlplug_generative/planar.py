"""Distributions of points in the plane, on which missing modes are easy to see."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from dlplug import Data, Labelled, NonNegativeFloat, PositiveInt, Spec, UserError, to_device
from dlplug.distributed import share_of
from dlplug.sampling import own_share

HELD_OUT = 5000  # points of each split
# The same points for every run, so that runs can be compared. Generators use 32 bits of a seed; these seeds are far
# from those of any run's first batches.
SPLIT_SEEDS = {"train": 4_100_000_001, "val": 4_100_000_002, "test": 4_100_000_003}


class PlanarHeldOut(NamedTuple):
    """Held-out points x (N, 2), the index y (N,) of each point's component, and the components' names. `train` is
    another draw of as many points, in place of training points (every batch is a new draw). A mixture of Gaussians also
    has its centres (K, 2) and their standard deviation, to count the modes that a model covers."""

    x: Tensor
    y: Tensor
    names: tuple[str, ...]
    train: Tensor
    centres: Tensor = torch.empty(0, 2)
    deviation: float = 0.0


class Planar(Data):
    """Points (B, 2) in the plane, drawn for each batch; "val" and "test" are 5,000 points each, with fixed seeds.

    A batch is a function of the seed and of the number of points before it.
    """

    unit = "points"
    splits = ("val", "test")
    names: tuple[str, ...] = ()

    def __init__(self, *, batch_size: PositiveInt = 256, noise: NonNegativeFloat = 0.1, seed: int) -> None:
        """
        batch_size: points per batch.
        noise: standard deviation of the points around their curve or centre.
        """
        if batch_size < 1:
            raise UserError(f"--data.batch-size must be at least 1, got {batch_size}")
        if noise < 0:
            raise UserError(f"--data.noise must not be negative, got {noise}")
        share_of(batch_size)
        self.batch_size, self.noise, self.seed = batch_size, noise, seed
        x = self.held_out("train").x
        mean, deviation = (tuple(value.tolist()) for value in (x.mean(0), x.std(0)))
        self.spec = Spec((2,), max(1, len(self.names)), mean, deviation, self.names)

    def draw(self, count: int, generator: Generator) -> Labelled:
        """Noise-free points (count, 2) and their components (count,), on the generator's device."""
        raise NotImplementedError

    def noisy(self, count: int, seed: int) -> Labelled:
        """Noisy points, drawn on the CPU so that they are the same on every device."""
        generator = torch.Generator().manual_seed(seed)
        x, y = self.draw(count, generator)
        return Labelled(x + self.noise * torch.randn(count, 2, generator=generator), y)

    def held_out(self, name: str) -> Labelled:
        return self.noisy(HELD_OUT, SPLIT_SEEDS[name])

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        while True:
            rows, seed = own_share(self.batch_size, self.seed, self.count)
            self.count += self.batch_size
            x, y = self.noisy(rows, seed)
            yield Labelled(to_device(x, device), to_device(y, device))

    def split(self, name: str) -> PlanarHeldOut:
        return PlanarHeldOut(*self.held_out(name), self.names, self.held_out("train").x)


class EightGaussians(Planar):
    """Eight small Gaussians on a circle of radius 2 (Metz et al. 2017, arXiv:1611.02163, section 3.1).

    batch_size: points per batch.
    noise: standard deviation of each Gaussian; 0.02 in the paper.
    """

    names = tuple("01234567")

    def __init__(self, *, batch_size: PositiveInt = 256, noise: NonNegativeFloat = 0.02, seed: int) -> None:
        super().__init__(batch_size=batch_size, noise=noise, seed=seed)

    @property
    def centres(self) -> Tensor:
        """(8, 2), anticlockwise from the right."""
        angle = torch.arange(8) * (2 * math.pi / 8)
        return 2 * torch.stack([angle.cos(), angle.sin()], 1)

    def draw(self, count: int, generator: Generator) -> Labelled:
        y = torch.randint(8, (count,), generator=generator)
        return Labelled(self.centres[y], y)

    def split(self, name: str) -> PlanarHeldOut:
        return super().split(name)._replace(centres=self.centres, deviation=self.noise)


class SwissRoll(Planar):
    """A spiral of one and a half turns: scikit-learn's swiss roll seen from above, divided by 7.5 (Gulrajani et al.
    2017, arXiv:1704.00028, figure 1).

    batch_size: points per batch.
    noise: standard deviation around the spiral; 0.25 / 7.5 in the paper.
    """

    def __init__(self, *, batch_size: PositiveInt = 256, noise: NonNegativeFloat = 0.033, seed: int) -> None:
        super().__init__(batch_size=batch_size, noise=noise, seed=seed)

    def draw(self, count: int, generator: Generator) -> Labelled:
        # t = 3π/2 (1 + 2u), u uniform in [0, 1]
        t = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=generator))
        x = t[:, None] * torch.stack([t.cos(), t.sin()], 1) / 7.5
        return Labelled(x, torch.zeros(count, dtype=torch.long))


class HalfMoons(Planar):
    """Two interleaved half circles, as in scikit-learn's make_moons.

    batch_size: points per batch.
    noise: standard deviation around the half circles.
    """

    names = ("upper", "lower")

    def __init__(self, *, batch_size: PositiveInt = 256, noise: NonNegativeFloat = 0.05, seed: int) -> None:
        super().__init__(batch_size=batch_size, noise=noise, seed=seed)

    def draw(self, count: int, generator: Generator) -> Labelled:
        y = torch.randint(2, (count,), generator=generator)
        angle = math.pi * torch.rand(count, generator=generator)
        upper = torch.stack([angle.cos(), angle.sin()], 1)
        lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
        return Labelled(torch.where(y[:, None] == 0, upper, lower), y)
