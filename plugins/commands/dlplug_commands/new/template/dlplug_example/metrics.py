"""What is measured on a held-out split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from dlplug import Labelled


def accuracy(model: nn.Module, data: Labelled) -> Mapping[str, Any]:
    """The fraction of points that are classified correctly."""
    device = next(model.parameters()).device
    return {"accuracy": (model(data.x.to(device)).argmax(1).cpu() == data.y).float().mean()}
