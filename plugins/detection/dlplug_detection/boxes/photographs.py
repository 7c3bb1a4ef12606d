"""The base class of annotated photographs: all images in memory as uint8, augmented one by one with their boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated as Ranged
from typing import Any

import torch
from dlplug_images.images import statistics
from torch import Tensor, nn

from dlplug import Data, Fraction, Order, PositiveInt, Range, to_device
from dlplug.sampling import own_share
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, HeldOut
from dlplug_detection.boxes.files.annotations import Annotated


@dataclass(frozen=True)
class Augmentation:
    """Batches and augmentation.

    batch_size: images per batch.
    flip: random horizontal flips.
    flip_vertical: random vertical flips.
    crop: probability of a random crop that keeps at least one object's centre (RandomIoUCrop, Liu et al. 2016), and is
        enlarged to the image's size.
    zoom_out: largest factor by which an image is shrunk, inside its mean colour, with a probability of a half; 1 is
        none.
    colour: largest change of an image's brightness and contrast, as a fraction.
    """

    batch_size: PositiveInt = 16
    flip: bool = True
    flip_vertical: bool = False
    crop: Fraction = 0.0
    zoom_out: Ranged[float, Range(ge=1)] = 1.0
    colour: Fraction = 0.0


class Photographs(Data):
    """Images with boxes in three splits. The random augmentation of a batch is a function of the seed and of the number
    of images before it."""

    unit = "images"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "flip", "flip_vertical", "crop", "zoom_out", "colour")

    def __init__(
        self,
        parts: dict[str, Annotated],
        names: tuple[str, ...],
        augmentation: Augmentation = Augmentation(),
        *,
        seed: int,
    ) -> None:
        self.parts, self.names, self.seed = parts, names, seed
        images, targets = parts["train"]
        learnt = (targets.labels >= 0) & ~targets.difficult & ~targets.crowd
        self.objects = [(targets.boxes[n][kept], targets.labels[n][kept]) for n, kept in enumerate(learnt)]
        self.most = max(1, int(learnt.sum(1).max()))
        self.order = Order(len(images), augmentation.batch_size, seed)
        mean, deviation = statistics(images)
        height, width, channels = images.shape[1:]
        sizes = (targets.boxes[..., 2:] - targets.boxes[..., :2])[learnt]
        self.spec = DetectionSpec((channels, height, width), len(names), mean, deviation, names, self.most, sizes)
        self.augmentation = augmentation
        fill = [round(255 * value) for value in mean]
        self.augment = transforms(augmentation, height, width, fill)
        # without a box, RandomIoUCrop would try all its crops in vain
        self.augment_empty = transforms(replace(augmentation, crop=0.0), height, width, fill)

    def batches(self, model: nn.Module) -> Iterator[Boxed]:
        device = next(model.parameters()).device
        while True:
            seed = own_share(self.order.batch_size, self.seed, self.count)[1]
            index = self.order.next()
            self.count += self.order.batch_size
            images, factors, *targets = (to_device(field, device) for field in self.augmented(index, seed))
            images = images.float().div_(255).contiguous(memory_format=torch.channels_last)
            yield Boxed(recoloured(images, factors), *targets)

    def augmented(self, index: Tensor, seed: int) -> tuple[Tensor, ...]:
        """Images (B, C, H, W) uint8, the factors (B, 2) of brightness and contrast, boxes (B, M, 4), labels (B, M) and
        counts (B,). torchvision draws from the global random state, which is left as it was."""
        boxes, labels = torch.zeros(len(index), self.most, 4), torch.full((len(index), self.most), -1)
        images = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            factors = 1 + self.augmentation.colour * (2 * torch.rand(len(index), 2) - 1)
            for row, n in enumerate(index.tolist()):
                image, kept, of = self.example(n)
                images.append(image)
                boxes[row, : len(of)], labels[row, : len(of)] = kept, of
        return torch.stack(images), factors, boxes, labels, (labels >= 0).sum(1)

    def example(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """One training image (C, H, W), its boxes (K, 4) and labels (K,), augmented."""
        from torchvision import tv_tensors

        boxes, labels = self.objects[n]
        image = self.parts["train"].images[n].permute(2, 0, 1).contiguous()
        size = image.shape[1], image.shape[2]
        sample = {
            "image": tv_tensors.Image(image),
            "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size),  # pyright: ignore[reportCallIssue]
            "labels": labels,
        }
        sample = (self.augment if len(boxes) else self.augment_empty)(sample)
        return sample["image"], sample["boxes"].as_subclass(Tensor), sample["labels"]

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOut:
        return HeldOut(*self.parts[name], self.names)


def transforms(augmentation: Augmentation, height: int, width: int, fill: list[int]) -> Callable[[Any], Any]:
    """The chain of torchvision's transforms; boxes that a crop leaves without area are removed at its end."""
    from torchvision.transforms import v2

    chain: list[Any] = [
        v2.RandomHorizontalFlip(0.5 if augmentation.flip else 0.0),
        v2.RandomVerticalFlip(0.5 if augmentation.flip_vertical else 0.0),
    ]
    if augmentation.zoom_out > 1:
        chain.append(v2.RandomZoomOut(fill, (1.0, augmentation.zoom_out)))
    if augmentation.crop:
        chain.append(v2.RandomApply([v2.RandomIoUCrop()], augmentation.crop))
    if augmentation.zoom_out > 1 or augmentation.crop:
        chain.append(v2.Resize((height, width), antialias=True))
    return v2.Compose([*chain, v2.ClampBoundingBoxes(), v2.SanitizeBoundingBoxes()])


def recoloured(images: Tensor, factors: Tensor) -> Tensor:
    """Images (B, C, H, W) in [0, 1] whose brightness and contrast are multiplied by factors (B, 2)."""
    brightness, contrast = factors[:, :, None, None, None].unbind(1)
    images = images * brightness
    grey = images.mean((1, 2, 3), keepdim=True)
    return ((images - grey) * contrast + grey).clamp(0, 1)
