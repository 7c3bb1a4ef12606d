"""Where the channels of a board are set."""

from __future__ import annotations

import numpy as np


def cells(observation: np.ndarray, channel: int) -> set[tuple[int, int]]:
    return set(zip(*(axis.tolist() for axis in np.nonzero(observation[channel])), strict=True))
