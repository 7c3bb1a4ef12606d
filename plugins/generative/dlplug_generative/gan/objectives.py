"""The objectives of critic and generator, as functions of the critic's scores: high for real, low for fake.

Scores are (B,); losses are scalars, averaged over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Objective(NamedTuple):
    """critic(real scores, fake scores) and generator(fake scores), each minimised by its own network."""

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Goodfellow et al. 2014 (arXiv:1406.2661), equation 1; a score is the logit of being real."""
    # -E[log D(x)] - E[log(1 - D(G(z)))], D = σ(score)
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """Goodfellow et al. 2014, section 3: instead of log(1 - D), whose gradient vanishes where D is confident."""
    # -E[log D(G(z))]
    return F.softplus(-fake).mean()


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye 2017 (arXiv:1705.02894); Miyato et al. 2018 (arXiv:1802.05957), equation 16."""
    # E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """Arjovsky et al. 2017 (arXiv:1701.07875), equation 2: at its minimum over 1-Lipschitz critics, minus the
    Wasserstein distance."""
    # E[D(G(z))] - E[D(x)]
    return fake.mean() - real.mean()


def wasserstein_generator(fake: Tensor) -> Tensor:
    """The generator's loss for both the Wasserstein and the hinge objective."""
    # -E[D(G(z))]
    return -fake.mean()


OBJECTIVES: Mapping[str, Objective] = {
    "non-saturating": Objective(logistic_critic, non_saturating_generator),
    "hinge": Objective(hinge_critic, wasserstein_generator),
    "wasserstein": Objective(wasserstein_critic, wasserstein_generator),
}
