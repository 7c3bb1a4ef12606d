"""The base class of data that are images with class maps: the whole set is on the device as uint8."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from dlplug_images.images import statistics
from torch import Tensor, nn

from dlplug import Data, Order, UserError, to_device
from dlplug.sampling import own_share
from dlplug_detection.segmentation.augment import DRAWS, Augmentation, augmented
from dlplug_detection.segmentation.batches import HeldOutMaps, Maps, SegmentationSpec, Segmented, class_weights


class SegmentedImages(Data):
    """Images with class maps in three splits, "train", "val" and "test", each of one size. Augmentation is a function
    of the seed and of the number of images before, so that a resumed run sees the same batches."""

    unit = "images"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "flip", "crop", "zoom", "jitter")

    def __init__(
        self, parts: Mapping[str, Maps], names: tuple[str, ...], augmentation: Augmentation, *, seed: int
    ) -> None:
        train = parts["train"]
        count, height, width, channels = train.images.shape
        if augmentation.batch_size > count:
            raise UserError(f"--data.batch-size {augmentation.batch_size} is more than the {count} training images")
        self.parts, self.names, self.augmentation, self.seed = parts, names, augmentation, seed
        self.crop = augmentation.crop_of(height, width)
        self.order = Order(count, augmentation.batch_size, seed)
        weights = class_weights(train.classes, len(names))
        shape = (channels, height, width)
        self.spec = SegmentationSpec(shape, len(names), *statistics(train.images), names, weights)

    def batches(self, model: nn.Module) -> Iterator[Segmented]:
        device = next(model.parameters()).device
        train = Maps(*(part.to(device) for part in self.parts["train"]))
        generator = torch.Generator()
        while True:
            generator.manual_seed(own_share(self.order.batch_size, self.seed, self.count)[1])
            index = self.order.next()
            draws = torch.rand(len(index), DRAWS, generator=generator).tolist()
            self.count += self.order.batch_size
            yield self.batch(train, index, draws, device)

    def batch(self, train: Maps, index: Tensor, draws: list[list[float]], device: torch.device) -> Segmented:
        chosen = to_device(index, device)
        images, classes = train.images[chosen].permute(0, 3, 1, 2), train.classes[chosen]
        pairs = [
            augmented(image, map, self.crop, self.augmentation, numbers)
            for image, map, numbers in zip(images, classes, draws, strict=True)
        ]
        images, classes = (torch.stack(part) for part in zip(*pairs, strict=True))
        return Segmented(images.contiguous(memory_format=torch.channels_last).float().div_(255), classes.long())

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOutMaps:
        return HeldOutMaps(*self.parts[name], self.names)
