"""Prediction targets of a denoiser (the noise ε, the clean x, or v) and conversions between them.

Everywhere z = α x + σ ε with α² + σ² = 1; alpha and sigma are numbers or tensors that broadcast with z.
"""

from __future__ import annotations

from torch import Tensor

Coefficient = Tensor | float


def noised(x: Tensor, epsilon: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """z_t = α_t x + σ_t ε (Ho et al. 2020, equation 4)."""
    return alpha * x + sigma * epsilon


def target_of(kind: str, x: Tensor, epsilon: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """The target of a denoiser of this kind: "noise" is ε (Ho et al. 2020), "clean" is x, and "v" is
    v = α ε - σ x (Salimans & Ho 2022, arXiv:2202.00512, section 4)."""
    if kind == "noise":
        return epsilon
    return x if kind == "clean" else alpha * epsilon - sigma * x


def clean_of(kind: str, predicted: Tensor, z: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """x̂ from what a denoiser of this kind predicts for z."""
    if kind == "noise":
        # x̂ = (z - σ ε̂) / α
        return (z - sigma * predicted) / alpha
    # x̂ = α z - σ v̂, for α² + σ² = 1
    return predicted if kind == "clean" else alpha * z - sigma * predicted


def noise_of(clean: Tensor, z: Tensor, alpha: Coefficient, sigma: Coefficient) -> Tensor:
    """ε̂ = (z - α x̂) / σ: the noise in z if its clean example is x̂."""
    return (z - alpha * clean) / sigma
