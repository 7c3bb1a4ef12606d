"""The metric `team-matches`: games against the scripts, and against what the network was after its first quarter."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from dlplug_envs.arena import MEMBERS, SCRIPTS, Arena, Rules
from dlplug_play.on_policy.actor_critic import ActorCritic

from dlplug import PositiveInt
from dlplug.stop import stop_if_asked
from dlplug_selfplay.teams.network import TeamNet

STARTS = {"eval": 1_000_003, "test": 2_000_003}  # added to the run's seed, for the games of each split
Player = Callable[[np.ndarray, np.ndarray], np.ndarray]  # observations (E, 3, SIZE), first (E,) -> actions (E, 3)


class Matches(NamedTuple):
    """Held-out games: the rules, and the seed of their starts."""

    rules: Rules
    seed: int


def team_matches(
    product: TeamNet, data: Matches, *, games: PositiveInt = 200, greedy: bool = False
) -> dict[str, object]:
    """Plays both sides against each script and against the network's younger self.

    games: number of games against each
    greedy: take the most probable actions; otherwise sample, as in training

    Returns win_climb, win_hunt, win_hold, win_pack (fractions of games won; a draw is not), and win_younger: against
    the network after a quarter of its training.
    """
    torch.manual_seed(data.seed)
    others: dict[str, Callable[[], Player]] = {name: lambda s=script: by_script(s) for name, script in SCRIPTS.items()}
    others["younger"] = lambda: by_network(product.younger, games, greedy)
    wins = {}
    for name, other in others.items():
        results = play_games(
            by_network(product, games, greedy), other(), Arena(games, rules=data.rules, seed=data.seed)
        )
        wins[f"win_{name}"] = float((results > 0).mean())
    return {"protocol": f"{games} games, actions {'greedy' if greedy else 'sampled'}", **wins}


def play_games(one: Player, other: Player, arena: Arena) -> np.ndarray:
    """The result of a game in each of E, (E,): 1 where `one` wins, -1 where `other` does, 0 for a draw. `one` is team 0
    in the first half, and team 1 in the second."""
    side = (np.arange(arena.games) >= (arena.games + 1) // 2).astype(np.int64)
    every, results, over = np.arange(arena.games), np.zeros(arena.games), np.zeros(arena.games, bool)
    seen = arena.reset()
    while not over.all():
        stop_if_asked()
        first = arena.elapsed == 0
        action = np.empty((arena.games, 2, MEMBERS), np.int64)
        action[every, side] = one(seen[every, side], first)
        action[every, 1 - side] = other(seen[every, 1 - side], first)
        seen, _, ended, winner = arena.step(action)
        results = np.where(ended & ~over, np.where(side == 0, winner, -winner), results)
        over |= ended
    return results


def by_script(script: Callable[[np.ndarray], np.ndarray]) -> Player:
    return lambda seen, first: script(seen)


def by_network(policy: ActorCritic, games: int, greedy: bool) -> Player:
    """A network as a player of `games` games, with its memory."""
    state = policy.start(games * MEMBERS)

    def act(seen: np.ndarray, first: np.ndarray) -> np.ndarray:
        nonlocal state
        action, state, _ = policy.act(seen.reshape(-1, seen.shape[-1]), state, first.repeat(MEMBERS), greedy=greedy)
        return action.reshape(-1, MEMBERS)

    return act
