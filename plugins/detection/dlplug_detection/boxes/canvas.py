"""Generated scenes with boxes, or with boxes and masks: digits or shapes scattered on a canvas, without a download."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import Kind, glyphs_of
from dlplug_images.canvas.layout import Scenery
from dlplug_images.canvas.scenes import Scenes, masks
from dlplug_images.images import statistics
from torch import Tensor, nn

from dlplug import Data, PositiveInt, distributed, to_device
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, HeldOut, Masked, Targets

HELD_OUT_SEED = 0  # the held-out scenes are the same in every run, so that runs can be compared
TRAIN, VAL, TEST = 2_000_000, 0, 1_000_000  # the first scene of each split
SURVEYED = 500  # training scenes whose pixels and boxes the spec describes


class Scattered(Data):
    """Training scenes are generated without end; each split has glyphs of its own. A scene is a function of the seed
    and its number alone, so that a resumed run sees the same scenes."""

    unit = "images"
    splits = ("val", "test")

    def __init__(
        self,
        *,
        glyphs: Kind = "digits",
        scenery: Scenery = Scenery(objects=(1, 8), overlap=0.3, noise=0.05),
        batch_size: PositiveInt = 32,
        validation: PositiveInt = 300,
        test: PositiveInt = 500,
        seed: int,
    ) -> None:
        """
        glyphs: digits (scikit-learn's), shapes, or mnist, which is downloaded.
        batch_size: scenes per batch.
        validation: number of scenes held out for validation, the same for every seed.
        test: number of scenes of the test split, the same for every seed.
        """
        distributed.share_of(batch_size)
        self.most, self.batch_size = scenery.objects[1], batch_size
        train = glyphs_of(glyphs)
        self.names, self.canvas = train.names, Canvas(train, scenery, seed=seed)
        self.held_out = {
            "val": (Canvas(glyphs_of(glyphs, "val"), scenery, seed=HELD_OUT_SEED), range(VAL, VAL + validation)),
            "test": (Canvas(glyphs_of(glyphs, "test"), scenery, seed=HELD_OUT_SEED), range(TEST, TEST + test)),
        }
        survey = self.canvas.scenes(range(TRAIN, TRAIN + SURVEYED))
        self.spec = DetectionSpec(
            (scenery.channels, scenery.height, scenery.width),
            len(self.names),
            *statistics(survey.images.permute(0, 2, 3, 1)),
            self.names,
            self.most,
            (survey.boxes[..., 2:] - survey.boxes[..., :2])[survey.labels >= 0],
        )

    def scenes(self) -> Iterator[Scenes]:
        """This process's share of each batch."""
        while True:
            first = TRAIN + self.count
            own = range(first + distributed.rank(), first + self.batch_size, distributed.world_size())
            self.count += self.batch_size
            yield self.canvas.scenes(own)

    def split(self, name: str) -> HeldOut:
        canvas, index = self.held_out[name]
        scenes = canvas.scenes(index)
        none = torch.zeros_like(scenes.labels, dtype=torch.bool)
        targets = Targets(scenes.boxes, scenes.labels, scenes.counts, none, none, self.masks_of(scenes))
        return HeldOut(scenes.images.permute(0, 2, 3, 1), targets, self.names)

    def masks_of(self, scenes: Scenes) -> Tensor | None:
        return None


class CanvasBoxes(Scattered):
    """Digits or shapes on a canvas, and their boxes."""

    def batches(self, model: nn.Module) -> Iterator[Boxed]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            yield boxed(scenes, device)


class CanvasInstances(Scattered):
    """Digits or shapes on a canvas, their boxes, and the visible pixels of each."""

    def batches(self, model: nn.Module) -> Iterator[Masked]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            yield Masked(*boxed(scenes, device), masks(to_device(scenes.instance_map, device), self.most))

    def masks_of(self, scenes: Scenes) -> Tensor:
        return masks(scenes.instance_map, self.most)


def boxed(scenes: Scenes, device: torch.device) -> Boxed:
    images = to_device(scenes.images, device).float().div_(255).contiguous(memory_format=torch.channels_last)
    return Boxed(images, *(to_device(part, device) for part in (scenes.boxes, scenes.labels, scenes.counts)))
