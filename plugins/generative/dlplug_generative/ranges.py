"""Conversion between the range of the data and that of a network's inputs and outputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import Spec


class Range(nn.Module):
    """`inward` converts data to the network's range, `outward` back: images from [0, 1] to [-1, 1]; points are
    standardised."""

    middle: Tensor
    scale: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        is_image = len(spec.input) == 3
        for name, value in (("middle", spec.mean), ("scale", spec.deviation)):
            self.register_buffer(name, torch.tensor(0.5) if is_image else torch.as_tensor(value, dtype=torch.float))

    def inward(self, x: Tensor) -> Tensor:
        return (x - self.middle) / self.scale

    def outward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.middle
