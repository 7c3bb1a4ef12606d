"""Generated scenes with boxes, or with boxes and masks: digits or shapes scattered on a canvas, without a download."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from dlplug_images.canvas.scenes import Scenes, masks
from dlplug_images.images import statistics
from torch import Tensor, nn

from dlplug import to_device
from dlplug_detection.boxes.batches import Boxed, DetectionSpec, HeldOut, Masked, Targets
from dlplug_detection.scattered import Scattered


class BoxedScenes(Scattered):
    """Scenes whose held-out splits have boxes, and masks where a subclass has them."""

    def described(self, survey: Scenes) -> DetectionSpec:
        images = survey.images.permute(0, 2, 3, 1)
        sides = (survey.boxes[..., 2:] - survey.boxes[..., :2])[survey.labels >= 0]
        shape = tuple(survey.images.shape[1:])
        return DetectionSpec(shape, len(self.names), *statistics(images), self.names, self.most, sides)

    def split(self, name: str) -> HeldOut:
        scenes = self.held_out_scenes(name)
        none = torch.zeros_like(scenes.labels, dtype=torch.bool)
        targets = Targets(scenes.boxes, scenes.labels, scenes.counts, none, none, self.masks_of(scenes))
        return HeldOut(scenes.images.permute(0, 2, 3, 1), targets, self.names)

    def masks_of(self, scenes: Scenes) -> Tensor | None:
        return None


class CanvasBoxes(BoxedScenes):
    """Digits or shapes on a canvas, and their boxes."""

    def batches(self, model: nn.Module) -> Iterator[Boxed]:
        device = next(model.parameters()).device
        for scenes in self.scenes():
            yield boxed(scenes, device)


class CanvasInstances(BoxedScenes):
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
