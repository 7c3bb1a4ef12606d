"""Returns and advantages. T: steps, N: environments. Every function is pure."""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug_play.on_policy.rollout import weighted_mean


def gae(
    reward: Tensor, value: Tensor, terminated: Tensor, ended: Tensor, gamma: float | Tensor, trace: float
) -> Tensor:
    """Generalised advantage estimates (T, N): A_t = Σ_k (γλ)^k δ_{t+k}, until the episode's end.

    reward, terminated, ended: (T, N). value: (T + 1, N). terminated stops the bootstrap, ended stops the sum; a
    truncated episode bootstraps from the value of its final observation. gamma: discount γ. trace: λ, from 0 (the TD
    error) to 1 (the return minus the value).
    Schulman et al. 2016, arXiv:1506.02438, equation 16.
    """
    # δ_t = r_t + γ V(s_{t+1}) - V(s_t)
    delta = reward + gamma * (1 - terminated) * value[1:] - value[:-1]
    return _discounted_sums(delta, gamma * trace * (1 - ended))


def returns_to_go(reward: Tensor, ended: Tensor, gamma: float) -> Tensor:
    """G_t = Σ_k γ^k r_{t+k} until the episode's end, (T, N). reward, ended: (T, N)."""
    return _discounted_sums(reward, gamma * (1 - ended))


def _discounted_sums(terms: Tensor, factor: Tensor) -> Tensor:
    """S_t = x_t + f_t S_{t+1}, (T, N)."""
    sums, later = torch.empty_like(terms), torch.zeros_like(terms[0])
    for t in reversed(range(len(terms))):
        later = sums[t] = torch.addcmul(terms[t], factor[t], later)
    return sums


def standardised(values: Tensor, weight: Tensor) -> Tensor:
    """(x - mean) / standard deviation over the steps whose weight is 1."""
    centred = values - weighted_mean(values, weight)
    return centred / (weighted_mean(centred.square(), weight).sqrt() + 1e-8)


def leave_one_out(returns: Tensor) -> Tensor:
    """For each episode and time, the mean return of the other N - 1 episodes at that time, (T, N).

    returns: (T, N) returns to go, one episode a column, 0 after its end.
    """
    return (returns.sum(1, keepdim=True) - returns) / (returns.shape[1] - 1)


def explained_variance(goal: Tensor, value: Tensor, weight: Tensor) -> Tensor:
    """1 - Var(goal - value) / Var(goal): 1 for a perfect critic, 0 for a constant. goal, value, weight: (T, N)."""

    def variance(x: Tensor) -> Tensor:
        return weighted_mean((x - weighted_mean(x, weight)).square(), weight)

    return 1 - variance(goal - value) / variance(goal).clamp(min=1e-8)
