"""The Neural Turing Machine's addressing, as pure functions in the paper's symbols (Graves et al. 2014,
arXiv:1410.5401, section 3).

Shapes: B sequences, H heads, N memory slots, W numbers per slot, S allowed shifts. A weighting w (B, H, N) is
non-negative and sums to 1 over the slots.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST = 1e-16  # keeps logarithms finite


def interpolate(content: Tensor, previous: Tensor, gate: Tensor) -> Tensor:
    """w^g (B, H, N) between the content weighting and the previous weighting; gate (B, H) in [0, 1]. Equation 7."""
    # w^g_t = g_t w^c_t + (1 - g_t) w_{t-1}
    return previous + gate.unsqueeze(2) * (content - previous)  # not `lerp`, which refuses bf16 beside fp32


def shift(weights: Tensor, distribution: Tensor) -> Tensor:
    """w̃ (B, H, N): the circular convolution of the weights with the shifts -R to R. Equation 8.

    distribution: s (B, H, S), S = 2R + 1, sums to 1; its last entry shifts a head R slots forward.
    """
    reach = distribution.shape[2] // 2
    # w̃(i) = Σ_j w^g(j) s(i - j)
    moved = torch.stack([weights.roll(by, 2) for by in range(-reach, reach + 1)], 3)
    return (moved @ distribution.unsqueeze(3)).squeeze(3)


def sharpen(weights: Tensor, power: Tensor) -> Tensor:
    """w (B, H, N) from w̃ and γ (B, H) ≥ 1. Equation 9 in log space: powers cannot overflow, and weights that are all 0
    become uniform."""
    # w(i) = w̃(i)^γ / Σ_j w̃(j)^γ
    return (power.unsqueeze(2) * (weights + SMALLEST).log()).softmax(2)


def read(memory: Tensor, weights: Tensor) -> Tensor:
    """r (B, H, W) from memory (B, N, W) and weights (B, H, N). Equation 2."""
    # r_t = Σ_i w_t(i) M_t(i)
    return weights @ memory


def write(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """M_t (B, N, W) from M_{t-1}, weights (B, H, N), erase (B, H, W) in [0, 1] and add (B, H, W). Equations 3 and 4.

    All heads erase before any head adds, as in the paper. The factors are multiplied in a loop, since the gradient of
    `prod` synchronises with the host to look for zeros.
    """
    for weight, erased in zip(weights.split(1, 1), erase.split(1, 1), strict=True):
        # M̃_t(i) = M_{t-1}(i) [1 - w_t(i) e_t]
        memory = memory * (1 - weight.mT @ erased)
    # M_t(i) = M̃_t(i) + w_t(i) a_t
    return torch.baddbmm(memory, weights.mT, add)
