"""Actions as a policy chooses them, and as a Gymnasium environment takes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from gymnasium import Space, spaces

from dlplug.errors import UserError


class ActionSpace(NamedTuple):
    """size: number of actions, or of an action's dimensions. continuous: whether actions are vectors of real numbers.
    low, high: the lowest and the highest action."""

    size: int
    continuous: bool
    low: np.ndarray
    high: np.ndarray

    def sent(self, actions: np.ndarray) -> np.ndarray:
        """The actions, (N,) from 0 or (N, D), as the environments take them."""
        return actions.clip(self.low, self.high) if self.continuous else actions + self.low


def action_space(id: str, space: Space, *, continuous: bool) -> ActionSpace:
    """continuous: whether actions may be vectors. Raises UserError for a space that does not fit."""
    if isinstance(space, spaces.Discrete):
        lowest = np.asarray(space.start)
        return ActionSpace(int(space.n), False, lowest, lowest + int(space.n) - 1)
    if not continuous:
        raise UserError(f"{id} has the action space {space}; a Discrete space is needed")
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or space.dtype.kind != "f":
        raise UserError(f"{id} has the action space {space}; a Discrete space is needed, or a Box of one axis")
    return ActionSpace(space.shape[0], True, space.low, space.high)
