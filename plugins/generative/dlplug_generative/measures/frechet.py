"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Given(nn.Identity):
    """An identity in place of the feature network, for features that are computed already."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count


def frechet_distance(real: Tensor, generated: Tensor) -> float:
    """Between Gaussians with the means and covariances of two sets of features, (N, F) and (M, F): the square of their
    2-Wasserstein distance (Heusel et al. 2017, arXiv:1706.08500, equation 6). By torchmetrics, in float64. NaN where a
    set has fewer than two features, or some that are not finite."""
    if min(len(real), len(generated)) < 2 or not (real.isfinite().all() and generated.isfinite().all()):
        return math.nan
    from torchmetrics.image.fid import FrechetInceptionDistance  # which takes seconds

    # |μ - μ'|² + Tr(Σ + Σ' - 2 (Σ Σ')^½)
    metric = FrechetInceptionDistance(feature=Given(real.shape[1])).set_dtype(torch.float64)
    metric.update(real.cpu().double(), real=True)
    metric.update(generated.cpu().double(), real=False)
    return float(metric.compute())
