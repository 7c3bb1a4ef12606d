"""The checks of the exercises: every number by a loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dlplug.testing import assert_close, called

Written = Callable[..., Tensor]


def td_target(written: Written) -> None:
    reward, discount = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([0.9, 0.81, 0.9])
    for atoms in ((), (2,), (3,)):
        next_value = torch.arange(1.0, 1 + 3 * int(np.prod(atoms))).view(3, *atoms)
        for terminated in (torch.zeros(3), torch.ones(3), torch.tensor([0.0, 1.0, 0.0])):
            expected = torch.empty_like(next_value)
            for b in range(3):
                bootstrap = 0.0 if terminated[b] else discount[b] * next_value[b]
                expected[b] = reward[b] + bootstrap
            got = called(written, reward, terminated, discount, next_value)
            assert_close(got, expected, f"td_target with terminated {terminated.tolist()}, next_value {(3, *atoms)}")


def lambda_returns(written: Callable[..., np.ndarray]) -> None:
    random = np.random.default_rng(0)
    length, count, gamma, trace = 5, 2, 0.9, 0.7
    reward, next_value = random.normal(size=(2, length, count)).astype(np.float32)
    nothing = np.zeros((length, count), bool)
    middle = nothing.copy()
    middle[2, 0] = True
    cases = {
        "in one long episode": (nothing, nothing),
        "with an episode that is truncated at step 2 of environment 0": (nothing, middle),
        "with an episode that terminates at step 2 of environment 0": (middle, middle),
        "with a life lost, which stops the bootstrap, at step 2 of environment 0": (middle, nothing),
    }
    for case, (stops, ended) in cases.items():

        def from_step(t: int, n: int, stops: np.ndarray = stops, ended: np.ndarray = ended) -> float:
            if stops[t, n]:
                return float(reward[t, n])
            if ended[t, n] or t == length - 1:
                return float(reward[t, n] + gamma * next_value[t, n])
            return float(reward[t, n] + gamma * (trace * from_step(t + 1, n) + (1 - trace) * next_value[t, n]))

        expected = np.array([[from_step(t, n) for n in range(count)] for t in range(length)])
        got = called(written, reward, stops, ended, next_value, gamma, trace)
        assert_close(got, expected, f"lambda_returns {case} (step, environment)")


def gae(written: Written) -> None:
    length, count, gamma, trace = 5, 2, 0.9, 0.7
    random = torch.Generator().manual_seed(0)
    reward, value = torch.randn(length, count, generator=random), torch.randn(length + 1, count, generator=random)
    nothing, middle = torch.zeros(length, count), torch.zeros(length, count)
    middle[2, 0] = 1.0
    cases = {
        "in one long episode": (nothing, nothing),
        "with an episode that is truncated at step 2 of environment 0": (nothing, middle),
        "with an episode that terminates at step 2 of environment 0": (middle, middle),
    }
    for case, (terminated, ended) in cases.items():
        expected = torch.zeros(length, count)
        for t in range(length):
            for n in range(count):
                for k in range(t, length):  # Σ_k (γλ)^(k-t) δ_k
                    after = 0.0 if terminated[k, n] else gamma * value[k + 1, n]
                    expected[t, n] += (gamma * trace) ** (k - t) * (reward[k, n] + after - value[k, n])
                    if ended[k, n]:
                        break
        got = called(written, reward, value, terminated, ended, gamma, trace)
        assert_close(got, expected, f"gae {case} (step, environment)")


def projection(written: Written) -> None:
    support = torch.linspace(-1, 1, 5)
    cases = {
        "of goals between atoms": [-0.9, -0.3, 0.6],
        "of goals on atoms, whose mass must not be lost": [-1.0, 0.0, 0.5],
        "of goals outside the support, which count at its ends": [-3.0, 1.2, 8.0],
    }
    probability = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    for case, goals in cases.items():
        goal = torch.tensor([goals, goals[::-1]])
        expected = torch.zeros(2, 5)
        for b in range(2):
            for j in range(3):
                place = (min(max(float(goal[b, j]), -1.0), 1.0) + 1) / 0.5  # in atoms from the first
                below = min(int(place), 3)
                expected[b, below] += probability[b, j] * (below + 1 - place)
                expected[b, below + 1] += probability[b, j] * (place - below)
        got = called(written, goal, probability, support)
        assert_close(got, expected, f"projection {case}, onto the atoms {support.tolist()}")
