"""The targets of Q-learning and the errors against them. B: transitions, A: actions, K and M: atoms or
quantiles, m: the steps in a transition's window. Every function is pure."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def chosen(values: Tensor, action: Tensor) -> Tensor:
    """The values of the actions taken: values (B, A, ...), action (B,) int64 -> (B, ...)."""
    return values[torch.arange(len(action), device=action.device), action]


def greedy_policy(q: Tensor) -> Tensor:
    """π(a|s) (B, A): 1 for the action of the highest value, else 0; q (B, A)."""
    return F.one_hot(q.argmax(1), q.shape[1]).to(q.dtype)


def soft_policy(q: Tensor, temperature: float) -> Tensor:
    """π(a|s) = softmax(q / τ) (B, A); q (B, A)."""
    return F.softmax(q / temperature, 1)


def scaled_log_policy(q: Tensor, temperature: float) -> Tensor:
    """τ log π(a|s) of the soft policy (B, A), stable for small τ (Vieillard et al. 2020, arXiv:2007.14430, B.1)."""
    return temperature * F.log_softmax(q / temperature, 1)


def munchausen_reward(q: Tensor, action: Tensor, alpha: float, temperature: float, lowest: float) -> Tensor:
    """α [τ log π(a|s)] clipped to [l_0, 0] (B,): the scaled log-probability of the action, added to its reward
    (arXiv:2007.14430, equation 3 and section 3)."""
    return alpha * chosen(scaled_log_policy(q, temperature), action).clamp(lowest, 0.0)


def td_target(reward: Tensor, terminated: Tensor, discount: Tensor, next_value: Tensor) -> Tensor:
    """Σ γ^i r_i + γ^m (1 - terminated) V(s'): reward (the window's sum), terminated and discount (γ^m) are (B,);
    next_value (B, ...) -> (B, ...)."""
    shape = (-1, *[1] * (next_value.ndim - 1))
    return reward.view(shape) + (discount * (1 - terminated)).view(shape) * next_value


def projection(goal: Tensor, probability: Tensor, support: Tensor) -> Tensor:
    """Projects a distribution onto the atoms: each mass is split between its two neighbours, linearly.

    goal, probability: (B, M) values and their masses; support: (K,) evenly spaced atoms. Returns (B, K).
    Bellemare et al. 2017, arXiv:1707.06887, equation 7.
    """
    spacing = support[1] - support[0]
    goal = goal.clamp(support[0], support[-1])
    # (Φ T z)_i = Σ_j [1 - |T z_j - z_i| / Δz]_0^1 p_j
    nearness = (1 - (goal[:, None] - support[:, None]).abs() / spacing).clamp(0, 1)  # (B, K, M)
    return (nearness * probability[:, None]).sum(-1)


def smoothed(goal: Tensor, support: Tensor, deviation: float) -> Tensor:
    """A goal as a distribution over the atoms: the mass of a normal distribution around it in each atom's bin, without
    what lies outside of all bins (HL-Gauss: Imani & White 2018, arXiv:1806.04613; Farebrother et al. 2024,
    arXiv:2403.03950, section 3.1).

    goal: (B,). support: (K,) evenly spaced atoms. deviation: σ in bins. Returns (B, K).
    """
    spacing = support[1] - support[0]
    edges = torch.cat([support - spacing / 2, support[-1:] + spacing / 2])
    goal = goal.clamp(support[0], support[-1])
    # Φ((x - goal) / σ) at the bins' edges
    below = torch.special.ndtr((edges - goal[:, None]) / (deviation * spacing))
    return below.diff(dim=1) / (below[:, -1:] - below[:, :1])


def quantile_huber(quantiles: Tensor, tau: Tensor, goal: Tensor, kappa: float = 1.0) -> Tensor:
    """The quantile regression loss with Huber's error (B,): quantiles (B, N) at fractions tau (B, N) or (N,), and
    goal (B, M) samples of the target distribution.

    Dabney et al. 2018a, arXiv:1710.10044, equation 10: summed over the quantiles, the mean over the goals.
    """
    u = goal[:, None] - quantiles[:, :, None]  # (B, N, M)
    huber = F.huber_loss(quantiles[:, :, None].expand_as(u), goal[:, None].expand_as(u), reduction="none", delta=kappa)
    # ρ^κ_τ(u) = |τ - 1{u < 0}| L_κ(u) / κ
    weight = (tau[..., None] - (u.detach() < 0).float()).abs()
    return (weight * huber / kappa).mean(2).sum(1)
