"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import numpy as np
import torch

from dlplug.testing import check_exercise


def test_td_target():
    def bootstraps_at_the_end(reward, terminated, discount, next_value):
        shape = (-1, *[1] * (next_value.ndim - 1))
        return reward.view(shape) + discount.view(shape) * next_value

    def discounts_the_reward(reward, terminated, discount, next_value):
        shape = (-1, *[1] * (next_value.ndim - 1))
        return discount.view(shape) * (reward.view(shape) + (1 - terminated).view(shape) * next_value)

    def mixes_rows_and_atoms(reward, terminated, discount, next_value):
        if next_value.shape[1:] == (2,):
            return reward[:, None] + (discount * (1 - terminated))[:, None] * next_value
        return reward + discount * (1 - terminated) * next_value

    ended, early, mixed = check_exercise(
        "td-target", [bootstraps_at_the_end, discounts_the_reward, mixes_rows_and_atoms]
    )
    assert "terminated [1.0, 1.0, 1.0], next_value (3,): expected" in ended
    assert "terminated [0.0, 0.0, 0.0], next_value (3,): expected -0.38 at [1], got 0 " in early
    assert "next_value (3, 3)" in mixed


def test_lambda_returns():
    def returns(reward, stops, ended, next_value, gamma, trace, resets=True, swapped=False):
        result, later = np.empty_like(reward), next_value[-1]
        for t in reversed(range(len(reward))):
            a, b = (1 - trace, trace) if swapped else (trace, 1 - trace)
            mixed = a * later + b * next_value[t]
            mixed = np.where(ended[t], next_value[t], mixed) if resets else mixed
            later = result[t] = reward[t] + gamma * np.where(stops[t], 0, mixed)
        return result

    def goes_through_the_reset(*args):
        return returns(*args, resets=False)

    def swaps_lambda(*args):
        return returns(*args, swapped=True)

    def bootstraps_at_the_end(reward, stops, *args):
        return returns(reward, np.zeros_like(stops), *args)

    through, swap, end = check_exercise("lambda-returns", [goes_through_the_reset, swaps_lambda, bootstraps_at_the_end])
    assert "truncated at step 2 of environment 0" in through
    assert "in one long episode" in swap
    assert "terminates at step 2 of environment 0" in end


def test_gae():
    def sums(reward, value, ended, gamma, trace, delta):
        result, later = torch.empty_like(reward), torch.zeros_like(reward[0])
        for t in reversed(range(len(reward))):
            later = result[t] = delta[t] + gamma * trace * (1 - ended[t]) * later
        return result

    def takes_a_time_limit_for_an_end(reward, value, terminated, ended, gamma, trace):
        delta = reward + gamma * (1 - ended) * value[1:] - value[:-1]
        return sums(reward, value, ended, gamma, trace, delta)

    def sums_through_a_time_limit(reward, value, terminated, ended, gamma, trace):
        delta = reward + gamma * (1 - terminated) * value[1:] - value[:-1]
        return sums(reward, value, terminated, gamma, trace, delta)

    def forgets_the_baseline(reward, value, terminated, ended, gamma, trace):
        return sums(reward, value, ended, gamma, trace, reward + gamma * (1 - terminated) * value[1:])

    limit, through, baseline = check_exercise(
        "gae", [takes_a_time_limit_for_an_end, sums_through_a_time_limit, forgets_the_baseline]
    )
    assert "truncated at step 2 of environment 0 (step, environment): expected" in limit
    assert "truncated at step 2" in through
    assert "in one long episode" in baseline


def test_projection():
    def floor_and_ceil(goal, probability, support, clamps=True):
        low, spacing = support[0], support[1] - support[0]
        place = (goal.clamp(support[0], support[-1]) - low) / spacing if clamps else (goal - low) / spacing
        below, above = place.floor().clamp(0, len(support) - 1), place.ceil().clamp(0, len(support) - 1)
        result = torch.zeros(len(goal), len(support))
        result.scatter_add_(1, below.long(), probability * (above - place))  # 0 - 0 on an atom
        return result.scatter_add_(1, above.long(), probability * (place - below))

    def nearest_atom(goal, probability, support):
        place = ((goal - support[0]) / (support[1] - support[0])).round().clamp(0, len(support) - 1)
        return torch.zeros(len(goal), len(support)).scatter_add_(1, place.long(), probability)

    def does_not_clamp(goal, probability, support):
        near = (1 - (goal[:, None] - support[:, None]).abs() / (support[1] - support[0])).clamp(0, 1)
        return (near * probability[:, None]).sum(-1)

    lost, nearest, outside = check_exercise("c51-projection", [floor_and_ceil, nearest_atom, does_not_clamp])
    assert "of goals on atoms, whose mass must not be lost" in lost
    assert "of goals between atoms" in nearest
    assert "of goals outside the support" in outside
