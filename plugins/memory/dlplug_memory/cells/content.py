"""Content addressing of the NTM and the DNC: a softmax of cosine similarities.

Shapes: B sequences, H heads, N memory slots, W numbers per slot.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import vector_norm

# added to squared norms: a zero vector has similarity 0 with every vector, and the gradient stays below 1/√EPSILON
EPSILON = 1e-6


def content_weights(memory: Tensor, keys: Tensor, strengths: Tensor, mask: Tensor | None = None) -> Tensor:
    """w^c (B, H, N) from memory (B, N, W), keys (B, H, W) and strengths (B, H); equations 5 and 6 of the NTM.

    mask: (B, H, W) in [0, 1], the weight of each component in the comparison (Csordás & Schmidhuber 2019).
    """
    # w^c(i) = exp(β K[k, M(i)]) / Σ_j exp(β K[k, M(j)])
    return (strengths.unsqueeze(2) * similarity(memory, keys, mask)).softmax(2)


def similarity(memory: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """K (B, H, N): the cosine similarity of each key and each slot, both multiplied by the mask."""
    if mask is None:
        compared = keys
        squares = vector_norm(memory, dim=2).square().unsqueeze(1)
    else:
        keys = keys * mask
        compared = keys * mask
        # |m ∘ M(i)|² as a product of squares, which needs no copy of the memory per head
        squares = (mask * mask) @ (memory * memory).mT
    compared = compared * torch.rsqrt(vector_norm(keys, dim=2, keepdim=True).square() + EPSILON)
    # K[u, v] = u·v / (|u| |v|)
    return (compared @ memory.mT) * torch.rsqrt(squares + EPSILON)
