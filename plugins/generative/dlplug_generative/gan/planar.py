"""A generator and a critic of affine layers, for points in the plane."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_generative.gan.networks import Adversaries, Critic, Generator, bounded, check_positive


def planar_gan(
    spec: Spec,
    *,
    hidden: PositiveInt = 128,
    depth: PositiveInt = 2,
    noise: PositiveInt = 2,
    spectral: bool = False,
    conditional: bool = False,
) -> Adversaries:
    """Affine layers and rectifiers on both sides, as for the toy problem of Metz et al. 2017 (arXiv:1611.02163).

    hidden: hidden size.
    depth: hidden layers of each side.
    noise: dimensions of the noise z.
    spectral: spectral normalisation of the critic's layers.
    conditional: condition both on the class: the generator by an extra input, the critic by projection.
    """
    check_positive(hidden=hidden, depth=depth, noise=noise)
    if len(spec.input) != 1:
        raise UserError(f"planar-gan makes points, but one input of these data is {spec.input}: --model dcgan")
    (numbers,) = spec.input
    classes = spec.output if conditional else 0
    network = Told(perceptron([noise + classes, *[hidden] * depth, numbers]), classes)
    features = nn.Sequential(*perceptron([numbers, *[hidden] * depth], spectral), nn.ReLU())
    return Adversaries(Generator(network, spec, noise, conditional), Critic(features, hidden, classes, spectral))


def perceptron(widths: list[int], spectral: bool = False) -> nn.Sequential:
    """Affine layers from each width to the next, with rectifiers between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [bounded(nn.Linear(inputs, outputs), spectral), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Told(nn.Module):
    """A network of noise, with the label beside it as ones and zeros where there are classes."""

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network, self.classes = network, classes

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.classes and label is not None:
            z = torch.cat([z, F.one_hot(label, self.classes).to(z.dtype)], 1)
        return self.network(z)
