"""Heads of Q-networks: (B, ..., features) -> (B, ..., actions, outputs)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIGMA_0 = 0.5  # Fortunato et al. 2018, section 3.2


class Head(nn.Module):
    """A hidden layer and an output layer; with `dueling` two such branches, Q = V + A - mean_a A (Wang et al. 2016,
    arXiv:1511.06581, equation 9), for each output separately.

    hidden: hidden size of each branch. outputs: outputs per action.
    """

    def __init__(
        self, features: int, hidden: int, actions: int, outputs: int, *, dueling: bool, noisy: bool, layer_norm: bool
    ) -> None:
        super().__init__()
        layer = NoisyLinear if noisy else nn.Linear

        def branch(rows: int) -> nn.Sequential:
            norm = [nn.LayerNorm(hidden)] if layer_norm else []
            last = layer(hidden, rows * outputs)
            return nn.Sequential(layer(features, hidden), *norm, nn.ReLU(), last, nn.Unflatten(-1, (rows, outputs)))

        self.advantage = branch(actions)
        self.value = branch(1) if dueling else None

    def forward(self, features: Tensor) -> Tensor:
        advantage = self.advantage(features)
        if self.value is None:
            return advantage
        return self.value(features) + advantage - advantage.mean(-2, keepdim=True)


class Auxiliary(nn.Module):
    """Heads for the tasks of UNREAL (Jaderberg et al. 2017, arXiv:1611.05397): pixel control values of each action in
    each cell of a grid, and the sign of the next reward. features (B, F).

    control: (B, actions, cells, cells). foresee: logits (B, 3) of a negative, no, and a positive reward.
    """

    def __init__(self, features: int, hidden: int, actions: int, cells: int) -> None:
        super().__init__()
        half = cells // 2
        self.control = nn.Sequential(
            nn.Linear(features, 32 * half * half),
            nn.ReLU(),
            nn.Unflatten(1, (32, half, half)),
            nn.ConvTranspose2d(32, actions, 4, stride=2, padding=1),
        )
        self.foresee = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 3))


class NoisyLinear(nn.Module):
    """A dense layer whose weights carry factorised Gaussian noise of learnt size (Fortunato et al. 2018,
    arXiv:1706.10295, equations 9 to 11). In training every forward pass draws new noise, the same for the whole
    batch; in eval mode, as in a target network, there is none."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight, self.weight_sigma = _parameter(outputs, inputs), _parameter(outputs, inputs)
        self.bias, self.bias_sigma = _parameter(outputs), _parameter(outputs)
        bound = 1 / math.sqrt(inputs)
        for mean, sigma in ((self.weight, self.weight_sigma), (self.bias, self.bias_sigma)):
            nn.init.uniform_(mean, -bound, bound)
            nn.init.constant_(sigma, SIGMA_0 * bound)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return F.linear(x, self.weight, self.bias)
        rows, columns = _noise(self.weight[:, 0]), _noise(self.weight[0])
        weight = self.weight + self.weight_sigma * torch.outer(rows, columns)
        return F.linear(x, weight, self.bias + self.bias_sigma * rows)


def _parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape))


def _noise(like: Tensor) -> Tensor:
    """f(ε) with f(x) = sgn(x) √|x|."""
    noise = torch.randn_like(like)
    return noise.sign() * noise.abs().sqrt()
