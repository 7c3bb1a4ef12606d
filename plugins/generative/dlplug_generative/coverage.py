"""Whether all is made that there is, and only that: precision and recall by neighbourhoods, and modes of a mixture."""

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
SHARE = 0.1  # of its even share: what a mode must get to count as covered. Theirs is a single point


class Coverage(NamedTuple):
    precision: float
    recall: float


def precision_recall(real: Tensor, made: Tensor, neighbours: int = 3) -> Coverage:
    """Kynkäänniemi et al. 2019 (arXiv:1904.06991), equation 1, on features or points real (N, F) and made (M, F).

    precision: share of made ones that lie within some real one's distance to its k-th nearest other real one.
    recall: share of real ones that lie so near to made ones.

    NaN where a set has no more than `neighbours`.
    """
    if min(len(real), len(made)) <= neighbours:
        return Coverage(math.nan, math.nan)
    # in double precision, for by products float32 would round the shortest distances away
    real, made = real.double().cpu(), made.double().cpu()
    return Coverage(inside(made, real, reach(real, neighbours)), inside(real, made, reach(made, neighbours)))


def reach(x: Tensor, neighbours: int) -> Tensor:
    """(N,): the distance from each of x (N, F) to its k-th nearest other one."""
    # the nearest of all is itself
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
    """Of points x (N, 2) by a mixture's centres (K, 2) and their common deviation.

    covered: centres that have at least a tenth of their even share, N / K, of the points within three deviations.
    good: share of all points that lie within three deviations of any centre.
    """
    distance, nearest = torch.cdist(x.float().cpu(), centres).min(1)
    near = distance <= NEAR * deviation
    held = torch.bincount(nearest[near], minlength=len(centres))
    covered = (held >= max(1.0, SHARE * len(x) / len(centres))).sum().item()
    return Modes(int(covered), near.float().mean().item())


def check_modes(product: Any, data: Any, *, count: int, neighbours: int, seed: int) -> None:
    if examples_of(data).x.ndim != 2:
        raise UserError("it is of points in a plane: pictures have --metrics fidelity")
    generating(product).check(count, None, None)
    check_neighbours("modes", neighbours, count, len(data.y))


def check_neighbours(metric: str, neighbours: int, made: int, real: int) -> None:
    """Precision and recall are of sets that have more members than that."""
    if min(made, real) <= neighbours:
        raise UserError(
            f"--metrics.{metric}.neighbours {neighbours} is not below the number that is made"
            f" (--metrics.{metric}.count {made}) or held out ({real})"
        )


@checked_by(check_modes)
def modes(
    product: Any, data: Any, *, count: PositiveInt = 5000, neighbours: PositiveInt = 3, seed: int
) -> Mapping[str, float]:
    """Whether a planar model makes all that there is: modes of a mixture, precision and recall in the plane.

    `modes` and `good` (share of points within three deviations of a mode) are of mixtures of Gaussians alone.

    count: points to make.
    neighbours: the k of precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991).
    """
    real = examples_of(data).x
    made = generating(product).generate(count, seed=seed).cpu()
    values: dict[str, float] = {}
    if len(data.centres):
        covered = modes_of(made, data.centres, data.deviation)
        values = {"modes": covered.covered, "good": covered.good}
    found = precision_recall(real, made, neighbours)
    return values | {f"precision_k{neighbours}": found.precision, f"recall_k{neighbours}": found.recall}
