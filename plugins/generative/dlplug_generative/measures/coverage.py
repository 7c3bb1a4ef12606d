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

AT_ONCE = 500  # rows of a table of distances
NEAR = 3.0  # deviations within which a point belongs to a Gaussian, as in Srivastava et al. 2017 (arXiv:1705.07761)
SHARE = 0.1  # fraction of a uniform share of points that makes a mode covered; one point in their paper


class Coverage(NamedTuple):
    precision: float
    recall: float


def precision_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> Coverage:
    """Kynkäänniemi et al. 2019 (arXiv:1904.06991), equation 1, on features or points, real (N, F) and generated (M, F).

    precision: share of generated examples within some real example's distance to its k-th nearest real neighbour.
    recall: share of real examples within some generated example's distance to its k-th nearest generated neighbour.

    NaN where a set has at most `neighbours` examples.
    """
    if min(len(real), len(generated)) <= neighbours:
        return Coverage(math.nan, math.nan)
    # in float64, as float32 products would lose the shortest distances
    real, generated = real.double().cpu(), generated.double().cpu()
    precision = inside(generated, real, reach(real, neighbours))
    return Coverage(precision, recall=inside(real, generated, reach(generated, neighbours)))


def reach(x: Tensor, neighbours: int) -> Tensor:
    """(N,): the distance from each of x (N, F) to its k-th nearest other one."""
    # the nearest is the point itself
    nearest = [
        torch.cdist(part, x).topk(neighbours + 1, largest=False).values[:, -1] for part in stoppable(x.split(AT_ONCE))
    ]
    return torch.cat(nearest)


def inside(x: Tensor, centres: Tensor, radii: Tensor) -> float:
    """Share of x (N, F) within any of the balls around centres (M, F) of radii (M,)."""
    within = [(torch.cdist(part, centres) <= radii).any(1) for part in stoppable(x.split(AT_ONCE))]
    return torch.cat(within).float().mean().item()


class Modes(NamedTuple):
    covered: int
    good: float


def modes_of(x: Tensor, centres: Tensor, deviation: float) -> Modes:
    """Of points x (N, 2) by a mixture's centres (K, 2) and their common standard deviation.

    covered: number of centres with at least a tenth of a uniform share, N / K, of the points within three deviations.
    good: fraction of all points within three deviations of a centre.
    """
    distance, nearest = torch.cdist(x.float().cpu(), centres).min(1)
    near = distance <= NEAR * deviation
    held = torch.bincount(nearest[near], minlength=len(centres))
    covered = (held >= max(1.0, SHARE * len(x) / len(centres))).sum().item()
    return Modes(int(covered), near.float().mean().item())


def check_modes(product: Any, data: Any, *, count: int, neighbours: int, seed: int) -> None:
    if examples_of(data).x.ndim != 2:
        raise UserError("it measures points in a plane: use --metrics fidelity for pictures")
    generating(product).check(count, None, None)
    check_neighbours("modes", neighbours, count, len(data.y))


def check_neighbours(metric: str, neighbours: int, generated: int, real: int) -> None:
    """Precision and recall are of sets that have more members than that."""
    if min(generated, real) <= neighbours:
        raise UserError(
            f"--metrics.{metric}.neighbours {neighbours} is not below the number generated"
            f" (--metrics.{metric}.count {generated}) or held out ({real})"
        )


@checked_by(check_modes)
def modes(
    product: Any, data: Any, *, count: PositiveInt = 5000, neighbours: PositiveInt = 3, seed: int
) -> Mapping[str, float]:
    """Whether a planar model covers all of the data: modes of a mixture, precision and recall in the plane.

    `modes` and `good` (share of points within three deviations of a mode) exist for mixtures of Gaussians alone.

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
