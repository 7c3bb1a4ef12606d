"""Data for team play: rollouts of all members in all games, most of them against itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

import numpy as np
import torch
from dlplug_envs.arena import ACTIONS, MEMBERS, SIZE, Arena
from dlplug_play.on_policy.rollout import Rollout
from dlplug_play.specs import PlaySpec
from torch import Tensor, nn

from dlplug import Data, Fraction, Pool, PositiveInt, Progress, UserError, acting, to_device
from dlplug.stop import stop_if_asked
from dlplug_selfplay.teams.evaluation import STARTS, Matches
from dlplug_selfplay.teams.network import TeamNet
from dlplug_selfplay.teams.past import Past, beaten, newcomer, probabilities

QUARTER = 0.25  # of the training, after which the network is remembered as its younger self
NAMES = ("stay", "up", "down", "forward", "back", "attack 1", "attack 2", "attack 3")


class TeamRollouts(Data):
    """Three against three in the arena of dlplug-envs, with one network for all members.

    In most games both teams are the present network; in the first `past` of them the second team is a past self, whose
    steps are not learnt from. A member's reward is (1 - τ) its own + τ its team's mean, where the team spirit τ rises
    linearly over the training (Berner et al. 2019, arXiv:1912.06680). Counts the actions of the present network.

    games: number of parallel games
    rollout: steps of each game per rollout
    spirit_start, spirit_end: team spirit τ; 0.3 to 1 in Berner et al. 2019
    """

    unit = "actions"
    splits = ("eval", "test")
    distributed = False
    remembers = ("state", "foe_state", "foes", "quality", "younger_kept", "ended")
    training_options = ("games", "rollout", "spirit_start", "spirit_end", "past", "past_size", "quality_step")

    def __init__(
        self,
        *,
        games: PositiveInt = 120,
        rollout: PositiveInt = 32,
        spirit_start: Fraction = 0.3,
        spirit_end: Fraction = 1.0,
        past: Past = Past(),
        seed: int = 0,
    ) -> None:
        self.arena, self.rollout, self.past, self.seed = Arena(games, seed=seed), rollout, past, seed
        self.spirit_start, self.spirit_end = spirit_start, spirit_end
        self.spec = PlaySpec(input=(SIZE,), output=ACTIONS, names=NAMES)
        self.protocol = "arena 3 against 3"
        self.random, self.progress = np.random.default_rng(seed + 1), Progress()
        self.against_past = round(games * past.past)  # games, the first of all
        self.own = np.ones((games, 2, MEMBERS), bool)  # whom the present network plays
        self.own[: self.against_past, 1] = False
        self.foes, self.quality = np.zeros(self.against_past, np.int64), np.zeros(0)
        self.pool: Pool | tuple[()] = ()
        self.state = self.foe_state = torch.empty(0)
        self.younger_kept = False
        self.ended: list[tuple[int, int, bool]] = []  # (length, winner, against a past self) since the last `values`
        self.arena.reset()

    def meet(self, model: nn.Module) -> None:
        if not isinstance(model, TeamNet):
            raise UserError(f"these data need a team's network, got a {type(model).__name__}: --model team-net")
        self.pool = Pool(model, self.past.past_size)
        self.state = model.start(int(self.own.sum()))
        self.foe_state = model.start(self.against_past * MEMBERS)

    def split(self, name: str) -> Matches:
        return Matches(self.arena.rules, self.seed + STARTS[name])

    def batches(self, model: nn.Module) -> Iterator[Rollout]:
        policy, device = cast(TeamNet, model), next(model.parameters()).device
        while True:
            self.remember(policy)
            with acting(model):
                rollout = self.play(policy)
            yield Rollout(*(to_device(column, device) for column in rollout))

    def remember(self, policy: TeamNet) -> None:
        """Adds a past self where a part of the training begins, and keeps that of the first quarter."""
        assert isinstance(self.pool, Pool)
        fraction = float(self.progress)
        if self.against_past and len(self.pool) < min(self.past.past_size, 1 + int(fraction * self.past.past_size)):
            self.pool.add(policy)
            self.quality = newcomer(self.quality)
        if not self.younger_kept and fraction >= QUARTER:
            policy.remember_itself()
            self.younger_kept = True

    def play(self, policy: TeamNet) -> Rollout:
        arena, own, state = self.arena, self.own, self.state
        spirit = self.spirit_start + (self.spirit_end - self.spirit_start) * float(self.progress)
        seen, firsts, steps, judged = [], [], [], []
        for _ in range(self.rollout):
            stop_if_asked()
            obs, first, begins = arena.observe(), arena.elapsed == 0, arena.ended
            rows = np.broadcast_to(first[:, None, None], own.shape)[own]
            action, self.state, extras = policy.act(obs[own], self.state, rows, greedy=False)
            joint = np.empty(own.shape, np.int64)
            joint[own] = action
            joint[~own] = self.answer(obs[~own], first[: self.against_past])
            _, reward, ended, winner = arena.step(joint)
            reward = (1 - spirit) * reward + spirit * reward.mean(2, keepdims=True)
            flags = (np.broadcast_to(flag[:, None, None], own.shape)[own] for flag in (ended, ~begins))
            seen.append(obs[own])
            firsts.append(rows)
            steps.append((action, reward[own], *flags))
            judged.append((extras["log_probability"], extras["value"]))
            self.finish(ended, winner)
            self.count += int(own[~begins].sum())
        rows = np.broadcast_to((arena.elapsed == 0)[:, None, None], own.shape)[own]
        seen.append(arena.observe()[own])
        firsts.append(rows)
        _, _, extras = policy.act(seen[-1], self.state, rows, greedy=False)
        action, reward, ended, weight = (np.stack(column) for column in zip(*steps, strict=True))
        log_probability, value = (torch.stack(column) for column in zip(*judged, strict=True))
        return Rollout(
            obs=torch.from_numpy(np.stack(seen)),
            first=torch.from_numpy(np.stack(firsts)),
            action=torch.from_numpy(action),
            log_probability=log_probability,
            value=torch.cat([value, extras["value"][None]]),
            reward=_floats(reward),
            terminated=_floats(ended),
            ended=_floats(ended),
            weight=_floats(weight),
            state=state,
        )

    def answer(self, obs: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The past selves' actions (P * 3,). obs: (P * 3, SIZE). first: (P,), the games that begin, for which an
        opponent is drawn."""
        if not len(obs):
            return np.empty(0, np.int64)
        chances = probabilities(self.quality)
        self.foes[first] = self.random.choice(len(chances), size=int(first.sum()), p=chances)
        actions, firsts = np.empty(len(obs), np.int64), first.repeat(MEMBERS)
        foes, state = self.foes.repeat(MEMBERS), self.foe_state.clone()
        for number in np.unique(self.foes):
            rows = np.flatnonzero(foes == number)
            foe = cast(TeamNet, cast(Pool, self.pool)[int(number)])
            actions[rows], after, _ = foe.act(obs[rows], self.foe_state[rows], firsts[rows], greedy=False)
            state[rows] = after
        self.foe_state = state
        return actions

    def finish(self, ended: np.ndarray, winner: np.ndarray) -> None:
        if not ended.any():
            return
        lost = (ended & (winner > 0))[: self.against_past]
        self.quality = beaten(self.quality, self.foes[lost], self.past.quality_step)
        for game in np.flatnonzero(ended):
            self.ended.append((int(self.arena.elapsed[game]), int(winner[game]), bool(game < self.against_past)))

    def values(self) -> Mapping[str, float]:
        """game_length in steps, draws (of the games against itself), win_past (games won against past selves), past
        (their number)."""
        if not self.ended:
            return {}
        length, winner, past = np.array(self.ended).T
        self.ended = []
        found = {"game_length": float(length.mean()), "past": float(len(self.pool))}
        if (past == 0).any():
            found["draws"] = float((winner[past == 0] == 0).mean())
        if (past == 1).any():
            found["win_past"] = float((winner[past == 1] > 0).mean())
        return found


def _floats(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
