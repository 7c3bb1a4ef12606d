"""Random-convolution features, as in MiniROCKET (Dempster et al. 2021, arXiv:2012.08791), in a page of torch.

Each feature is the proportion of positions at which a dilated convolution exceeds a threshold. The 84 kernels of nine
weights, three of them 2 and the others -1, are fixed; dilations are spread over the series' length; thresholds are
quantiles of the convolution of random training examples. Unlike there, every convolution is padded.
"""

from __future__ import annotations

from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlplug.stop import stoppable

TAPS = 9
GOLDEN = (5**0.5 + 1) / 2


def kernels() -> Tensor:
    """(84, 9): each choice of three weights that are 2."""
    weight = torch.full((84, TAPS), -1.0)
    for row, places in zip(weight, combinations(range(TAPS), 3), strict=True):
        row[list(places)] = 2.0
    return weight


def dilations(length: int, most: int = 32) -> list[int]:
    """Exponentially spread from 1 to the largest whose kernel fits into the series."""
    largest = max(0.0, torch.tensor((length - 1) / (TAPS - 1)).log2().item())
    return sorted({int(2**exponent) for exponent in torch.linspace(0, largest, most).tolist()})


def rocket_features(train: Tensor, others: Tensor, *, count: int = 10_000, seed: int = 0) -> tuple[Tensor, Tensor]:
    """About `count` features in [0, 1] of the training series and of others, (N, C, L) each. Each kernel and dilation
    sees a random half of the channels, at least one."""
    generator = torch.Generator().manual_seed(seed)
    channels, length = train.shape[1:]
    spread = dilations(length)
    thresholds = max(1, round(count / 84 / len(spread)))
    # a low-discrepancy sequence in [0, 1], as the quantiles
    quantiles = torch.arange(1, thresholds * len(spread) + 1) * GOLDEN % 1
    features: tuple[list[Tensor], list[Tensor]] = ([], [])
    for dilation, levels in stoppable(zip(spread, quantiles.split(thresholds), strict=True)):
        chosen = torch.rand(84, channels, generator=generator)
        chosen = (chosen <= chosen.sort(1).values[:, [(channels - 1) // 2]]).float()
        weight = kernels()[:, None] * chosen[..., None]
        example = torch.randint(len(train), (84,), generator=generator)
        output = convolved(train[example], weight, dilation)[torch.arange(84), torch.arange(84)]
        bias = torch.quantile(output, levels, dim=1)
        for kept, x in zip(features, (train, others), strict=True):
            kept.append(torch.cat([proportions(convolved(part, weight, dilation), bias) for part in x.split(64)]))
    return torch.cat(features[0], 1), torch.cat(features[1], 1)


def convolved(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """x (N, C, L) and weight (84, C, 9) → (N, 84, L)."""
    return F.conv1d(x, weight, padding=dilation * (TAPS // 2), dilation=dilation)


def proportions(output: Tensor, bias: Tensor) -> Tensor:
    """The proportion of positions of output (N, 84, L) above each bias (K, 84): (N, 84 K)."""
    return torch.cat([(output > level[:, None]).float().mean(2) for level in bias], 1)
