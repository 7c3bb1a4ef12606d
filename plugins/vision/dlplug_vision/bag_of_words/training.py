"""The loss: a squared hinge for the support vector machines, cross entropy for the convolutional nets."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Loss, PositiveFloat, ProperFraction, Update, UserError
from dlplug_vision.bag_of_words.data import Described
from dlplug_vision.bag_of_words.model import BagOfWords


class HingeAndCrossEntropy(Loss):
    """Squared hinge loss, one class against the rest, of linear support vector machines on features; cross entropy of
    convolutional nets on the images.

    cost: C of a support vector machine's objective |w|² / 2 + C Σ hinge² over its training images, as in LIBLINEAR.
    smoothing: label smoothing of the cross entropy.
    """

    parts = ("svm", "cnn")

    def __init__(self, model: nn.Module, *, cost: PositiveFloat = 4.0, smoothing: ProperFraction = 0.0) -> None:
        super().__init__(model)
        if not isinstance(model, BagOfWords):
            raise UserError(
                "the loss hinge-and-cross-entropy trains support vector machines and convolutional nets at once: it "
                "needs --model bag-of-words"
            )
        self.smoothing = smoothing
        # |w|² / (2 C N) beside the mean of the hinge
        self.penalties = [1 / (2 * cost * size) for size in model.sizes]

    def updates(self, batch: Described) -> Iterator[Update]:
        svm, cnn = (self.model.get_submodule(part) for part in self.parts)
        scores = svm(batch.features)
        hinge = squared_hinge(scores, batch.y).sum()
        for machine, penalty in zip(svm.children(), self.penalties, strict=True):
            hinge = hinge + penalty * machine.get_parameter("weight").square().sum()
        yield Update(hinge, "svm", svm_accuracy=accuracy(scores, batch.y)[-1])
        logits = cnn(batch.x)
        # the mean over all of the S · B images, S times
        entropy = F.cross_entropy(logits.flatten(0, 1), batch.y.flatten(), label_smoothing=self.smoothing)
        yield Update(len(logits) * entropy, "cnn", cnn_accuracy=accuracy(logits, batch.y)[-1])


def squared_hinge(scores: Tensor, y: Tensor) -> Tensor:
    """Σ_c max(0, 1 - t_c s_c)², with t_c = 1 for an image's own class and -1 for every other, as a mean over images
    (...,); scores (..., B, classes), y (..., B)."""
    sign = 2.0 * F.one_hot(y, scores.shape[-1]) - 1
    return (1 - sign * scores).clamp(min=0).square().sum(-1).mean(-1)


def accuracy(scores: Tensor, y: Tensor) -> Tensor:
    """(...,): the fraction of images whose class has the highest score; scores (..., B, classes), y (..., B)."""
    return (scores.argmax(-1) == y).float().mean(-1)
