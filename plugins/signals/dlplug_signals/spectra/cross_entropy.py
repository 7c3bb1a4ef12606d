"""Cross entropy of classifiers of series."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Labelled, ProperFraction, minimise


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
