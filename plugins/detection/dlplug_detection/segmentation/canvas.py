"""Generated scenes with class maps: digits or shapes scattered on a canvas, without a download."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import Kind, glyphs_of
from dlplug_images.canvas.layout import Scenery
from dlplug_images.images import scaled, statistics
from torch import nn

from dlplug import Data, PositiveInt, distributed, to_device
from dlplug_detection.segmentation.batches import HeldOutMaps, SegmentationSpec, Segmented, class_frequencies

HELD_OUT_SEED = 0  # the held-out scenes are the same in every run, so that runs can be compared
TRAIN, VAL, TEST = 2_000_000, 0, 1_000_000  # the first scene of each split
SURVEYED = 500  # training scenes whose pixels and classes the spec describes


class CanvasMasks(Data):
    """Digits or shapes on a canvas, and the class of each pixel: nothing, or an object's. Training scenes are generated
    without end; each split has glyphs of its own. A scene is a function of the seed and its number alone, so that a
    resumed run sees the same scenes."""

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
        self.batch_size = batch_size
        train = glyphs_of(glyphs)
        self.names, self.canvas = ("nothing", *train.names), Canvas(train, scenery, seed=seed)
        self.held_out = {
            "val": (Canvas(glyphs_of(glyphs, "val"), scenery, seed=HELD_OUT_SEED), range(VAL, VAL + validation)),
            "test": (Canvas(glyphs_of(glyphs, "test"), scenery, seed=HELD_OUT_SEED), range(TEST, TEST + test)),
        }
        survey = self.canvas.scenes(range(TRAIN, TRAIN + SURVEYED))
        self.spec = SegmentationSpec(
            (scenery.channels, scenery.height, scenery.width),
            len(self.names),
            *statistics(survey.images.permute(0, 2, 3, 1)),
            self.names,
            class_frequencies(survey.class_map, len(self.names)),
        )

    def batches(self, model: nn.Module) -> Iterator[Segmented]:
        device = next(model.parameters()).device
        while True:
            first = TRAIN + self.count
            own = range(first + distributed.rank(), first + self.batch_size, distributed.world_size())
            self.count += self.batch_size
            scenes = self.canvas.scenes(own)
            images = scaled(to_device(scenes.images, device).permute(0, 2, 3, 1))
            yield Segmented(
                images.contiguous(memory_format=torch.channels_last), to_device(scenes.class_map, device).long()
            )

    def split(self, name: str) -> HeldOutMaps:
        canvas, index = self.held_out[name]
        scenes = canvas.scenes(index)
        return HeldOutMaps(scenes.images.permute(0, 2, 3, 1), scenes.class_map, self.names, background=True)
