"""Stable-Baselines3's DQN with CleanRL's settings. Needs stable-baselines3, ale-py, opencv-python."""

from __future__ import annotations

import ale_py
import gymnasium
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecFrameStack
from turns import BATCH, EPSILON, REPLAY, STARTS, TRAIN_EVERY, serve

torch.set_num_threads(1)
gymnasium.register_envs(ale_py)
agent = DQN(
    "CnnPolicy",
    VecFrameStack(make_atari_env("PongNoFrameskip-v4", n_envs=1, seed=0), n_stack=4),
    learning_rate=1e-4,
    buffer_size=REPLAY,
    learning_starts=STARTS,
    batch_size=BATCH,
    train_freq=TRAIN_EVERY,
    gradient_steps=1,
    target_update_interval=1000,
    exploration_initial_eps=EPSILON,
    exploration_final_eps=EPSILON,
    device="cpu",
)
serve(lambda steps: agent.learn(steps, reset_num_timesteps=False))
