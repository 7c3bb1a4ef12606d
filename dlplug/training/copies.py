"""Copies of a model: one that follows it, as a target network does, and its past selves."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlplug.training.counters import Turn


class Lagged(nn.Module):
    """A copy of a model that follows it: a target network (rate 1, every n calls) or averaged weights (rate 1 - decay).

    It never requires gradients and stays in eval mode. Buffers that are not floating point are copied.
    """

    def __init__(self, model: nn.Module, rate: float = 1.0, every: int = 1) -> None:
        super().__init__()
        if not 0.0 < rate <= 1.0:
            raise ValueError(f"rate must be in (0, 1], got {rate}")
        self.module = _frozen(model)
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
        averaged: list[Tensor] = []
        towards: list[Tensor] = []
        for lagged, leading in zip(_tensors(self.module), _tensors(model), strict=True):
            if self.rate < 1.0 and lagged.is_floating_point():
                averaged.append(lagged)
                towards.append(leading)
            else:
                lagged.copy_(leading)
        if averaged:
            torch._foreach_lerp_(averaged, towards, self.rate)  # pyright: ignore[reportPrivateImportUsage]

    def get_extra_state(self) -> dict[str, int]:
        return self.turn.state_dict()

    def set_extra_state(self, state: Any) -> None:
        self.turn.load_state_dict(state)


class Pool:
    """Frozen past selves of a model, in eval mode, the oldest first: opponents in self-play, members of an ensemble.

    Build it in `Data.meet` or the constructor of a loss, as an ordinary attribute: it is saved with the run, and when
    the run resumes it has as many members as were saved.

    model: the members are copies of it; the pool is empty until the first `add`.
    size: largest number of members; adding to a full pool drops the oldest.
    """

    def __init__(self, model: nn.Module, size: int) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        self.size, self._blank = size, _frozen(model)
        self._members: list[nn.Module] = []

    def add(self, model: nn.Module) -> None:
        """Adds a copy of the model in its present state."""
        member = copy.deepcopy(self._blank)  # not a copy of `model`, which may be compiled
        member.load_state_dict(model.state_dict())
        self._members = [*self._members, member][-self.size :]

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: int) -> nn.Module:
        return self._members[index]

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self._members)

    def state_dict(self) -> dict[str, Any]:
        return {"members": [member.state_dict() for member in self._members]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._members = []
        for member in state["members"][-self.size :]:
            self._members.append(copy.deepcopy(self._blank))
            self._members[-1].load_state_dict(member)


def _frozen(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model).requires_grad_(False).eval()


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
