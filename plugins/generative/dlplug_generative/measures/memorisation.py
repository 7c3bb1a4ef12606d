"""Memorisation: whether generated images are closer to the training set than held-out images are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dlplug import Image, PositiveInt, UserError, checked_by, neutral_options
from dlplug.stop import stoppable
from dlplug_generative.generating import examples_of, generating, trained_on
from dlplug_generative.samples.drawing import grid

AT_ONCE = 250


class Nearest(NamedTuple):
    """For each example the root mean square difference from its nearest training example, and that one's index: (N,)
    each."""

    distance: Tensor
    which: Tensor


def nearest(x: Tensor, train: Tensor) -> Nearest:
    """The nearest examples of train (M, ...) to x (N, ...), by the difference of their elements (pixels in [0, 1])."""
    x, train = x.flatten(1).float().cpu(), train.flatten(1).float().cpu()
    squares = train.square().sum(1)
    # argmin_t |x - t|² = argmin_t |t|² - 2 xᵀt
    index = torch.cat([torch.addmm(squares, part, train.T, alpha=-2).argmin(1) for part in stoppable(x.split(AT_ONCE))])
    return Nearest((x - train[index]).square().mean(1).sqrt(), index)


def share_nearer(generated: Tensor, unseen: Tensor) -> float:
    """The probability that a distance in generated (N,) is smaller than one in unseen (M,), where a tie counts half:
    the statistic of the Mann-Whitney test of Meehan et al. 2020 (arXiv:2004.05675), an area under the ROC curve."""
    order = unseen.sort().values
    above = len(order) - torch.searchsorted(order, generated, right=True)
    ties = len(order) - torch.searchsorted(order, generated) - above
    return ((above + 0.5 * ties).double().mean() / len(order)).item()


def check_memorisation(product: Any, data: Any, *, count: int, show: int, seed: int) -> None:
    generating(product).check(count, None, None)
    if count > len(data.y):
        raise UserError(f"--metrics.memorisation.count must be at most {len(data.y)}, the held-out images, got {count}")


@checked_by(check_memorisation)
@neutral_options("show")
def memorisation(
    product: Any, data: Any, *, count: PositiveInt = 1000, show: PositiveInt = 10, seed: int
) -> Mapping[str, Any]:
    """Whether generated images are closer to the training set than held-out images are, and the closest pairs.

    `nearest_made` (generated) and `nearest_unseen` (held-out) are medians of the root mean square difference from the
    nearest training example. `nearer_than_unseen` is how often a generated example is nearer than a held-out one: about
    0.5 without memorisation, 1 for a copy. Blurred images are nearer too: look at the pairs.

    count: number of images to generate, and of held-out ones to compare with.
    show: number of closest pairs to show.
    """
    if count < 1 or show < 1:
        raise UserError(f"--count and --show must be at least 1, got {count} and {show}")
    real, train = examples_of(data).x, trained_on(data)
    drawn = torch.randperm(len(real), generator=torch.Generator().manual_seed(seed))[:count]
    generated = generating(product).generate(count, seed=seed).cpu()
    of_made, of_unseen = nearest(generated, train), nearest(real[drawn], train)
    values: dict[str, Any] = {
        "nearest_made": of_made.distance.median(),
        "nearest_unseen": of_unseen.distance.median(),
        "nearer_than_unseen": share_nearer(of_made.distance, of_unseen.distance),
    }
    if generated.ndim == 4:
        closest = of_made.distance.argsort()[:show]
        pairs = torch.cat([generated[closest], train[of_made.which[closest]].cpu()])
        caption = "generated images above, their nearest training images below"
        values["neighbours"] = Image(grid(pairs, len(closest)), caption)
    return values
