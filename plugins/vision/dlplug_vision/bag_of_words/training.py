"""The loss: a squared hinge for the support vector machines, cross entropy for the convolutional nets."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Loss, NonNegativeFloat, ProperFraction, Update, UserError
from dlplug_vision.bag_of_words.data import Described
from dlplug_vision.bag_of_words.model import BagOfWords


class HingeAndCrossEntropy(Loss):
    """Squared hinge loss, one class against the rest, of linear support vector machines on features; cross entropy of
    convolutional nets on the images.

    penalty: λ of the penalty λ|w|² of each support vector machine; C = 1 / (2 λ N) in LIBLINEAR's objective.
    smoothing: label smoothing of the cross entropy.
    """

    parts = ("svm", "cnn")

    def __init__(self, model: nn.Module, *, penalty: NonNegativeFloat = 1e-3, smoothing: ProperFraction = 0.0) -> None:
        super().__init__(model)
        if not isinstance(model, BagOfWords):
            raise UserError(
                "the loss hinge-and-cross-entropy trains support vector machines and convolutional nets at once: it "
                "needs --model bag-of-words"
            )
        self.penalty, self.smoothing = penalty, smoothing

    def updates(self, batch: Described) -> Iterator[Update]:
        svm, cnn = (self.model.get_submodule(part) for part in self.parts)
        scores = svm(batch.features)
        weights = torch.stack([w.square().sum() for name, w in svm.named_parameters() if name.endswith("weight")])
        hinge = squared_hinge(scores, batch.y).sum() + self.penalty * weights.sum()
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
