"""The types that data with class maps, segmentation nets and metrics share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from dlplug import Spec

IGNORE = 255  # in a class map: a pixel of no class, which neither the loss nor a metric counts


class Segmented(NamedTuple):
    """A batch on the model's device: images (N, C, H, W), floats in [0, 1]; classes (N, H, W) int64, from 0 on, or
    `IGNORE`."""

    images: Tensor
    classes: Tensor


class Maps(NamedTuple):
    """Images (N, H, W, C) uint8 and their class maps (N, H, W) uint8, with `IGNORE` where a pixel has no class."""

    images: Tensor
    classes: Tensor


class HeldOutMaps(NamedTuple):
    """A held-out split, for metrics and samplers: images (N, H, W, C) uint8, class maps (N, H, W) uint8, the names of
    the classes, and whether class 0 is what lies behind the objects and is drawn transparent."""

    images: Tensor
    classes: Tensor
    names: tuple[str, ...]
    background: bool = False


class Segmenter(Protocol):
    """What metrics and samplers of segmentation need: a module that can segment."""

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def segment(self, images: Tensor) -> Tensor:
        """The class (N, H, W) int64 of each pixel of images (N, C, H, W), floats in [0, 1] on the module's device."""
        ...


@dataclass(frozen=True)
class SegmentationSpec(Spec):
    """The spec of images with class maps. weights: (classes,) float32, see `class_weights`, of the training split."""

    weights: Tensor = field(default_factory=lambda: torch.empty(0), repr=False)


def class_frequencies(classes: Tensor, count: int) -> Tensor:
    """(count,) of class maps (N, H, W): the pixels of a class over all pixels, ignored ones too, of the images that
    contain it (Eigen & Fergus 2015, arXiv:1411.4734, section 4.3.1); 0 for a class that no image has."""
    pixels = torch.stack([torch.bincount(one.flatten().long(), minlength=256)[:count] for one in classes])
    around = (pixels > 0).sum(0) * classes[0].numel()
    return pixels.sum(0) / around.clamp(min=1)


def class_weights(classes: Tensor, count: int) -> Tensor:
    """(count,) of class maps (N, H, W): median frequency balancing (Eigen & Fergus 2015, section 4.3.1); 0 for a class
    that no image has."""
    frequencies = class_frequencies(classes, count)
    present = frequencies > 0
    # w_c = median(f) / f_c
    ratio = frequencies[present].median() / frequencies.clamp(min=torch.finfo().tiny)
    return torch.where(present, ratio, 0)
