"""The range of a network's inputs and outputs, and the conversion from and to the data's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import Spec


class Range(nn.Module):
    """Between the data's own range and the networks': pictures [0, 1] and [-1, 1]; points, and these standardised."""

    middle: Tensor
    scale: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        pictures = len(spec.input) == 3
        for name, value in (("middle", spec.mean), ("scale", spec.deviation)):
            self.register_buffer(name, torch.tensor(0.5) if pictures else torch.as_tensor(value, dtype=torch.float))

    def inward(self, x: Tensor) -> Tensor:
        return (x - self.middle) / self.scale

    def outward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.middle
