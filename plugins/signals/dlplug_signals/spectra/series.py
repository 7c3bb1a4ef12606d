"""The base classes of series and of labelled series: the whole set is on the device, where batches are gathered and
augmented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, NamedTuple

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
from dlplug.sampling import own_share


class Examples(NamedTuple):
    """Series x (N, channels, length) float and what is to be predicted of each, y (N,): class indices or a float."""

    x: Tensor
    y: Tensor

    def take(self, index: Tensor) -> Examples:
        return Examples(self.x[index], self.y[index])


class HeldOut(NamedTuple):
    """A held-out split, for metrics and samplers: series x (N, channels, length), class indices y (N,), class names;
    and the training examples, for the classical methods that a metric fits to them."""

    x: Tensor
    y: Tensor
    names: tuple[str, ...]
    train: Examples


@dataclass(frozen=True)
class Training:
    """batch_size: series per batch.
    shift: largest random shift along the axis, in points; the ends are repeated.
    gain: standard deviation of a random log factor.
    jitter: standard deviation of added white noise, as a fraction of the training set's.
    """

    batch_size: PositiveInt = 32
    shift: NonNegativeInt = 0
    gain: NonNegativeFloat = 0.0
    jitter: NonNegativeFloat = 0.0


class Series(Data):
    """Series of one length, and what a model with `outputs` outputs is to predict of each.

    Models standardise them by the training set's mean and standard deviation of each channel in `spec`. The random
    augmentation of a batch is a function of the seed and of the number of series before it.
    """

    unit = "series"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "shift", "gain", "jitter")

    def __init__(
        self,
        parts: dict[str, Examples],
        outputs: int,
        training: Training,
        *,
        names: tuple[str, ...] = (),
        seed: int,
    ) -> None:
        x = parts["train"].x
        if training.batch_size > len(x):
            raise UserError(f"--data.batch-size must be at most the {len(x)} series, got {training.batch_size}")
        if training.shift >= x.shape[2]:
            raise UserError(f"--data.shift must be less than the length {x.shape[2]}, got {training.shift}")
        self.parts, self.training, self.seed = parts, training, seed
        self.order = Order(len(x), training.batch_size, seed)
        mean, deviation = x.mean((0, 2)), x.std((0, 2), correction=0).clamp(min=1e-6)
        self.spec = Spec(tuple(x.shape[1:]), outputs, tuple(mean.tolist()), tuple(deviation.tolist()), names)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        x, y = (values.to(device) for values in self.parts["train"])
        deviation = torch.as_tensor(self.spec.deviation, device=device)[:, None]
        generator = torch.Generator(device)
        while True:
            generator.manual_seed(own_share(self.order.batch_size, self.seed, self.count)[1])
            index = to_device(self.order.next(), device)
            self.count += self.order.batch_size
            yield Labelled(augmented(x[index], self.training, deviation, generator), y[index])

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch


class LabelledSeries(Series):
    """Series of one length and their classes."""

    def __init__(self, parts: dict[str, Examples], names: tuple[str, ...], training: Training, *, seed: int) -> None:
        super().__init__(parts, len(names), training, names=names, seed=seed)
        self.names = names

    def split(self, name: str) -> HeldOut:
        return HeldOut(*self.parts[name], self.names, self.parts["train"])


def augmented(x: Tensor, training: Training, deviation: Tensor, generator: torch.Generator) -> Tensor:
    """x (B, C, L), each series shifted, scaled and made noisy at random; deviation (C, 1) of the training set."""
    count, _, length = x.shape
    device = x.device
    if training.shift:
        shift = torch.randint(-training.shift, training.shift + 1, (count, 1, 1), generator=generator, device=device)
        place = (torch.arange(length, device=device) + shift).clamp(0, length - 1)
        x = x.gather(2, place.expand_as(x))
    if training.gain:
        x = x * (training.gain * torch.randn(count, 1, 1, generator=generator, device=device)).exp()
    if training.jitter:
        x = x + training.jitter * deviation * torch.randn(x.shape, generator=generator, device=device)
    return x


@dataclass(frozen=True)
class Validation:
    """validation: share of each class's training series that is held out; 0 trains on all of them, and then watches
        the training set.
    consecutive: holds out series that follow each other in the file, in place of every k-th: where all spectra of a
        sample do, as in Ham, these are other samples.
    fold: which of the shares is held out, from 0 on.
    """

    validation: Annotated[float, Range(ge=0, le=0.5)] = 0.0
    consecutive: bool = False
    fold: NonNegativeInt = 0


def hold_out(examples: Examples, how: Validation) -> tuple[Examples, Examples]:
    """(the training examples without a share of each class, that share). The same in every run. At least one example of
    each class is held out, and none of a class with one alone.

    In the order of the file a class's examples are dealt to 1 / share parts in turn, or cut into as many; the last part
    is fold 0.
    """
    parts = max(2, round(1 / how.validation))
    if how.fold >= parts:
        raise UserError(f"--data.fold must be below {parts}, the parts of a class's series, got {how.fold}")
    held = torch.zeros(len(examples.y), dtype=torch.bool)
    for label in examples.y.unique():
        place = (examples.y == label).nonzero()[:, 0]
        if len(place) > 1:
            most = min(parts, len(place))
            number = torch.arange(len(place))
            part = number * most // len(place) if how.consecutive else number % most
            held[place[part == (parts - 1 - how.fold) % most]] = True
    return examples.take((~held).nonzero()[:, 0]), examples.take(held.nonzero()[:, 0])
