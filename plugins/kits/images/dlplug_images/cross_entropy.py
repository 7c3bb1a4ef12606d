"""Cross entropy, with label smoothing and mixup."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Beta

from dlplug import Labelled, NonNegativeFloat, ProperFraction, UserError, minimise


@minimise
def cross_entropy(
    model: nn.Module, batch: Labelled, *, smoothing: ProperFraction = 0.0, mixup: NonNegativeFloat = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of a classifier, with label smoothing and mixup.

    smoothing: label smoothing ε (Szegedy et al. 2016, section 7).
    mixup: α of mixup's Beta(α, α) distribution; 0 turns mixup off (Zhang et al. 2018).
    """
    if not 0 <= smoothing < 1 or mixup < 0:
        raise UserError(f"--loss.smoothing must be in [0, 1) and --loss.mixup at least 0, got {smoothing} and {mixup}")
    if not mixup:
        logits = model(batch.x)
        loss = F.cross_entropy(logits, batch.y, label_smoothing=smoothing)
    else:
        # λ ~ Beta(α, α), drawn on the images' device
        alpha = torch.full((), mixup, device=batch.x.device)
        share = Beta(alpha, alpha, validate_args=False).sample()
        logits = model(mixed(batch.x, share))
        # L = λ H(y, p) + (1 - λ) H(y', p)
        loss = share * F.cross_entropy(logits, batch.y, label_smoothing=smoothing)
        loss = loss + (1 - share) * F.cross_entropy(logits, batch.y.flip(0), label_smoothing=smoothing)
    return loss, {"accuracy": (logits.argmax(1) == batch.y).float().mean()}


def mixed(x: Tensor, share: Tensor) -> Tensor:
    """x̃ = λ x + (1 - λ) x' for x (B, ...) and λ () in [0, 1], where x' is the batch in reverse order, which is random
    (Zhang et al. 2018, arXiv:1710.09412, equation 1)."""
    return share * x + (1 - share) * x.flip(0)
