"""Structural similarity of images (Wang et al. 2004, doi:10.1109/TIP.2003.819861)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW, SIGMA = 11, 1.5  # side and standard deviation of the Gaussian window, in pixels
C1, C2 = 0.01**2, 0.03**2  # (K₁L)² and (K₂L)² for pixels in [0, 1]


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """(N,): the mean SSIM of images (N, C, H, W) in [0, 1] over the windows that lie inside the image.

    SSIM = (2 μ_x μ_y + C₁)(2 σ_xy + C₂) / ((μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂))
    """
    mean_x, mean_y = smoothed(x), smoothed(y)
    variance_x, variance_y = smoothed(x * x) - mean_x**2, smoothed(y * y) - mean_y**2
    covariance = smoothed(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    contrast_structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return (luminance * contrast_structure).mean((1, 2, 3))


def smoothed(x: Tensor) -> Tensor:
    """(N, C, H, W) → (N, C, H - 10, W - 10): means over the Gaussian window, one axis after the other."""
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    weights = weights / weights.sum()
    planes = x.flatten(0, 1)[:, None]
    planes = F.conv2d(F.conv2d(planes, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    return planes.view(*x.shape[:2], *planes.shape[2:])
