"""Collects the steps of a policy in N environments, and makes a rollout of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from dlplug_play.on_policy.rollout import Rollout
from torch import Tensor

from dlplug_rl.environments.interface import TimeStep


class RolloutBuffer:
    """What was observed, done and judged since a time step.

    state: (N, S), the policy's state before that time step.
    """

    def __init__(self, timestep: TimeStep, state: Tensor) -> None:
        self.state = state
        self.seen = [(timestep.obs.copy(), timestep.first.copy())]
        self.done: list[tuple[np.ndarray, ...]] = []
        self.judged: list[tuple[Tensor, Tensor]] = []  # log-probabilities and values, which stay on their device
        self.counts: list[np.ndarray] = []

    def add(
        self, action: np.ndarray, extras: Mapping[str, Any], timestep: TimeStep, counts: np.ndarray | bool = True
    ) -> None:
        """A step: the action, what the policy said of it, and what followed. counts: (N,) bool, whether the row is to
        be learnt from; rows that reset an environment never are."""
        self.seen.append((timestep.obs.copy(), timestep.first.copy()))
        flags = timestep.terminated, timestep.truncated, timestep.life_lost
        self.done.append((action, *(array.copy() for array in (timestep.reward, *flags))))
        self.counts.append(~timestep.first & counts)
        self.judged.append((extras["log_probability"], extras["value"]))

    def rollout(self, last_value: Tensor, *, clip_reward: bool = False, life_loss_terminates: bool = False) -> Rollout:
        """The steps, on the CPU except for what the policy said. last_value: (N,), of the last observation."""
        obs, first = map(np.stack, zip(*self.seen, strict=True))
        counts = np.stack(self.counts)
        action, reward, terminated, truncated, life_lost = map(np.stack, zip(*self.done, strict=True))
        if life_loss_terminates:
            terminated = terminated | life_lost
        log_probability, value = (torch.stack([*column]) for column in zip(*self.judged, strict=True))
        return Rollout(
            obs=torch.from_numpy(obs),
            first=torch.from_numpy(first),
            action=torch.from_numpy(action),
            log_probability=log_probability,
            value=torch.cat([value, last_value[None]]),
            reward=_floats(np.where(counts, np.sign(reward) if clip_reward else reward, 0)),
            terminated=_floats(terminated),
            ended=_floats(terminated | truncated),
            weight=_floats(counts),
            state=self.state,
        )


def _floats(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
