"""A generator and a critic of affine layers, for points in the plane."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError
from dlplug_generative.gan.networks import Adversaries, Critic, Generator, check_positive, normalised


def planar_gan(
    spec: Spec,
    *,
    hidden: PositiveInt = 128,
    depth: PositiveInt = 2,
    noise: PositiveInt = 2,
    spectral: bool = False,
    conditional: bool = False,
) -> Adversaries:
    """A generator and a critic of affine layers and ReLUs, as in the toy problem of Metz et al. 2017
    (arXiv:1611.02163).

    hidden: hidden size.
    depth: number of hidden layers of each network.
    noise: dimensions of the noise z.
    spectral: spectral normalisation of the critic's layers.
    conditional: condition on the class: the generator by an extra input, the critic by projection.
    """
    check_positive(hidden=hidden, depth=depth, noise=noise)
    if len(spec.input) != 1:
        raise UserError(f"planar-gan needs points, but one input has the shape {spec.input}: use --model dcgan")
    (numbers,) = spec.input
    classes = spec.output if conditional else 0
    network = WithLabel(perceptron([noise + classes, *[hidden] * depth, numbers]), classes)
    features = nn.Sequential(*perceptron([numbers, *[hidden] * depth], spectral), nn.ReLU())
    return Adversaries(Generator(network, spec, noise, conditional), Critic(features, hidden, classes, spectral))


def perceptron(widths: list[int], spectral: bool = False) -> nn.Sequential:
    """Affine layers from each width to the next, with ReLUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [normalised(nn.Linear(inputs, outputs), spectral), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class WithLabel(nn.Module):
    """A network whose input is the noise, followed by the one-hot label if there are classes."""

    def __init__(self, network: nn.Module, classes: int) -> None:
        super().__init__()
        self.network, self.classes = network, classes

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if self.classes and label is not None:
            z = torch.cat([z, F.one_hot(label, self.classes).to(z.dtype)], 1)
        return self.network(z)
