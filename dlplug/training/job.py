"""What a trainer works on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from dlplug.contracts import Data, Loss
from dlplug.training.stepper import Stepper


class Job(NamedTuple):
    """What a configuration builds."""

    data: Data
    model: nn.Module
    loss: Loss
    steppers: dict[str, Stepper]
    device: torch.device
