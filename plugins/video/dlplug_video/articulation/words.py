"""Articulatory word recognition: words from sensors on tongue, lips and jaw (UEA archive)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from dlplug_series.ts_format import SeriesSet, as_array, read_ts_archive
from torch import Generator, Tensor, nn

from dlplug import (
    Data,
    Labelled,
    NonNegativeFloat,
    NonNegativeInt,
    Order,
    PositiveInt,
    Spec,
    UserError,
    data_folder,
    to_device,
)
from dlplug.sampling import own_share

NAME = "ArticularyWordRecognition"
ARCHIVE = "uea_articulary/uea_articulary.tar.gz"


class HeldOutWords(NamedTuple):
    """A held-out split: x (N, C, T), class indices y (N,), the classes' names; and the labelled words that a baseline
    may learn from, known_x (M, C, T) and known_y (M,)."""

    x: Tensor
    y: Tensor
    names: tuple[str, ...]
    known_x: Tensor
    known_y: Tensor


class Articulation(Data):
    """Nine coordinates of sensors on tongue and lips while one of 25 words is said, 144 points each (Wang et al. 2013):
    the archive's 275 training and 300 test words, each coordinate of each word standardised.

    `val` is the last words of each class of the training set; baselines on `test` know all 275.

    validation: words of each class held out for validation.
    shift: largest shift in time, in points, of a training word.
    warp: largest change of a training word's tempo, as a fraction.
    scale: standard deviation of a factor of each coordinate of a training word.
    noise: standard deviation of Gaussian noise on a training word's points.
    batch_size: words per batch.
    """

    unit = "words"
    finite = True
    splits = ("val", "test")
    training_options = ("validation", "shift", "warp", "scale", "noise", "batch_size")
    protocol = "the archive's test set"

    def __init__(
        self,
        *,
        validation: PositiveInt = 1,
        shift: NonNegativeInt = 8,
        warp: NonNegativeFloat = 0.1,
        scale: NonNegativeFloat = 0.1,
        noise: NonNegativeFloat = 0.05,
        batch_size: PositiveInt = 25,
        seed: int,
    ) -> None:
        train, test = read_archive()
        known = Labelled(*tensors(train))
        held = last_of_each(known.y, validation)
        self.names, self.known = train.classes, known
        self.parts = {"train": Labelled(known.x[~held], known.y[~held]), "val": Labelled(known.x[held], known.y[held]),
                      "test": Labelled(*tensors(test))}  # fmt: skip
        self.shift, self.warp, self.scale, self.noise = shift, warp, scale, noise
        count = len(self.parts["train"].y)
        if batch_size > count:
            raise UserError(f"--data.batch-size must be at most the {count} training words, got {batch_size}")
        self.order, self.seed = Order(count, batch_size, seed), seed
        self.spec = Spec(tuple(known.x.shape[1:]), len(train.classes), names=train.classes)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        x, y = self.parts["train"]
        generator = Generator()
        while True:
            generator.manual_seed(own_share(self.order.batch_size, self.seed, self.count)[1])
            index = self.order.next()
            self.count += self.order.batch_size
            yield Labelled(to_device(self.augmented(x[index], generator), device), to_device(y[index], device))

    def augmented(self, x: Tensor, generator: Generator) -> Tensor:
        """Words (B, C, T), shifted, at another tempo, scaled and noisy."""
        uniform = 2 * torch.rand(2, len(x), 1, generator=generator) - 1
        x = resampled(x, self.shift * uniform[0], 1 + self.warp * uniform[1])
        x = x * (1 + self.scale * torch.randn(*x.shape[:2], 1, generator=generator))
        return x + self.noise * torch.randn(x.shape, generator=generator)

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOutWords:
        known = self.known if name == "test" else self.parts["train"]
        return HeldOutWords(*self.parts[name], self.names, *known)


def read_archive() -> tuple[SeriesSet, SeriesSet]:
    archive = data_folder() / ARCHIVE
    if not archive.is_file():
        raise UserError(
            f"{archive.name} is missing in {archive.parent}: pack {NAME}_TRAIN.ts and {NAME}_TEST.ts of "
            "timeseriesclassification.com, or set DLPLUG_DATA to a folder that has it; --data lip-words needs no "
            "download"
        )
    return read_ts_archive(archive, NAME)


def tensors(data: SeriesSet) -> tuple[Tensor, Tensor]:
    """x (N, C, T) and y (N,)."""
    return torch.from_numpy(as_array(data.series, data.name)), torch.from_numpy(data.y)


def last_of_each(y: Tensor, count: int) -> Tensor:
    """(N,) bool: the last `count` words of each class, in the file's order."""
    held = torch.zeros(len(y), dtype=torch.bool)
    for number in y.unique().tolist():
        place = (y == number).nonzero()[:, 0]
        if count >= len(place):
            raise UserError(f"--data.validation must be below the {len(place)} words of a class, got {count}")
        held[place[-count:]] = True
    return held


def resampled(x: Tensor, shift: Tensor, tempo: Tensor) -> Tensor:
    """Series (B, C, T), read from `shift` (B, 1) points later and at `tempo` (B, 1) times the speed around the middle,
    linearly interpolated; the first and last values remain beyond the ends."""
    points = x.shape[2]
    middle = (points - 1) / 2
    place = ((torch.arange(points) - middle) * tempo + middle + shift).clamp(0, points - 1)
    below = place.floor().long().clamp(max=points - 2)
    part = (place - below)[:, None]
    low, high = (x.gather(2, index[:, None].expand_as(x)) for index in (below, below + 1))
    return low + part * (high - low)
