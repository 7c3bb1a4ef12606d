"""Games played at random."""

from __future__ import annotations

import numpy as np
from dlplug_rl.environments.atari import AtariEnvironments
from dlplug_rl.environments.interface import TimeStep


def random_play(environments: AtariEnvironments, steps: int, seed: int = 0) -> tuple[list[TimeStep], list[np.ndarray]]:
    """What was seen (one more than steps) and the actions sent between."""
    generator = np.random.default_rng(seed)
    seen, actions = [environments.reset()], []
    for _ in range(steps):
        actions.append(generator.integers(environments.spec.output, size=environments.count))
        environments.send(actions[-1])
        seen.append(environments.receive())
    return seen, actions
