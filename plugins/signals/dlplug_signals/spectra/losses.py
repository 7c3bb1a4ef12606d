"""The losses of classifiers of series and of regressions on series."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Labelled, ProperFraction, UserError, minimise


@minimise
def series_cross_entropy(
    model: nn.Module, batch: Labelled, *, smoothing: ProperFraction = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of a classifier of series.

    smoothing: label smoothing ε (Szegedy et al. 2016, section 7).
    """
    logits = model(batch.x)
    return F.cross_entropy(logits, batch.y, label_smoothing=smoothing), {
        "batch_accuracy": (logits.argmax(1) == batch.y).float().mean()
    }


@minimise
def series_squared_error(model: nn.Module, batch: Labelled) -> Tensor:
    """Mean squared error of a number that is predicted of each series."""
    predicted = model(batch.x)
    if predicted.shape != (len(batch.y), 1) or not batch.y.is_floating_point():
        raise UserError(
            "the loss series-squared-error needs data with a number for each series, such as wheat-kernels, and a "
            f"model with one output; got outputs {tuple(predicted.shape[1:])} and labels of {batch.y.dtype}"
        )
    return F.mse_loss(predicted[:, 0], batch.y)
