"""The arithmetic of targets against loops over single numbers."""

from __future__ import annotations

import math

import pytest
import torch
from dlplug_rl.losses.targets import (
    chosen,
    greedy_policy,
    munchausen_reward,
    projection,
    quantile_huber,
    scaled_log_policy,
    smoothed,
    soft_policy,
    td_target,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

NUMBERS = st.floats(-20, 20, width=32)


def tensors(rows: int, columns: int) -> st.SearchStrategy[Tensor]:
    row = st.lists(NUMBERS, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(lambda values: torch.tensor(values, dtype=torch.float64))


def test_what_is_said_of_the_actions_taken() -> None:
    assert chosen(torch.tensor([[1.0, 5, 2], [7, 0, 3]]), torch.tensor([2, 0])).tolist() == [2, 7]
    assert chosen(torch.arange(12).view(2, 3, 2), torch.tensor([1, 2])).tolist() == [[2, 3], [10, 11]]


def test_policies() -> None:
    q = torch.tensor([[1.0, 5, 2], [7, 0, 3]])
    assert greedy_policy(q).tolist() == [[0, 1, 0], [1, 0, 0]]
    weights = [math.exp(value / 2) for value in (1.0, 5.0, 2.0)]
    assert soft_policy(q, 2.0)[0].tolist() == pytest.approx([weight / sum(weights) for weight in weights])
    logs = [2 * math.log(weight / sum(weights)) for weight in weights]
    assert scaled_log_policy(q, 2.0)[0].tolist() == pytest.approx(logs, rel=1e-5)


def test_munchausen_s_reward_is_clipped_and_stable_for_small_temperatures() -> None:
    q, action = torch.tensor([[100.0, 0.0], [0.0, 0.0], [0.0, 0.5]]), torch.tensor([1, 0, 0])
    reward = munchausen_reward(q, action, 0.9, 0.03, -1.0)
    # sure of the other; undecided: τ log 1/2; the other is better by 0.5: τ log softmax is -0.5 but for 1e-8
    assert reward.tolist() == pytest.approx([-0.9, 0.9 * 0.03 * math.log(0.5), -0.45])


def test_the_bootstrap_stops_at_termination() -> None:
    reward, terminated, discount = torch.tensor([1.0, 1]), torch.tensor([0.0, 1]), torch.tensor([0.5, 0.5])
    assert td_target(reward, terminated, discount, torch.tensor([4.0, 4])).tolist() == [3, 1]
    assert td_target(reward, terminated, discount, torch.tensor([[4.0, 2], [4, 2]])).tolist() == [[3, 2], [1, 1]]


def test_a_smoothed_goal_is_a_normal_distribution_s_mass_in_each_bin() -> None:
    support = torch.linspace(-2, 2, 9)
    goals = torch.tensor([0.3, -1.9, 7.0])
    found = smoothed(goals, support, 0.75)
    deviation = 0.75 * 0.5

    def below(x: float, goal: float) -> float:
        return 0.5 * (1 + math.erf((x - goal) / deviation / math.sqrt(2)))

    for row, goal in enumerate((0.3, -1.9, 2.0)):  # 7 is beyond the highest atom
        inside = below(2.25, goal) - below(-2.25, goal)
        masses = [(below(z + 0.25, goal) - below(z - 0.25, goal)) / inside for z in support.tolist()]
        assert found[row].tolist() == pytest.approx(masses, abs=1e-5)
    assert found.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert float(found[0] @ support) == pytest.approx(0.3, abs=0.01)  # away from the ends the mean is kept


@settings(max_examples=100, deadline=None)
@given(goal=tensors(2, 5), logits=tensors(2, 5))
def test_the_projection_moves_mass_to_the_neighbouring_atoms(goal: Tensor, logits: Tensor) -> None:
    """Algorithm 1 of Bellemare et al. 2017, one atom at a time."""
    support = torch.linspace(-10, 10, 9, dtype=torch.float64)
    spacing, probability = 2.5, logits.softmax(1)
    expected = torch.zeros(2, 9, dtype=torch.float64)
    for b in range(2):
        for j in range(5):
            place = (min(max(float(goal[b, j]), -10.0), 10.0) + 10.0) / spacing
            low, high = math.floor(place), math.ceil(place)
            if low == high:
                expected[b, low] += probability[b, j]
            else:
                expected[b, low] += probability[b, j] * (high - place)
                expected[b, high] += probability[b, j] * (place - low)
    projected = projection(goal, probability, support)
    torch.testing.assert_close(projected, expected)
    torch.testing.assert_close(projected.sum(1), torch.ones(2, dtype=torch.float64))
    inside = goal.clamp(-10, 10)
    torch.testing.assert_close(projected @ support, (inside * probability).sum(1))  # the mean stays


@settings(max_examples=100, deadline=None)
@given(quantiles=tensors(2, 4), goal=tensors(2, 3), kappa=st.sampled_from([0.5, 1.0, 2.0]))
def test_the_quantile_loss_is_that_of_a_loop(quantiles: Tensor, goal: Tensor, kappa: float) -> None:
    tau = torch.tensor([[0.1, 0.4, 0.6, 0.95], [0.5, 0.2, 0.9, 0.3]], dtype=torch.float64)
    expected = [0.0, 0.0]
    for b in range(2):
        for i in range(4):
            for j in range(3):
                u = float(goal[b, j] - quantiles[b, i])
                huber = 0.5 * u * u if abs(u) <= kappa else kappa * (abs(u) - 0.5 * kappa)
                expected[b] += abs(float(tau[b, i]) - (u < 0)) * huber / kappa / 3
    assert quantile_huber(quantiles, tau, goal, kappa).tolist() == pytest.approx(expected)
    assert quantile_huber(quantiles, tau[0], goal, kappa)[0] == pytest.approx(expected[0])


def test_minimising_the_quantile_loss_finds_the_quantiles() -> None:
    torch.manual_seed(0)
    samples = torch.randn(1, 4001)
    tau = torch.tensor([0.1, 0.5, 0.9])
    quantiles = torch.zeros(1, 3, requires_grad=True)
    optimizer = torch.optim.Adam([quantiles], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        quantile_huber(quantiles, tau, samples, kappa=0.01).sum().backward()
        optimizer.step()
    assert quantiles[0].tolist() == pytest.approx(samples[0].quantile(tau).tolist(), abs=0.05)
