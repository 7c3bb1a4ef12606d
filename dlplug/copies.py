"""Copies of a model: one that follows it, as a target network does, and its past selves."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from dlplug.counters import Turn


class Lagged(nn.Module):
    """A copy of a model that follows it: a target network (rate 1, every n calls) or averaged weights (rate 1 - decay).

    It never requires gradients and stays in eval mode. Buffers that are not floating point are copied.
    """

    def __init__(self, model: nn.Module, rate: float = 1.0, every: int = 1) -> None:
        super().__init__()
        if not 0.0 < rate <= 1.0:
            raise ValueError(f"rate must be in (0, 1], got {rate}")
        self.module = copy.deepcopy(model).requires_grad_(False).eval()
        self.rate, self.turn = rate, Turn(every)
        self.training = False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def train(self, mode: bool = True) -> Lagged:
        return self

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """θ' ← θ' + rate · (θ - θ') at every n-th call."""
        if not self.turn():
            return
        lagged, leading = _tensors(self.module), _tensors(model)
        floating = [i for i, tensor in enumerate(lagged) if tensor.is_floating_point()]
        if self.rate < 1.0 and floating:
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                [lagged[i] for i in floating], [leading[i] for i in floating], self.rate
            )
        for i, (mine, theirs) in enumerate(zip(lagged, leading, strict=True)):
            if self.rate == 1.0 or i not in floating:
                mine.copy_(theirs)

    def get_extra_state(self) -> dict[str, int]:
        return self.turn.state_dict()

    def set_extra_state(self, state: Any) -> None:
        self.turn.load_state_dict(state)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
