"""Data that play from their options as the command line has them, flat; policies of a plain function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from dlplug.host.signatures import inspected

Kind = TypeVar("Kind")


def made(kind: type[Kind], *, seed: int = 0, **options: Any) -> Kind:
    signature = inspected(kind)
    assert options.keys() <= {option.name for option in signature.options}
    return kind(**signature.arguments(options), seed=seed)


class Acting:
    """A policy without memory: a function of observations (N, ...) gives actions (N,)."""

    def __init__(self, policy: Callable[[np.ndarray], np.ndarray]) -> None:
        self.policy = policy

    def start(self, count: int) -> None: ...

    def act(self, obs: np.ndarray, state: Any, first: np.ndarray, *, greedy: bool) -> tuple[np.ndarray, Any, Any]:
        return self.policy(obs), state, {}
