"""Three classifiers of principal components, trained side by side on the same noisy batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from dlplug_images.images import ImageSpec
from torch import Tensor, nn

from dlplug import Fraction, Labelled, Loss, PositiveInt, Spec, Update, UserError
from dlplug_vision.autoencoders.pca import Compress
from dlplug_vision.layers import check_size
from dlplug_vision.noise.pixels import check_probability, replaced
from dlplug_vision.noise.recipes import NETS


class ThreeNets(nn.Module):
    """A perceptron, a deep net and a deep residual net on the same principal components of an image.

    components: number of principal components of the training images.
    hidden: hidden size of the deep net's two hidden layers.
    width: hidden size of the residual net.
    blocks: residual blocks of the residual net.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        components: PositiveInt = 64,
        hidden: PositiveInt = 256,
        width: PositiveInt = 384,
        blocks: PositiveInt = 3,
    ) -> None:
        if min(hidden, width, blocks) < 1:
            raise UserError(f"three-nets' hidden, width and blocks are at least 1, got {hidden}, {width}, {blocks}")
        if not isinstance(spec, ImageSpec):
            raise UserError("three-nets fits PCA to the training images, which these data do not provide")
        check_size("three-nets", spec, 1)
        super().__init__()
        self.compress = Compress(spec.train, components)
        self.perceptron = nn.Linear(components, spec.output)
        self.deep = nn.Sequential(
            *(nn.Linear(components, hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.ReLU()),
            nn.Linear(hidden, spec.output),
        )
        self.residual = nn.Sequential(
            nn.Linear(components, width),
            *(ResidualBlock(width) for _ in range(blocks)),
            *(nn.BatchNorm1d(width), nn.ReLU()),
            nn.Linear(width, spec.output),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The logits (B, classes) of x (B, C, H, W), by each net's name."""
        components = self.compress(x)
        return {name: self.get_submodule(name)(components) for name in NETS}


class ResidualBlock(nn.Module):
    """z + F(z); F is two affine layers, each after batch normalisation and ReLU (He et al. 2016b,
    arXiv:1603.05027, figure 1b, with affine layers for convolutions)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            *(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width, bias=False)),
            *(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width, bias=False)),
        )

    def forward(self, z: Tensor) -> Tensor:
        return z + self.residual(z)


class NoisyCrossEntropy(Loss):
    """Cross entropy of each of several nets on the same noisy images; each net minimises its own.

    noise: largest fraction of pixels replaced by uniform draws from [0, 1]; each image's own fraction is drawn
        uniformly between 0 and this.
    """

    parts = NETS

    def __init__(self, model: nn.Module, *, noise: Fraction = 0.5) -> None:
        super().__init__(model)
        check_probability("--loss.noise", noise)
        if not isinstance(model, ThreeNets):
            raise UserError(
                f"the loss noisy-cross-entropy trains {', '.join(NETS)} at once: it needs --model three-nets"
            )
        self.noise = noise

    def updates(self, batch: Labelled) -> Iterator[Update]:
        probability = self.noise * torch.rand(len(batch.x), 1, 1, 1, device=batch.x.device)
        for name, logits in self.model(replaced(batch.x, probability)).items():
            yield Update(F.cross_entropy(logits, batch.y), name)
