"""The sampler `team-film`: a game of the network, with the probability of each member's action."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from dlplug_envs.arena import SCRIPTS, Arena
from dlplug_envs.arena.picture import picture

from dlplug import Video
from dlplug_selfplay.teams.evaluation import Matches, by_network, by_script
from dlplug_selfplay.teams.network import TeamNet


def team_film(
    product: TeamNet,
    data: Matches,
    *,
    opponent: Literal["itself", "younger", "climb", "hunt", "hold", "pack"] = "pack",
    greedy: bool = False,
    seed: int,
) -> dict[str, Video]:
    """A game in which the network plays the blue team, on the left.

    opponent: the red team: itself, its younger self of the first quarter of its training, or a script
    greedy: take the most probable actions; otherwise sample, as in training
    """
    torch.manual_seed(seed)
    arena = Arena(1, rules=data.rules, seed=data.seed + seed)
    networks = {"itself": product, "younger": product.younger}
    blue = by_network(product, 1, greedy)
    red = by_network(networks[opponent], 1, greedy) if opponent in networks else by_script(SCRIPTS[opponent])
    frames, result = [], 0

    def play() -> Iterator[np.ndarray]:
        nonlocal result
        seen = arena.reset()
        yield picture(arena, 0)
        while not arena.ended[0]:
            first = arena.elapsed == 0
            seen, _, _, winner = arena.step(np.stack([blue(seen[:, 0], first), red(seen[:, 1], first)], 1))
            result = int(winner[0])
            yield picture(arena, 0)

    frames = np.stack(list(play()))
    end = {1: "the network wins", 0: "a draw", -1: f"{opponent} wins"}[result]
    return {
        "film": Video(frames, fps=6, caption=f"blue: the network, red: {opponent}; {end} after {len(frames) - 1} steps")
    }
