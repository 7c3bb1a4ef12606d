"""The Fréchet distance between two sets of features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Precomputed(nn.Identity):
    """Stands in for the feature network where the features have been computed already."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.num_features = count


def frechet_distance(real: Tensor, generated: Tensor) -> float:
    """The squared 2-Wasserstein distance between the Gaussians with the means and covariances of two sets of features,
    (N, F) and (M, F) (Heusel et al. 2017, arXiv:1706.08500, equation 6). By torchmetrics, in float64. NaN if a set has
    fewer than two examples, or a value that is not finite."""
    if min(len(real), len(generated)) < 2 or not (real.isfinite().all() and generated.isfinite().all()):
        return math.nan
    from torchmetrics.image.fid import FrechetInceptionDistance  # the import takes seconds

    # |μ - μ'|² + Tr(Σ + Σ' - 2 (Σ Σ')^½)
    metric = FrechetInceptionDistance(feature=Precomputed(real.shape[1])).set_dtype(torch.float64)
    metric.update(real.cpu().double(), real=True)
    metric.update(generated.cpu().double(), real=False)
    return float(metric.compute())
