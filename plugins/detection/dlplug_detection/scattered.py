"""The base class of generated scenes: digits or shapes scattered on a canvas, without a download."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import Kind, glyphs_of
from dlplug_images.canvas.layout import Scenery
from dlplug_images.canvas.scenes import Scenes
from torch import Tensor

from dlplug import Data, PositiveInt, Spec, distributed, to_device

HELD_OUT_SEED = 0  # the held-out scenes are the same in every run, so that runs can be compared
TRAIN, VAL, TEST = 2_000_000, 0, 1_000_000  # the first scene of each split
SURVEYED = 500  # training scenes that the spec describes


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
        self.scenery, self.batch_size = scenery, batch_size
        train = glyphs_of(glyphs)
        self.names, self.canvas = train.names, Canvas(train, scenery, seed=seed)
        self.held_out = {
            "val": (Canvas(glyphs_of(glyphs, "val"), scenery, seed=HELD_OUT_SEED), range(VAL, VAL + validation)),
            "test": (Canvas(glyphs_of(glyphs, "test"), scenery, seed=HELD_OUT_SEED), range(TEST, TEST + test)),
        }
        self.spec = self.described(self.canvas.scenes(range(TRAIN, TRAIN + SURVEYED)))

    def described(self, survey: Scenes) -> Spec:
        """The spec, from training scenes."""
        raise NotImplementedError

    @property
    def input(self) -> tuple[int, int, int]:
        """The shape of an image."""
        return self.scenery.channels, self.scenery.height, self.scenery.width

    def scenes(self) -> Iterator[Scenes]:
        """This process's share of each batch."""
        while True:
            first = TRAIN + self.count
            own = range(first + distributed.rank(), first + self.batch_size, distributed.world_size())
            self.count += self.batch_size
            yield self.canvas.scenes(own)

    def held_out_scenes(self, split: str) -> Scenes:
        canvas, index = self.held_out[split]
        return canvas.scenes(index)


def images_of(scenes: Scenes, device: torch.device) -> Tensor:
    """Images (N, C, H, W) in [0, 1] on the device, channels-last in memory."""
    return to_device(scenes.images, device).float().div_(255).contiguous(memory_format=torch.channels_last)
