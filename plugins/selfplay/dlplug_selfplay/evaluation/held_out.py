"""What metrics and samplers receive: the game, and the players that a network makes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.networks.judge import judge_by
from dlplug_selfplay.playing.options import Rules, SearchName
from dlplug_selfplay.playing.players import NetworkPlayer


class HeldOut(NamedTuple):
    """rules: the options of the game. search: by name, as in training. seed: of a split's random draws."""

    rules: Rules
    game: Game
    search: SearchName
    seed: int

    def player(self, model: nn.Module, simulations: int) -> NetworkPlayer:
        """The network with a search of that many simulations; without search for 0."""
        judge, random = judge_by(model, self.game), np.random.default_rng(self.seed)
        return NetworkPlayer(self.game, judge, self.search, simulations, random)
