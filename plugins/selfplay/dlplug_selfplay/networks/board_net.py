"""A residual network with a policy head and a value head."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec


class Judged(NamedTuple):
    """policy: (B, actions) logits, also of illegal moves. value: (B,) logit of winning: σ(value) is the expected score
    of the player to move, where a draw is 0.5."""

    policy: Tensor
    value: Tensor


class Block(nn.Module):
    """x + conv(relu(conv(relu(x)))), the last convolution zero at first, so that no normalisation is needed (Zhang et
    al. 2019, Fixup, arXiv:1901.09321)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, padding=1)
        self.two = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.two.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.two(F.relu(self.one(F.relu(x))))


class BoardNet(nn.Module):
    """Judges positions of one game on one size of board.

    channels: of each convolution
    blocks: residual blocks, of two convolutions each
    hidden: hidden size of the value head
    """

    def __init__(
        self, spec: Spec, *, channels: PositiveInt = 32, blocks: NonNegativeInt = 3, hidden: PositiveInt = 64
    ) -> None:
        super().__init__()
        planes, height, width = spec.input
        self.board = (height, width)
        self.stem = nn.Conv2d(planes, channels, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.heads = nn.Conv2d(channels, 8, 1)  # four channels for each head
        self.policy = nn.Linear(4 * height * width, spec.output)
        self.value = nn.Sequential(nn.Linear(4 * height * width, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        nn.init.zeros_(self.policy.weight)  # an even policy at first
        nn.init.zeros_(self.policy.bias)
        self.to(memory_format=torch.channels_last)  # a third faster on a CPU

    def forward(self, obs: Tensor) -> Judged:
        """obs: (B, planes, height, width) of 0 and 1, of any type."""
        x = F.relu(self.blocks(self.stem(obs.to(self.stem.weight.dtype))))
        policy, value = torch.relu(self.heads(x)).flatten(2).split(4, 1)
        return Judged(self.policy(policy.flatten(1)), self.value(value.flatten(1)).squeeze(1))
