"""Principal component analysis of images, by scikit-learn, and as the first layer of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dlplug import UserError

if TYPE_CHECKING:
    from sklearn.decomposition import PCA


def fitted_pca(images: Tensor, components: int) -> PCA:
    """PCA of uint8 images (N, H, W, C), in [0, 1]. Raises UserError for more components than `most_components`."""
    from sklearn.decomposition import PCA

    flat = flattened(images)
    if not 0 < components <= min(flat.shape):
        raise UserError(
            f"{len(flat)} images of {flat.shape[1]} values have at most {min(flat.shape)} principal components, "
            f"got {components}"
        )
    return PCA(components, random_state=0).fit(flat.numpy())


def most_components(images: Tensor) -> int:
    """How many principal components images (N, H, W, C) have at most."""
    return min(len(images), images[0].numel())


def flattened(images: Tensor) -> Tensor:
    """uint8 (N, H, W, C) as floats (N, C·H·W) in [0, 1], in the order in which models flatten their input."""
    return images.permute(0, 3, 1, 2).flatten(1).float().div_(255).cpu()


def through_pca(pca: PCA, x: Tensor) -> Tensor:
    """Reconstructions of x (B, C, H, W)."""
    reconstructed = pca.inverse_transform(pca.transform(x.flatten(1).numpy()))
    return torch.from_numpy(reconstructed).to(x.dtype).view_as(x)


class Compress(nn.Module):
    """x (B, C, H, W) → the first principal components (B, k), each with variance 1 over the images it is fitted to.

    Fitted when the model is built and never trained; mean and directions are saved with the weights.
    """

    mean: Tensor
    directions: Tensor

    def __init__(self, images: Tensor, components: int) -> None:
        super().__init__()
        pca = fitted_pca(images, components)
        # directions of almost no variance are not scaled up: they hold only rounding errors
        deviation = torch.from_numpy(pca.explained_variance_).float().sqrt().clamp(min=1e-3)
        self.register_buffer("mean", torch.from_numpy(pca.mean_).float())
        self.register_buffer("directions", torch.from_numpy(pca.components_).float().T / deviation)

    def forward(self, x: Tensor) -> Tensor:
        # z = (x - μ) W Λ^(-1/2)
        return (x.flatten(1) - self.mean) @ self.directions
