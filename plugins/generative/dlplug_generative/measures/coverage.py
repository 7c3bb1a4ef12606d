"""Coverage of the data by samples: precision and recall by nearest neighbours, and modes of a mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dlplug import PositiveInt, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_generative.generating import examples_of, generating

AT_ONCE = 500  # rows per chunk of the distance matrix
NEAR = 3.0  # standard deviations within which a point belongs to a mode: Srivastava et al. 2017 (arXiv:1705.07761)
SHARE = 0.1  # a mode is covered if it has this fraction of its uniform share of points; in their paper, one point


class Coverage(NamedTuple):
    precision: float
    recall: float


def precision_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> Coverage:
    """Kynkäänniemi et al. 2019 (arXiv:1904.06991), equation 1, on features or points, real (N, F) and generated (M, F).

    precision: fraction of generated examples within some real example's distance to its k-th nearest real neighbour.
    recall: fraction of real examples within some generated example's distance to its k-th nearest generated neighbour.

    NaN where a set has at most `neighbours` examples.
    """
    if min(len(real), len(generated)) <= neighbours:
        return Coverage(math.nan, math.nan)
    # in float64: cdist's matrix products would lose the shortest distances in float32
    real, generated = real.double().cpu(), generated.double().cpu()
    precision = inside(generated, real, neighbour_distance(real, neighbours))
    return Coverage(precision, recall=inside(real, generated, neighbour_distance(generated, neighbours)))


def neighbour_distance(x: Tensor, neighbours: int) -> Tensor:
    """(N,): the distance from each point of x (N, F) to its k-th nearest neighbour in x."""
    # the nearest is the point itself
    nearest = [
        torch.cdist(part, x).topk(neighbours + 1, largest=False).values[:, -1] for part in stoppable(x.split(AT_ONCE))
    ]
    return torch.cat(nearest)


def inside(x: Tensor, centres: Tensor, radii: Tensor) -> float:
    """The fraction of x (N, F) inside at least one of the balls around centres (M, F) with radii (M,)."""
    within = [(torch.cdist(part, centres) <= radii).any(1) for part in stoppable(x.split(AT_ONCE))]
    return torch.cat(within).float().mean().item()


class Modes(NamedTuple):
    covered: int
    good: float


def modes_of(x: Tensor, centres: Tensor, deviation: float) -> Modes:
    """How points x (N, 2) cover a mixture with centres (K, 2) and one standard deviation.

    covered: number of centres with at least a tenth of a uniform share, N / K, of the points within three standard
        deviations.
    good: fraction of all points within three standard deviations of a centre.
    """
    distance, nearest = torch.cdist(x.float().cpu(), centres).min(1)
    near = distance <= NEAR * deviation
    held = torch.bincount(nearest[near], minlength=len(centres))
    covered = (held >= max(1.0, SHARE * len(x) / len(centres))).sum().item()
    return Modes(int(covered), near.float().mean().item())


def check_modes(product: Any, data: Any, *, count: int, neighbours: int, seed: int) -> None:
    if examples_of(data).x.ndim != 2:
        raise UserError("it measures points in the plane: use --metrics fidelity for images")
    generating(product).check(count, None, None)
    check_neighbours("modes", neighbours, count, len(data.y))


def check_neighbours(metric: str, neighbours: int, generated: int, real: int) -> None:
    """Raises UserError unless both sets have more than `neighbours` examples."""
    if min(generated, real) <= neighbours:
        raise UserError(
            f"--metrics.{metric}.neighbours must be below the number of generated examples"
            f" (--metrics.{metric}.count {generated}) and of held-out ones ({real}), got {neighbours}"
        )


@checked_by(check_modes)
def modes(
    product: Any, data: Any, *, count: PositiveInt = 5000, neighbours: PositiveInt = 3, seed: int
) -> Mapping[str, float]:
    """How well generated points cover the data: modes of a mixture, precision and recall in the plane.

    `modes` and `good` (fraction of points within three standard deviations of a mode) are only for Gaussian mixtures.

    count: number of points to generate.
    neighbours: the k of precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991).
    """
    real = examples_of(data).x
    generated = generating(product).generate(count, seed=seed).cpu()
    values: dict[str, float] = {}
    if len(data.centres):
        covered = modes_of(generated, data.centres, data.deviation)
        values = {"modes": covered.covered, "good": covered.good}
    measured = precision_recall(real, generated, neighbours)
    return values | {f"precision_k{neighbours}": measured.precision, f"recall_k{neighbours}": measured.recall}
