"""A network as the judge of a search."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.search.tree import Judge


def judge_by(model: nn.Module, game: Game) -> Judge:
    """The judge that asks a model, on its device. Values are 2 · score - 1, in [-1, 1].

    Call it under `dlplug.acting(model)`, once for a whole search: as metrics and samplers are called.
    """
    device = next(model.parameters()).device

    def judge(positions: Any) -> tuple[np.ndarray, np.ndarray]:
        judged = model(torch.from_numpy(game.observe(positions)).to(device))
        # tanh(x / 2) = 2 σ(x) - 1
        both = torch.cat([judged.policy.float(), torch.tanh(judged.value.float() / 2)[:, None]], 1).cpu().numpy()
        return both[:, :-1], both[:, -1]

    return judge
