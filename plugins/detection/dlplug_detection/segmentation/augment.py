"""Augmentation of images together with their class maps, by torchvision's transforms v2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlplug import NonNegativeInt, PositiveFloat, PositiveInt, ProperFraction, UserError

DRAWS = 6  # random numbers per image


@dataclass(frozen=True)
class Augmentation:
    """Batches and augmentation.

    batch_size: images per batch.
    flip: random horizontal flips.
    crop: height and width of a random crop, in pixels; 0 0 for whole images.
    zoom: smallest and largest factor by which an image is enlarged before it is cropped.
    jitter: largest relative change of brightness and of contrast.
    """

    batch_size: PositiveInt = 8
    flip: bool = False
    crop: tuple[NonNegativeInt, NonNegativeInt] = (0, 0)
    zoom: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    jitter: ProperFraction = 0.0

    def crop_of(self, height: int, width: int) -> tuple[int, int]:
        """The size of a crop of images of that size. Raises UserError where no crop fits."""
        crop = (self.crop[0] or height, self.crop[1] or width)
        if self.zoom[0] > self.zoom[1]:
            raise UserError(f"--data.zoom must be two factors, the smaller first, got {self.zoom[0]} {self.zoom[1]}")
        if crop[0] > height * self.zoom[0] or crop[1] > width * self.zoom[0]:
            raise UserError(
                f"--data.crop {crop[0]} {crop[1]} does not fit into an image of {height}x{width} pixels at the "
                f"smallest --data.zoom, {self.zoom[0]:g}"
            )
        return crop


def augmented(
    image: Tensor, classes: Tensor, crop: tuple[int, int], options: Augmentation, draws: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """One image (C, H, W) uint8 and its class map (H, W), zoomed, cropped to `crop`, flipped and jittered.

    draws: `DRAWS` random numbers in [0, 1), on which alone the result depends. Maps are resized to the nearest pixel.
    """
    from torchvision import tv_tensors
    from torchvision.transforms.v2 import functional as v2

    zoom, down, across, mirrored, brightness, contrast = draws
    picture, mask = tv_tensors.Image(image), tv_tensors.Mask(classes)
    least, most = options.zoom
    factor = least * (most / least) ** zoom
    window = [round(length / factor) for length in crop]
    room = [length - part for length, part in zip(classes.shape, window, strict=True)]
    if (*window, *room) != (*crop, 0, 0):
        place = [int(down * (room[0] + 1)), int(across * (room[1] + 1))]
        picture, mask = (v2.resized_crop(part, *place, *window, size=list(crop)) for part in (picture, mask))
    if options.flip and mirrored < 0.5:
        picture, mask = v2.horizontal_flip(picture), v2.horizontal_flip(mask)
    if options.jitter:
        picture = v2.adjust_brightness(picture, 1 + options.jitter * (2 * brightness - 1))
        picture = v2.adjust_contrast(picture, 1 + options.jitter * (2 * contrast - 1))
    return picture.as_subclass(torch.Tensor), mask.as_subclass(torch.Tensor)
