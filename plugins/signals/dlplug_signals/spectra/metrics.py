"""Metrics of classifiers of series: their accuracy beside that of classical methods, in the same run on the same
split."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import UserError, checked_by
from dlplug.stop import stoppable
from dlplug_signals.spectra.baselines.methods import compared, flat, series_accuracies, spectra_accuracies
from dlplug_signals.spectra.nets.autoencoder import Outputs, TwoPipelines
from dlplug_signals.spectra.pictures import confusion_picture
from dlplug_signals.spectra.series import HeldOut


def series_classification(
    model: nn.Module, data: HeldOut, *, classical: Literal["beside", "none"] = "beside"
) -> Mapping[str, Any]:
    """Accuracy of a classifier of series, beside 1-nearest neighbour, PCA + LDA, a linear support vector machine and
    MiniROCKET-like features with ridge regression, fitted to the same training series; and the confusion matrix.

    classical: none leaves the classical methods out.
    """
    device = next(model.parameters()).device
    logits = torch.cat([model(x.to(device)).float().cpu() for x in stoppable(data.x.split(256))])
    nets = {"accuracy": accuracy(logits, data.y)}
    numbers = compared(series_accuracies(data), nets) if classical == "beside" else nets
    return {**numbers, "confusion": confusion_picture(logits.argmax(1), data)}


def check_pipelines(model: nn.Module, *_: Any, **options: Any) -> None:
    if not isinstance(model, TwoPipelines):
        raise UserError("this measures an autoencoder and two classifiers: it needs --model two-pipelines")


@checked_by(check_pipelines)
def pipelines(model: nn.Module, data: HeldOut, *, classical: Literal["beside", "none"] = "beside") -> Mapping[str, Any]:
    """Accuracy of the end-to-end net (`accuracy`) and of the classifier of the autoencoder's code (`code_accuracy`),
    beside the old pipeline's variants, fitted to the same training spectra; and the autoencoder's squared error beside
    that of PCA with as many components.

    classical: none leaves the old pipeline out.
    """
    outputs = outputs_of(model, data.x)
    nets = {
        "accuracy": accuracy(outputs.logits, data.y),
        "code_accuracy": accuracy(outputs.code_logits, data.y),
    }
    return {
        **(compared(spectra_accuracies(data), nets) if classical == "beside" else nets),
        "mse": F.mse_loss(outputs.reconstruction, outputs.x).item(),
        "pca_mse": pca_error(model, data, outputs.code.shape[1]),
        "confusion": confusion_picture(outputs.logits.argmax(1), data),
    }


def outputs_of(model: nn.Module, x: Tensor) -> Outputs:
    """All outputs for x (N, C, L), on the CPU. Raises UserError for another model."""
    check_pipelines(model)
    device = next(model.parameters()).device
    parts = [[values.float().cpu() for values in model(part.to(device))] for part in stoppable(x.split(256))]
    return Outputs(*(torch.cat(values) for values in zip(*parts, strict=True)))


def accuracy(logits: Tensor, y: Tensor) -> float:
    return (logits.argmax(1) == y).float().mean().item()


def pca_error(model: nn.Module, data: HeldOut, components: int) -> float:
    """Mean squared error of PCA of the standardised spectra, fitted to the training set."""
    from sklearn.decomposition import PCA

    assert isinstance(model, TwoPipelines)
    standardise = copy.deepcopy(model.standardise).cpu()  # the model's own stays on its device
    train, x = (flat(standardise(part)) for part in (data.train.x, data.x))
    pca = PCA(min(components, *train.shape), random_state=0).fit(train)
    return float(((pca.inverse_transform(pca.transform(x)) - x) ** 2).mean())
