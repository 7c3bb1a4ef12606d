"""Stable-Baselines3's PPO on Pong with the zoo's settings. Needs stable-baselines3, ale-py, opencv-python.

Each line of standard input asks for a number of rollouts, whose seconds are printed.
"""

from __future__ import annotations

import sys
import time

import ale_py
import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack

ENVIRONMENTS, ROLLOUT = 8, 128

torch.set_num_threads(int(sys.argv[1]))
gymnasium.register_envs(ale_py)
agent = PPO(
    "CnnPolicy",
    VecFrameStack(make_atari_env("PongNoFrameskip-v4", n_envs=ENVIRONMENTS, seed=0), n_stack=4),
    learning_rate=2.5e-4,
    n_steps=ROLLOUT,
    batch_size=256,
    n_epochs=4,
    clip_range=0.1,
    ent_coef=0.01,
    vf_coef=0.5,
    device="cpu",
)
agent.learn(ENVIRONMENTS * ROLLOUT)
print("ready", flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    agent.learn(int(line) * ENVIRONMENTS * ROLLOUT, reset_num_timesteps=False)
    print(time.perf_counter() - started, flush=True)
