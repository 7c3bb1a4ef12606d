"""The Differentiable Neural Computer's addressing, as pure functions in the paper's symbols (Graves et al. 2016,
doi:10.1038/nature20101, Methods), with sharpened links (Csordás & Schmidhuber 2019, arXiv:1904.10278).

Shapes: B sequences, R read heads, N memory slots, W numbers per slot. A weighting is non-negative and sums to at most 1
over the slots. There is one write head.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_USAGE = 1e-6  # keeps the logarithm of a usage finite
SMALLEST = 1e-6  # keeps the logarithm of a link finite, as in Csordás' code


def retention(free: Tensor, read_weights: Tensor) -> Tensor:
    """ψ (B, N): the retention of each slot; free (B, R) in [0, 1], read_weights (B, R, N) of the previous step.

    The factors are multiplied in a loop, since the gradient of `prod` synchronises with the host to look for zeros.
    """
    # ψ_t = Π_i (1 - f^i_t w^{r,i}_{t-1})
    retained = torch.ones_like(read_weights[:, 0])
    for given_up in (free.unsqueeze(2) * read_weights).unbind(1):
        retained = torch.addcmul(retained, retained, given_up, value=-1)
    return retained


def usage(previous: Tensor, write_weights: Tensor, retained: Tensor) -> Tensor:
    """u (B, N) in [0, 1] from usage and write_weights (B, N) of the previous step, and ψ (B, N).

    No gradient flows through the write weights here, as in deepmind/dnc.
    """
    written = write_weights.detach()
    # u_t = (u_{t-1} + w^w_{t-1} - u_{t-1} ∘ w^w_{t-1}) ∘ ψ_t
    return torch.addcmul(previous, 1 - previous, written) * retained


def allocation(usage: Tensor) -> Tensor:
    """a (B, N): most weight goes to the least used slot; each next one gets weight as far as those before it are used.

    The product over the preceding slots is a sum of logarithms, since the gradient of `cumprod` synchronises with the
    host to look for zeros. Slots of equal usage are taken in order.
    """
    # u ← ε + (1 - ε) u
    sorted_usage, free_list = torch.sort(LEAST_USAGE + (1 - LEAST_USAGE) * usage, dim=1, stable=True)
    logarithm = sorted_usage.log()
    before = (logarithm.cumsum(1) - logarithm).exp()
    # a_t[φ_t[j]] = (1 - u_t[φ_t[j]]) Π_{i<j} u_t[φ_t[i]]
    return torch.zeros_like(usage).scatter(1, free_list, (1 - sorted_usage) * before)


def write_weighting(content: Tensor, allocated: Tensor, allocation_gate: Tensor, write_gate: Tensor) -> Tensor:
    """w^w (B, N) from c^w and a (B, N) and gates (B, 1) in [0, 1]."""
    # w^w_t = g^w_t [g^a_t a_t + (1 - g^a_t) c^w_t]
    return write_gate * (content + allocation_gate * (allocated - content))


def write(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """M_t (B, N, W) from M_{t-1}, w^w (B, N), e (B, W) in [0, 1] and v (B, W)."""
    column = weights.unsqueeze(2)
    # M_t = M_{t-1} ∘ (E - w^w_t e_tᵀ) + w^w_t v_tᵀ
    return torch.baddbmm(memory * (1 - column @ erase.unsqueeze(1)), column, add.unsqueeze(1))


def linkage(links: Tensor, weights: Tensor, precedence: Tensor) -> Tensor:
    """L_t (B, N, N) from L_{t-1}, w^w_t (B, N) and p_{t-1} (B, N): entry (i, j) is the degree to which slot i was
    written right after slot j."""
    column, row = weights.unsqueeze(2), weights.unsqueeze(1)
    # L_t[i, j] = (1 - w^w_t[i] - w^w_t[j]) L_{t-1}[i, j] + w^w_t[i] p_{t-1}[j]
    links = torch.baddbmm((1 - column - row) * links, column, precedence.unsqueeze(1))
    # L_t[i, i] = 0
    links.diagonal(dim1=1, dim2=2).zero_()
    return links


def precede(precedence: Tensor, weights: Tensor) -> Tensor:
    """p_t (B, N) from p_{t-1} and w^w_t: the degree to which each slot was the last one written."""
    # p_t = (1 - Σ_i w^w_t[i]) p_{t-1} + w^w_t
    return torch.addcmul(weights, 1 - weights.sum(1, keepdim=True), precedence)


def follow_links(links: Tensor, read_weights: Tensor) -> tuple[Tensor, Tensor]:
    """b and f (B, R, N): the slots written before and after the slots read by read_weights (B, R, N) of the previous
    step."""
    # b^i_t = L_tᵀ w^{r,i}_{t-1}, f^i_t = L_t w^{r,i}_{t-1}
    return read_weights @ links, read_weights @ links.mT


def sharpen(weights: Tensor, power: Tensor) -> Tensor:
    """S(d, s) (B, R, N) from d (B, R, N) and s (B, R) ≥ 1, in log space (Csordás & Schmidhuber 2019).

    Links that are all 0 become uniform weights.
    """
    # S(d, s)_i = (d_i / max d)^s / Σ_j (d_j / max d)^s
    return (power.unsqueeze(2) * (weights + SMALLEST).log()).softmax(2)


def read_weighting(backward: Tensor, content: Tensor, forward: Tensor, modes: Tensor) -> Tensor:
    """w^r (B, R, N) from b, c^r and f (B, R, N) and modes (B, R, 3), which sum to 1."""
    # w^{r,i}_t = π^i_t[1] b^i_t + π^i_t[2] c^{r,i}_t + π^i_t[3] f^i_t
    first, second, third = modes.unsqueeze(2).unbind(3)
    return first * backward + second * content + third * forward
