"""The base class of image data sets: the whole set is on the device as uint8, where batches are gathered and
augmented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Data, Labelled, NonNegativeInt, Order, PositiveInt, Spec, UserError, to_device
from dlplug.sampling import own_share
from dlplug_images.augment import cutout, flip, padded_crop

SPLIT_SEED = 0  # the held-out images are the same in every run, so that runs can be compared


class Examples(NamedTuple):
    """Images (N, H, W, C) uint8 and their class indices (N,)."""

    images: Tensor
    y: Tensor

    def take(self, index: Tensor) -> Examples:
        return Examples(self.images[index], self.y[index])


class HeldOut(NamedTuple):
    """A held-out split, for metrics and samplers: images (N, H, W, C) uint8, class indices (N,), class names; and the
    training images (M, H, W, C), for a metric that fits a baseline to them."""

    images: Tensor
    y: Tensor
    names: tuple[str, ...]
    train: Tensor = torch.empty(0, dtype=torch.uint8)


@dataclass(frozen=True)
class ImageSpec(Spec):
    """The spec of images. train: the training images (N, H, W, C) uint8, for a model whose first layer is fitted to
    them."""

    train: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8), repr=False)


def hold_out(examples: Examples, count: int, option: str = "validation") -> tuple[Examples, Examples]:
    """(the set without `count` random examples, those examples); the choice is the same in every run."""
    if not 0 < count < len(examples.y):
        raise UserError(f"--data.{option} must be between 1 and {len(examples.y) - 1}, got {count}")
    order = torch.randperm(len(examples.y), generator=torch.Generator().manual_seed(SPLIT_SEED))
    return examples.take(order[:-count].sort().values), examples.take(order[-count:].sort().values)


def scaled(images: Tensor) -> Tensor:
    """uint8 (B, H, W, C) as floats (B, C, H, W) in [0, 1], channels-last in memory."""
    return images.permute(0, 3, 1, 2).float().div_(255)


@dataclass(frozen=True)
class Augmentation:
    """Batches and augmentation.

    batch_size: images per batch.
    flip: random horizontal flips.
    crop: pixels of padding for random crops; 0 for none.
    cutout: side of a randomly placed masked square, in pixels; 0 for none.
    """

    batch_size: PositiveInt = 128
    flip: bool = False
    crop: NonNegativeInt = 0
    cutout: NonNegativeInt = 0


class Images(Data):
    """Labelled images in three splits, "train", "val" and "test".

    Batches are floats (B, C, H, W) in [0, 1]; models standardise them by the training set's mean and standard deviation
    in `spec`. The random augmentation of a batch is a function of the seed and of the number of images before it.
    """

    unit = "images"
    finite = True
    splits = ("val", "test")
    training_options = ("training", "batch_size", "flip", "crop", "cutout")

    def __init__(
        self,
        parts: dict[str, Examples],
        names: tuple[str, ...],
        augmentation: Augmentation = Augmentation(),
        *,
        seed: int,
    ) -> None:
        images = parts["train"].images
        batch_size = augmentation.batch_size
        if not 0 < batch_size <= len(images):
            raise UserError(f"--data.batch-size must be between 1 and the {len(images)} images, got {batch_size}")
        smallest = min(images.shape[1:3])
        for option, value in (("crop", augmentation.crop), ("cutout", augmentation.cutout)):
            if not 0 <= value <= smallest:
                raise UserError(f"--data.{option} must be between 0 (none) and the image size {smallest}, got {value}")
        self.parts, self.names = parts, names
        self.augmentation, self.seed = augmentation, seed
        self.order = Order(len(images), batch_size, seed)
        height, width, channels = images.shape[1:]
        mean, deviation = statistics(images)
        self.spec = ImageSpec((channels, height, width), len(names), mean, deviation, names, images)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        device = next(model.parameters()).device
        images, y = (part.to(device) for part in self.parts["train"])
        fill = torch.tensor(self.spec.mean, device=device)[:, None, None]
        generator = torch.Generator(device)
        while True:
            generator.manual_seed(own_share(self.order.batch_size, self.seed, self.count)[1])
            index = to_device(self.order.next(), device)
            self.count += self.order.batch_size
            yield Labelled(self.augmented(scaled(images[index]), fill, generator), y[index])

    def augmented(self, x: Tensor, fill: Tensor, generator: torch.Generator) -> Tensor:
        """x (B, C, H, W), augmented by the options; fill (C, 1, 1) is the training set's mean, for cutout."""
        if self.augmentation.crop:
            x = padded_crop(x, self.augmentation.crop, generator)
        if self.augmentation.flip:
            x = flip(x, generator)
        if self.augmentation.cutout:
            x = cutout(x, self.augmentation.cutout, fill, generator)
        return x.contiguous(memory_format=torch.channels_last)

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOut:
        return HeldOut(*self.parts[name], self.names, self.parts["train"].images)


def statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 (N, H, W, C), in [0, 1], exact."""
    values = torch.arange(256, dtype=torch.double) / 255
    means, deviations = [], []
    for channel in images.unbind(3):
        share = torch.bincount(channel.flatten(), minlength=256) / channel.numel()
        mean = (share * values).sum()
        means.append(mean.item())
        deviations.append(((share * (values - mean) ** 2).sum().sqrt()).clamp(min=1e-6).item())
    return tuple(means), tuple(deviations)
