"""The types that data with boxes, detectors and metrics share.

A box is x1, y1, x2, y2 in pixels of its image, from edge to edge: a box of one pixel is 1 wide. Rows of objects are
padded to the most (M) of any image: those from an image's count on are 0 in boxes, -1 in labels, no pixel in masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from dlplug import Spec


class Boxed(NamedTuple):
    """A batch of images with the boxes of their objects, on the model's device.

    images: (N, C, H, W) floats in [0, 1].
    boxes: (N, M, 4) float32, in pixels of `images`.
    labels: (N, M) int64, classes from 0 on; -1 from the count on.
    counts: (N,) int64, the number of objects; 0 for an image without any.
    """

    images: Tensor
    boxes: Tensor
    labels: Tensor
    counts: Tensor


class Masked(NamedTuple):
    """`Boxed`, and each object's pixels: masks (N, M, H, W) bool."""

    images: Tensor
    boxes: Tensor
    labels: Tensor
    counts: Tensor
    masks: Tensor


class Detections(NamedTuple):
    """What a detector finds in one image, best first: boxes (K, 4) in pixels of the image it was given, scores (K,)
    in [0, 1], labels (K,) int64 from 0 on, and masks (K, H, W) bool; None from a detector of boxes alone."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    masks: Tensor | None = None


class Detector(Protocol):
    """What metrics and samplers of detection need: a module that can detect."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def detect(self, images: Tensor) -> list[Detections]:
        """Objects in each of images (N, C, H, W), floats in [0, 1] on the module's device, after suppression."""
        ...


class Targets(NamedTuple):
    """The objects of N images, padded to the most (M), on the host.

    boxes: (N, M, 4) float32. labels: (N, M) int64. counts: (N,) int64.
    difficult: (N, M) bool, objects that are neither to be found nor wrong to find (VOC).
    crowd: (N, M) bool, boxes around a group, inside which anything may be found (COCO).
    masks: (N, M, H, W) bool, or None.
    """

    boxes: Tensor
    labels: Tensor
    counts: Tensor
    difficult: Tensor
    crowd: Tensor
    masks: Tensor | None = None


class HeldOut(NamedTuple):
    """A held-out split, for metrics and samplers: images (N, H, W, C) uint8, all of the size that the model is
    trained on, their objects in pixels of these images, and the names of the classes."""

    images: Tensor
    targets: Targets
    names: tuple[str, ...]


@dataclass(frozen=True)
class DetectionSpec(Spec):
    """The spec of images with boxes.

    most: the most objects of one image (M).
    sizes: (K, 2) float32, widths and heights of boxes of the training split, for a model whose anchors are fitted to
        them.
    """

    most: int = 1
    sizes: Tensor = field(default_factory=lambda: torch.empty(0, 2), repr=False)
