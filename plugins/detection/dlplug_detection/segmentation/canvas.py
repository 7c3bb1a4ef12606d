"""Generated scenes with class maps."""

from __future__ import annotations

from collections.abc import Iterator

from dlplug_images.canvas.scenes import Scenes
from dlplug_images.images import statistics
from torch import nn

from dlplug import to_device
from dlplug_detection.scattered import Scattered, images_of
from dlplug_detection.segmentation.batches import HeldOutMaps, SegmentationSpec, Segmented, class_frequencies


class CanvasMasks(Scattered):
    """Digits or shapes on a canvas, and the class of each pixel: nothing, or an object's."""

    def described(self, survey: Scenes) -> SegmentationSpec:
        names = self.classes
        mean, deviation = statistics(survey.images.permute(0, 2, 3, 1))
        frequencies = class_frequencies(survey.class_map, len(names))
        return SegmentationSpec(self.input, len(names), mean, deviation, names, frequencies)

    @property
    def classes(self) -> tuple[str, ...]:
        return "nothing", *self.names

    def batches(self, model: nn.Module) -> Iterator[Segmented]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            yield Segmented(images_of(scenes, device), to_device(scenes.class_map, device).long())

    def split(self, name: str) -> HeldOutMaps:
        scenes = self.held_out_scenes(name)
        return HeldOutMaps(scenes.images.permute(0, 2, 3, 1), scenes.class_map, self.classes, background=True)
