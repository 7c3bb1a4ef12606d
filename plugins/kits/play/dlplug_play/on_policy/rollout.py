"""Rollouts, the batches of on-policy learning, and their minibatches.

T: steps, N: environments, S: size of a policy's state, B: columns of a minibatch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dlplug import UserError


class Rollout(NamedTuple):
    """T steps of the current policy in N environments, on the model's device.

    obs: (T + 1, N, *input); obs[t] was observed before action[t], and obs[T] after the last action. After an episode's
        end at step t, obs[t + 1] is its final observation, and action[t + 1] is ignored, as the environment resets.
    first: (T + 1, N) bool, whether obs[t] begins an episode.
    action: (T, N) int64, or (T, N, D) float32 where actions are continuous.
    log_probability: (T, N), of each action under the policy that took it.
    value: (T + 1, N), the critic's estimate for each observation when it was acted on.
    reward: (T, N).
    terminated: (T, N), 1 where no reward follows the step by the rules: there is no bootstrap.
    ended: (T, N), 1 where the episode ended at the step, also by a time limit: the value of obs[t + 1] is the bootstrap
        and later rewards belong to another episode.
    weight: (T, N), 0 for the rows that reset an environment and are no steps, else 1.
    state: (N, S), the policy's state before obs[0]; S is 0 for a policy without memory.
    """

    obs: Tensor
    first: Tensor
    action: Tensor
    log_probability: Tensor
    value: Tensor
    reward: Tensor
    terminated: Tensor
    ended: Tensor
    weight: Tensor
    state: Tensor


class Minibatch(NamedTuple):
    """B columns of a rollout; the fields are as in a `Rollout`, without the last observation.

    With memory a column is an environment, (T, B). Without memory it is a single step, (1, B).
    advantage: how much better the action was than expected. goal: the return that the critic learns.
    """

    obs: Tensor
    first: Tensor
    action: Tensor
    log_probability: Tensor
    value: Tensor
    weight: Tensor
    advantage: Tensor
    goal: Tensor
    state: Tensor


def columns(rollout: Rollout, advantage: Tensor, goal: Tensor) -> Minibatch:
    """The whole rollout as one minibatch. advantage, goal: (T, N)."""
    steps = Minibatch(
        obs=rollout.obs[:-1],
        first=rollout.first[:-1],
        action=rollout.action,
        log_probability=rollout.log_probability,
        value=rollout.value[:-1],
        weight=rollout.weight,
        advantage=advantage,
        goal=goal,
        state=rollout.state,
    )
    if rollout.state.shape[1]:
        return steps
    flat = [step.flatten(0, 1)[None] for step in steps[:-1]]
    return Minibatch._make([*flat, rollout.state.new_empty(advantage.numel(), 0)])


def minibatches(whole: Minibatch, count: int) -> Iterator[Minibatch]:
    """The columns in random order, in `count` minibatches of equal size.

    Raises UserError where the columns cannot be divided so.
    """
    size = len(whole.state)
    if size % count:
        kind = "environments" if whole.state.shape[1] else "steps"
        raise UserError(f"a rollout of {size} {kind} cannot be divided into {count} minibatches of equal size")
    if count == 1:
        yield whole
        return
    order = torch.rand(size, device=whole.state.device).argsort()
    shuffled = [field.index_select(1, order) for field in whole[:-1]]
    parts = (field.chunk(count, 1) for field in shuffled)
    yield from map(Minibatch, *parts, whole.state[order].chunk(count))


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """The mean over the steps whose weight is 1; 0 where there are none. values, weight: of one shape."""
    return (values * weight).sum() / weight.sum().clamp(min=1)
