"""Cross entropy of a translation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from dlplug import ProperFraction, UserError, minimise
from dlplug_text.data.pairs import PAD, Pair
from dlplug_text.translation.model import Translator


@minimise
def translation(model: Translator, batch: Pair, *, smoothing: ProperFraction = 0.0) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross entropy of each token of a translation, with teacher forcing.

    smoothing: label smoothing ε (Szegedy et al. 2016, section 7).
    """
    if not 0 <= smoothing < 1:
        raise UserError(f"--loss.smoothing must be in [0, 1), got {smoothing}")
    logits, y = model(batch.source, batch.target[:, :-1], batch.lengths), batch.target[:, 1:]
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=PAD, label_smoothing=smoothing)
    right = (logits.argmax(2) == y) & (y != PAD)
    return loss, {"accuracy": right.sum() / (y != PAD).sum()}
