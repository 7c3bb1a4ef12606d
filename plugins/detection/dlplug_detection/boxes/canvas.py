"""Generated scenes with boxes, or with boxes and masks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.scenes import Scenes, masks
from dlplug_images.images import statistics
from torch import Tensor, nn

from dlplug import to_device
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, HeldOut, Masked, Targets
from dlplug_detection.scattered import Scattered, images_of


class ScatteredBoxes(Scattered):
    """What boxes, and boxes with masks, share: the spec and the held-out splits."""

    def described(self, survey: Scenes) -> DetectionSpec:
        mean, deviation = statistics(survey.images.permute(0, 2, 3, 1))
        sizes = (survey.boxes[..., 2:] - survey.boxes[..., :2])[survey.labels >= 0]
        return DetectionSpec(self.input, len(self.names), mean, deviation, self.names, self.scenery.objects[1], sizes)

    def split(self, name: str) -> HeldOut:
        scenes = self.held_out_scenes(name)
        none = torch.zeros_like(scenes.labels, dtype=torch.bool)
        targets = Targets(scenes.boxes, scenes.labels, scenes.counts, none, none, self.masks_of(scenes))
        return HeldOut(scenes.images.permute(0, 2, 3, 1), targets, self.names)

    def masks_of(self, scenes: Scenes) -> Tensor | None:
        return None


class CanvasBoxes(ScatteredBoxes):
    """Digits or shapes on a canvas, and their boxes."""

    def batches(self, model: nn.Module) -> Iterator[Boxed]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            yield boxed(scenes, device)


class CanvasInstances(ScatteredBoxes):
    """Digits or shapes on a canvas, their boxes, and the visible pixels of each."""

    def batches(self, model: nn.Module) -> Iterator[Masked]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            own = masks(to_device(scenes.instance_map, device), self.scenery.objects[1])
            yield Masked(*boxed(scenes, device), own)

    def masks_of(self, scenes: Scenes) -> Tensor:
        return masks(scenes.instance_map, self.scenery.objects[1])


def boxed(scenes: Scenes, device: torch.device) -> Boxed:
    targets = (to_device(part, device) for part in (scenes.boxes, scenes.labels, scenes.counts))
    return Boxed(images_of(scenes, device), *targets)
