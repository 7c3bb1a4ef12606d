"""What is minimised."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Fraction, Labelled, minimise


@minimise
def cross_entropy(model: nn.Module, batch: Labelled, *, smoothing: Fraction = 0.0) -> Tensor:
    """The mean cross entropy of a batch.

    smoothing: label smoothing ε.
    """
    return F.cross_entropy(model(batch.x), batch.y, label_smoothing=smoothing)
