"""AlphaZero's loss."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeFloat, minimise
from dlplug_selfplay.playing.self_play import Positions


@minimise
def alphazero(
    model: nn.Module, batch: Positions, *, value_weight: NonNegativeFloat = 1.0
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Cross entropy of the search's policy over the legal moves, plus that of the game's score.

    value_weight: weight of the score's term
    """
    judged = model(batch.obs)
    logits = judged.policy.masked_fill(~batch.legal, -1e9)
    surprise = -(batch.policy * F.log_softmax(logits, 1)).sum(1)  # 0 · -1e9 for illegal moves
    policy = (surprise * batch.searched).sum() / batch.searched.sum().clamp(min=1)
    value = F.binary_cross_entropy_with_logits(judged.value, batch.score)
    right = ((judged.value > 0) == (batch.score > 0.5)).float().mean()
    return policy + value_weight * value, {"policy": policy, "value": value, "value_right": right}
