"""Tianshou's DQN with CleanRL's settings, in the loop that its trainer runs. Needs tianshou 2, ale-py and opencv."""

from __future__ import annotations

import ale_py
import gymnasium
import torch
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.env.atari.atari_network import DQNet, ScaledObsInputActionReprNet
from tianshou.utils.torch_utils import policy_within_training_step
from turns import BATCH, EPSILON, REPLAY, STARTS, TRAIN_EVERY, serve

torch.set_num_threads(1)
gymnasium.register_envs(ale_py)


def pong() -> gymnasium.Env:
    """Gymnasium's own wrappers: Tianshou 2.0.1's fail with NumPy 2."""
    return FrameStackObservation(AtariPreprocessing(gymnasium.make("PongNoFrameskip-v4")), 4)


environments = DummyVectorEnv([pong])
space = environments.action_space[0]
network = ScaledObsInputActionReprNet(DQNet(4, 84, 84, space.n))
policy = DiscreteQLearningPolicy(
    model=network, action_space=space, eps_training=EPSILON, observation_space=environments.observation_space[0]
)
algorithm = DQN(
    policy=policy,
    optim=AdamOptimizerFactory(lr=1e-4),
    gamma=0.99,
    target_update_freq=1000 // TRAIN_EVERY,
    is_double=False,
)
replay = VectorReplayBuffer(REPLAY, 1, ignore_obs_next=True, save_only_last_obs=True, stack_num=4)
collector = Collector(algorithm, environments, replay, exploration_noise=True)
collector.reset()


def play(steps: int) -> None:
    with policy_within_training_step(algorithm.policy):
        for _ in range(steps // TRAIN_EVERY):
            collector.collect(n_step=TRAIN_EVERY)
            if len(replay) > STARTS:
                algorithm.update(replay, BATCH)


serve(play)
