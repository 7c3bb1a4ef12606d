#!/usr/bin/env bash
# Gymnasium's make_vec clips an Atari game's rewards to their sign, where make returns points.
#
# Versions: gymnasium 1.4.0, ale-py 0.12.1, numpy 2.4.6, opencv-python-headless 5.0.0.93; Python 3.11.
#
# Expected: `gymnasium.make_vec(id, num_envs=n)` runs n copies of `gymnasium.make(id)`, as it does for
# Gymnasium's own CartPole-v1. A sum of rewards over a game would then be the game's score.
#
# Behaviour: make_vec prefers a registration's `vector_entry_point`. ale-py registers one for ALE/*-v5, AtariVectorEnv,
# which is not a vector of the single environment: its defaults are reward_clipping=True, greyscale frames of 84x84, stacks of
# four, up to 30 no-ops and no sticky actions, where make returns points, 210x160 in colour and sticky actions (0.25). Two
# of these are visible in the observation space; the reward is not. `reward_clipping=False` as an option of make_vec, or
# vectorization_mode="sync", returns points.
#
# Output seen (Space Invaders pays 5 to 30 points for an invader, 200 for the mother ship):
#   make: rewards 5 10 15 20 25 30
#   make_vec: rewards 1
#   make_vec, reward_clipping=False: rewards 5 10 15 20 25 30 200
#
# Source: gymnasium/envs/registration.py, make_vec: "if None, then, if env id' spec has a vector_entry_point, this is
# first used"; ale_py/registration.py, register_v5_envs; ale_py/vector_env.py, AtariVectorEnv.__init__.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" gymnasium==1.4.0 ale-py==0.12.1 numpy==2.4.6 \
    opencv-python-headless==5.0.0.93
"$folder/venv/bin/python" - <<'PYTHON'
import ale_py
import gymnasium
import numpy as np

gymnasium.register_envs(ale_py)
ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
ID, STEPS = "ALE/SpaceInvaders-v5", 1500


def single() -> set[int]:
    environment, rewards, generator = gymnasium.make(ID), set(), np.random.default_rng(0)
    environment.reset(seed=0)
    for _ in range(STEPS):
        _, reward, terminated, truncated, _ = environment.step(int(generator.integers(6)))
        rewards.add(int(reward))
        if terminated or truncated:
            environment.reset()
    return rewards - {0}


def vector(**options: bool) -> set[int]:
    environments, rewards, generator = gymnasium.make_vec(ID, num_envs=2, **options), set(), np.random.default_rng(0)
    environments.reset(seed=0)
    for _ in range(STEPS):
        rewards |= {int(reward) for reward in environments.step(generator.integers(6, size=2))[1]}
    return rewards - {0}


points, clipped, asked = single(), vector(), vector(reward_clipping=False)
for name, rewards in {"make": points, "make_vec": clipped, "make_vec, reward_clipping=False": asked}.items():
    print(f"{name}: rewards", *sorted(rewards))
raise SystemExit(not (max(points) > 1 and clipped == {1} and max(asked) > 1))
PYTHON
