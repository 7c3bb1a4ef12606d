"""A linear support vector machine on a bag of visual words, and a convolutional net on the same images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from dlplug_images.images import ImageSpec
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_vision.bag_of_words.words import Bag, Vocabulary
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.layers import check_size


@dataclass(frozen=True)
class SubsetSpec(ImageSpec):
    """sizes: sizes of the training subsets, ascending; the first images of `train`."""

    sizes: tuple[int, ...] = ()


class Abreast(nn.ModuleList):
    """Modules side by side: each takes its own entry of the first axis, (S, B, ...), and gives one."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([module(one) for module, one in zip(self, x, strict=True)])


class BagOfWords(nn.Module):
    """Dense RootSIFT, visual words, a spatial pyramid and a linear support vector machine; and beside it a quick-net.

    There is a pair of them for each size of the training set. The forward pass gives the scores of the support vector
    machine that learns from the whole set.

    width: channels of the convolutional net's first stage.
    stages: how often the convolutional net halves the resolution.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        vocabulary: Vocabulary = Vocabulary(),
        width: PositiveInt = 32,
        stages: PositiveInt = 3,
        seed: int,
    ) -> None:
        if not isinstance(spec, ImageSpec):
            raise UserError("bag-of-words fits its words to the training images, which these data do not provide")
        check_size("bag-of-words", spec, 2**stages, "; fewer --model.stages take smaller images")
        super().__init__()
        self.sizes = spec.sizes if isinstance(spec, SubsetSpec) else (len(spec.train),)
        bags = [Bag(spec.train[:size], vocabulary, seed) for size in self.sizes]
        self.bags = nn.ModuleList(bags)
        self.svm = Abreast(nn.Linear(bag.size, spec.output) for bag in bags)
        self.cnn = Abreast(QuickNet(spec, width=width, stages=stages) for _ in bags)

    def forward(self, x: Tensor) -> Tensor:
        """The scores (B, classes) of x (B, C, H, W) in [0, 1]."""
        return self.svm[-1](self.bags[-1](x))
