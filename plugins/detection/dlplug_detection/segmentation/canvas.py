"""Generated scenes with class maps: digits or shapes scattered on a canvas, without a download."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.scenes import Scenes
from dlplug_images.images import scaled, statistics
from torch import nn

from dlplug import to_device
from dlplug_detection.scattered import Scattered
from dlplug_detection.segmentation.batches import HeldOutMaps, SegmentationSpec, Segmented, class_weights


class CanvasMasks(Scattered):
    """Digits or shapes on a canvas, and the class of each pixel: nothing, or an object's."""

    def described(self, survey: Scenes) -> SegmentationSpec:
        names = ("nothing", *self.names)
        shape = tuple(survey.images.shape[1:])
        weights = class_weights(survey.class_map, len(names))
        return SegmentationSpec(shape, len(names), *statistics(survey.images.permute(0, 2, 3, 1)), names, weights)

    def batches(self, model: nn.Module) -> Iterator[Segmented]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            images = scaled(to_device(scenes.images, device).permute(0, 2, 3, 1))
            classes = to_device(scenes.class_map, device).long()
            yield Segmented(images.contiguous(memory_format=torch.channels_last), classes)

    def split(self, name: str) -> HeldOutMaps:
        scenes = self.held_out_scenes(name)
        return HeldOutMaps(scenes.images.permute(0, 2, 3, 1), scenes.class_map, self.spec.names, background=True)
