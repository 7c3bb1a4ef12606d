"""Data sets without a download: scikit-learn's digits, two moons, a noisy line, linearly separable points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import (
    Data,
    Labelled,
    NonNegativeFloat,
    NonNegativeInt,
    Order,
    PositiveInt,
    Range,
    Spec,
    UserError,
    to_device,
)


class HeldOut(NamedTuple):
    """A held-out split: inputs x (N, D) and labels y (N,); and the training set, for closed-form solutions."""

    x: Tensor
    y: Tensor
    train_x: Tensor
    train_y: Tensor


class Table(Data):
    """Examples with a label or target each, split into train, val and test."""

    unit = "examples"
    finite = True
    splits = ("val", "test")

    def __init__(self, parts: dict[str, Labelled], spec: Spec, batch_size: int, seed: int) -> None:
        length = len(parts["train"].x)
        if not 0 <= batch_size <= length:
            raise UserError(f"--data.batch-size must be between 0 (all) and the {length} examples, got {batch_size}")
        self.parts, self.spec = parts, spec
        self.order = Order(length, batch_size or length, seed)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        x, y = (part.to(device) for part in self.parts["train"])
        while True:
            index = to_device(self.order.next(), device)
            self.count += len(index)
            yield Labelled(x[index], y[index])

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOut:
        return HeldOut(*self.parts[name], *self.parts["train"])


class FlatDigits(Table):
    """scikit-learn's 1797 digits of 8x8 pixels as vectors of 64 numbers in [0, 1]: 60 % train, 20 % val, 20 % test.

    The split is stratified by class and the same for every seed. Source: the test set of Alpaydin & Kaynak 1998, UCI
    (doi:10.24432/C50P49).

    batch_size: examples per batch; 0 takes all of them.
    """

    def __init__(self, *, batch_size: NonNegativeInt = 32, seed: int) -> None:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        x, y = torch.from_numpy(x).float() / 16, torch.from_numpy(y).long()
        train, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
        val, test = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
        parts = {name: Labelled(x[i], y[i]) for name, i in (("train", train), ("val", val), ("test", test))}
        super().__init__(parts, Spec(input=(64,), output=10, names=tuple("0123456789")), batch_size, seed)


class TwoMoons(Table):
    """Two interleaved half circles, as in scikit-learn's make_moons.

    size: number of points in each split.
    noise: standard deviation of the noise that is added to each coordinate.
    batch_size: examples per batch; 0 takes all of them.
    """

    def __init__(
        self, *, size: PositiveInt = 500, noise: NonNegativeFloat = 0.2, batch_size: NonNegativeInt = 32, seed: int
    ) -> None:
        x, y = two_moons(3 * size, noise, seed)
        x, y = torch.from_numpy(x).float(), torch.from_numpy(y).long()
        spec = Spec(input=(2,), output=2, names=("upper", "lower"))
        super().__init__(_thirds(x, y), spec, batch_size, seed)


def two_moons(count: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (count, 2) and their moons, 0 or 1, (count,): the same as scikit-learn's make_moons, whose import would
    take longer than the training."""
    random = np.random.RandomState(seed)
    upper, lower = (np.linspace(0, np.pi, number) for number in (count // 2, count - count // 2))
    x = np.append(np.cos(upper), 1 - np.cos(lower))
    y = np.append(np.sin(upper), 1 - np.sin(lower) - 0.5)
    order = random.permutation(count)
    moon = np.repeat([0, 1], [len(upper), len(lower)])[order]
    points = np.stack([x, y], axis=1)[order]
    return points + random.normal(scale=noise, size=points.shape), moon


class NoisyLine(Table):
    """y = w·x + b + noise, with x, w and b drawn from normal distributions.

    features: dimensions of x.
    size: number of points in each split.
    noise: standard deviation of the noise of y.
    batch_size: examples per batch; 0 takes all of them.
    """

    def __init__(
        self,
        *,
        features: PositiveInt = 1,
        size: PositiveInt = 100,
        noise: NonNegativeFloat = 0.5,
        batch_size: NonNegativeInt = 0,
        seed: int,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(3 * size, features, generator=generator)
        w, b = torch.randn(features, generator=generator), torch.randn((), generator=generator)
        y = x @ w + b + noise * torch.randn(3 * size, generator=generator)
        super().__init__(_thirds(x, y), Spec(input=(features,), output=1), batch_size, seed)


class Separable(Table):
    """Points in the unit disc with labels -1 and 1, separated by a line that every point is at least `margin` away
    from.

    size: number of points in each split.
    margin: smallest distance of a point from the line; the line's distance from the origin is half of it.
    """

    def __init__(
        self, *, size: PositiveInt = 200, margin: Annotated[float, Range(gt=0, lt=0.5)] = 0.1, seed: int
    ) -> None:
        if not 0 < margin < 0.5:
            raise UserError(f"--data.margin must be between 0 and 0.5, got {margin}")
        generator = torch.Generator().manual_seed(seed)
        normal = torch.randn(2, generator=generator)
        normal /= normal.norm()
        points = torch.empty(0, 2)
        while len(points) < 3 * size:
            x = 2 * torch.rand(8 * size, 2, generator=generator) - 1
            accepted = (x.norm(dim=1) <= 1) & ((x @ normal - margin / 2).abs() >= margin)
            points = torch.cat([points, x[accepted]])
        x = points[: 3 * size]
        super().__init__(_thirds(x, (x @ normal - margin / 2).sign()), Spec(input=(2,), output=1), 1, seed)


def _thirds(x: Tensor, y: Tensor) -> dict[str, Labelled]:
    return {name: Labelled(x[i::3], y[i::3]) for i, name in enumerate(("train", "val", "test"))}
