"""The objects that a configuration builds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from dlplug.contracts import Data, Loss


class Job(NamedTuple):
    """Data, model and loss on their device, for training, evaluation and sampling; the optimizers are `Training`'s."""

    data: Data
    model: nn.Module
    loss: Loss
    device: torch.device
