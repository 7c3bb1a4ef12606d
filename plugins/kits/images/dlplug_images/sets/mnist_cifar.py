"""MNIST, Fashion-MNIST, KMNIST, CIFAR-10 and CIFAR-100, from torchvision."""

from __future__ import annotations

from typing import Any

import torch

from dlplug import NonNegativeInt, PositiveInt, data_folder
from dlplug_images.images import Augmentation, Examples, Images, hold_out
from dlplug_images.sets.reading import read_cifar, read_idx


class TorchvisionSet(Images):
    """A torchvision data set with its own test set, and a validation set split off the training set.

    It is read from the data folder ($DLPLUG_DATA, or ~/.cache/dlplug), where torchvision downloads it if missing.
    """

    kind = ""

    def __init__(
        self,
        *,
        validation: PositiveInt = 5000,
        training: NonNegativeInt = 0,
        augmentation: Augmentation = Augmentation(),
        seed: int,
    ) -> None:
        """
        validation: number of training images held out for validation, the same for every seed.
        training: number of training images, the same for every seed; 0 takes all.
        """
        from torchvision import datasets

        of_kind = getattr(datasets, self.kind)
        read = read_cifar if issubclass(of_kind, datasets.CIFAR10) else read_idx
        train, test = read(of_kind, data_folder())
        train, val = hold_out(examples_of(train), validation)
        if training:
            _, train = hold_out(train, training, "training")
        # torchvision calls a digit "7 - seven"
        names = tuple(name.partition(" - ")[0] for name in test.classes)
        parts = {"train": train, "val": val, "test": examples_of(test)}
        super().__init__(parts, names, augmentation, seed=seed)


class MNIST(TorchvisionSet):
    """60,000 handwritten digits of 28x28 pixels, and 10,000 for testing (LeCun et al. 1998)."""

    kind = "MNIST"


class FashionMNIST(TorchvisionSet):
    """Ten kinds of clothes in MNIST's format (Xiao et al. 2017, arXiv:1708.07747)."""

    kind = "FashionMNIST"


class KMNIST(TorchvisionSet):
    """Ten cursive Japanese characters in MNIST's format (Clanuwat et al. 2018, arXiv:1812.01718)."""

    kind = "KMNIST"


class CIFAR10(TorchvisionSet):
    """50,000 colour images of 32x32 pixels in ten classes, and 10,000 for testing (Krizhevsky 2009)."""

    kind = "CIFAR10"


class CIFAR100(TorchvisionSet):
    """50,000 colour images of 32x32 pixels in a hundred classes, and 10,000 for testing (Krizhevsky 2009)."""

    kind = "CIFAR100"


def examples_of(dataset: Any) -> Examples:
    """From torchvision's arrays (N, H, W) or (N, H, W, C)."""
    images = torch.as_tensor(dataset.data)
    return Examples(images if images.ndim == 4 else images[..., None], torch.as_tensor(dataset.targets).long())
