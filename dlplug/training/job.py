"""What a configuration builds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from dlplug.contracts import Data, Loss


class Job(NamedTuple):
    """What is trained, measured and sampled from; the optimizers belong to the training alone."""

    data: Data
    model: nn.Module
    loss: Loss
    device: torch.device
