"""scikit-learn's digits, which need no download."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug_images.images import Augmentation, Examples, Images, hold_out


class Digits(Images):
    """scikit-learn's 1797 digits of 8x8 pixels: 60 % train, 20 % val, 20 % test, without a download.

    The split is stratified by class and the same for every seed. Source: the test set of Alpaydin & Kaynak 1998, UCI
    (doi:10.24432/C50P49).
    """

    def __init__(
        self,
        *,
        size: PositiveInt = 8,
        training: NonNegativeInt = 0,
        augmentation: Augmentation = Augmentation(batch_size=64),
        seed: int,
    ) -> None:
        """
        size: image size in pixels; sizes other than 8 are interpolated.
        training: number of training images, the same for every seed; 0 takes all 1078.
        """
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        # 17 grey levels, 0 to 16
        images = torch.from_numpy(np.rint(x.reshape(-1, 8, 8, 1) * 255 / 16).astype(np.uint8))
        if size != 8:
            images = resized(images, size)
        everything = Examples(images, torch.from_numpy(y).long())
        train, rest = train_test_split(np.arange(len(y)), test_size=0.4, stratify=y, random_state=0)
        val, test = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=0)
        parts = {
            name: everything.take(torch.from_numpy(index))
            for name, index in (("train", train), ("val", val), ("test", test))
        }
        if training:
            _, parts["train"] = hold_out(parts["train"], training, "training")
        names = tuple("0123456789")
        super().__init__(parts, names, augmentation, seed=seed)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """uint8 (N, H, W, C) as (N, size, size, C), by bilinear interpolation."""
    if size < 1:
        raise UserError(f"--data.size must be at least 1, got {size}")
    drawn = F.interpolate(images.permute(0, 3, 1, 2).float(), (size, size), mode="bilinear", antialias=True)
    return drawn.round().clamp(0, 255).byte().permute(0, 2, 3, 1)
