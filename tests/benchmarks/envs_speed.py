"""Steps per second of the vector versions beside Gymnasium's SyncVectorEnv of the single ones, and of the arena's
members; prints one JSON line.

Both take turns in one process, so that whatever else the machine does slows both; the ratio is of the medians.
Run it on one core: `taskset -c 0 python tests/benchmarks/envs_speed.py`.
"""

from __future__ import annotations

import json
import time
from statistics import median

import numpy as np
from dlplug_envs.arena import ACTIONS, Arena
from dlplug_envs.bricks import Bricks, BricksVector
from dlplug_envs.catch import Catch, CatchVector
from dlplug_envs.corridor import Corridor, CorridorVector
from dlplug_envs.invaders import Invaders, InvadersVector
from dlplug_envs.lanes import Lanes, LanesVector
from gymnasium.vector import SyncVectorEnv, VectorEnv

COPIES, ROUNDS = 256, 9


def steps_per_second(env: VectorEnv, steps: int) -> float:
    count = int(env.single_action_space.n)
    actions = np.random.default_rng(0).integers(count, size=(steps, COPIES))
    start = time.perf_counter()
    for action in actions:
        env.step(action)
    return steps * COPIES / (time.perf_counter() - start)


def compare(vector: VectorEnv, sync: VectorEnv) -> dict[str, float]:
    rates: dict[str, list[float]] = {"vector": [], "sync": []}
    vector.reset(seed=0)
    sync.reset(seed=0)
    for _ in range(ROUNDS):
        rates["vector"].append(steps_per_second(vector, 2000))
        rates["sync"].append(steps_per_second(sync, 100))
    medians = {name: median(values) for name, values in rates.items()}
    return {name: round(value) for name, value in medians.items()} | {
        "ratio": round(medians["vector"] / medians["sync"], 1)
    }


def members_per_second(games: int, steps: int = 200) -> int:
    arena, rates = Arena(games), []
    arena.reset()
    actions = np.random.default_rng(0).integers(ACTIONS, size=(steps, games, 2, 3))
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for action in actions:
            arena.step(action)
        rates.append(actions.size / (time.perf_counter() - start))
    return round(median(rates))


if __name__ == "__main__":
    result = {
        "Catch": compare(CatchVector(COPIES), SyncVectorEnv([Catch] * COPIES)),
        "Corridor": compare(CorridorVector(COPIES), SyncVectorEnv([Corridor] * COPIES)),
        "Bricks": compare(BricksVector(COPIES), SyncVectorEnv([Bricks] * COPIES)),
        "Lanes": compare(LanesVector(COPIES), SyncVectorEnv([Lanes] * COPIES)),
        "Invaders": compare(InvadersVector(COPIES), SyncVectorEnv([Invaders] * COPIES)),
    }
    arena = {f"{games} games": members_per_second(games) for games in (64, 256, 1024)}
    line = {"benchmark": "envs_speed", "copies": COPIES, "steps_per_second": result, "members_per_second": arena}
    print(json.dumps(line))
