"""Self-play: many games in lock-step, each move chosen by a search with the present network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Data, Pool, PositiveFloat, PositiveInt, Spec, UserError, acting, to_device
from dlplug.stop import stop_if_asked
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.games.interface import mover, put, take
from dlplug_selfplay.networks.judge import judge_by
from dlplug_selfplay.playing.options import Play, Rules
from dlplug_selfplay.playing.replay import Records, Replay, blank

STARTS = {"eval": 1_000_003, "test": 2_000_003}  # added to the run's seed, for the matches of each split


class Positions(NamedTuple):
    """A batch of B positions on the model's device.

    obs: (B, planes, height, width) bool. legal: (B, actions) bool. policy: (B, actions), the search's. score: (B,), 1,
    0.5 or 0. searched: (B,) float32, 1 where the policy is a target, else 0.
    """

    obs: Tensor
    legal: Tensor
    policy: Tensor
    score: Tensor
    searched: Tensor


class SelfPlay(Data):
    """Plays a board game against itself (AlphaZero, Silver et al. 2018, Science 362, 1140).

    A batch is drawn whenever enough new positions have been played; a finished game begins again at once.

    batch_size: positions per batch
    replay: number of positions in the replay
    reuse: how often each position is drawn, on average
    learning_starts: positions in the replay before the first batch
    """

    unit = "games"
    splits = ("eval", "test")
    distributed = False
    training_options = (
        "batch_size", "replay", "reuse", "learning_starts", "boards", "search", "simulations", "fast_simulations",
        "full", "margin", "opening", "past", "past_every", "past_size",
    )  # fmt: skip
    remembers = ("positions", "moves", "trace", "openings", "foe", "owed", "ended")

    def __init__(
        self,
        *,
        rules: Rules = Rules(),
        play: Play = Play(),
        batch_size: PositiveInt = 128,
        replay: PositiveInt = 50_000,
        reuse: PositiveFloat = 4.0,
        learning_starts: PositiveInt = 1_000,
        seed: int = 0,
    ) -> None:
        if learning_starts > replay:
            raise UserError(f"a replay of {replay} positions never holds learning_starts {learning_starts}")
        self.game, self.play, self.rules, self.seed = rules.make(training=True), play, rules, seed
        self.batch_size, self.reuse, self.learning_starts = batch_size, reuse, learning_starts
        self.random = np.random.default_rng(seed)
        self.replay = Replay(self.game, replay)
        game, count = self.game, play.boards
        names = tuple(game.vertex(action) for action in range(game.actions))
        self.spec = Spec(input=(game.planes, game.height, game.width), output=game.actions, names=names)
        self.protocol = game.title
        self.positions = game.start(count)
        self.trace, self.moves = blank(game, count, game.longest), np.zeros(count, np.int64)  # of the games in progress
        self.openings, self.foe = np.zeros(count, np.int64), np.full(count, -1)
        self.owed = 0.0  # batches
        self.past: Pool | tuple[()] = ()
        self.ended: list[tuple[int, float]] = []  # (length, result) since the last `values`
        self.begin(np.arange(count))

    def meet(self, model: nn.Module) -> None:
        self.past = Pool(model, self.play.past_size)

    def split(self, name: str) -> HeldOut:
        return HeldOut(self.rules, self.rules.make(), self.play.search, self.seed + STARTS[name])

    def batches(self, model: nn.Module) -> Iterator[Positions]:
        device = next(model.parameters()).device
        while True:
            while self.owed < 1:
                stop_if_asked()
                with acting(model):
                    self.ply(model)
            self.owed -= 1
            drawn = self.replay.draw(self.batch_size, self.random)
            obs = drawn.obs.reshape(self.batch_size, *self.spec.input)
            columns = (obs, drawn.legal, drawn.policy, drawn.score, drawn.searched.astype(np.float32))
            yield Positions(*(to_device(torch.from_numpy(column), device) for column in columns))

    def ply(self, model: nn.Module) -> None:
        """A move in every game, under `acting(model)`."""
        game, play, roots = self.game, self.play, self.positions
        judge = judge_by(model, game)
        actions = np.where(roots.legal, self.random.random(roots.legal.shape), -1).argmax(1)  # uniformly random
        searches = roots.ply >= self.openings
        theirs = (self.foe >= 0) & (self.foe % 2 == roots.ply % 2)
        full = self.random.random(play.boards) < play.full
        own = searches & ~theirs
        for rows, simulations in ((own & full, play.simulations), (own & ~full, play.fast_simulations)):
            if len(index := np.flatnonzero(rows)):
                found = play.search_to_learn(game, judge, take(roots, index), simulations, self.random)
                actions[index] = found.action
                self.note(index, take(roots, index), found.policy, full[index])
        for number, past in enumerate(self.past):
            if len(index := np.flatnonzero(searches & theirs & (self.foe // 2 == number))):
                judge = judge_by(past, game)
                found = play.search_to_learn(game, judge, take(roots, index), play.fast_simulations, self.random)
                actions[index] = found.action
        self.positions = game.step(roots, actions)
        if len(over := np.flatnonzero(self.positions.over)):
            self.finish(over, model)

    def note(self, rows: np.ndarray, roots: Any, policy: np.ndarray, full: np.ndarray) -> None:
        """Writes positions into the games' traces, each with the colour that moves there for a score."""
        at, obs = self.moves[rows], self.game.observe(roots).reshape(len(rows), self.game.planes, -1)
        put(self.trace, (rows, at), (obs, roots.legal, policy, mover(roots), full))
        self.moves[rows] += 1

    def finish(self, rows: np.ndarray, model: nn.Module) -> None:
        """Moves finished games to the replay, and begins others in their place."""
        for row in rows:
            length, result = int(self.moves[row]), float(self.positions.result[row])
            records = Records(*(column[row, :length].copy() for column in self.trace))
            self.replay.add(records._replace(score=(1 + records.score * result) / 2))
            if len(self.replay) >= self.learning_starts:
                self.owed += length * self.reuse / self.batch_size
            self.ended.append((int(self.positions.ply[row]), result))
            self.count += 1
            if isinstance(self.past, Pool) and self.play.past and self.count % self.play.past_every == 0:
                self.past.add(model)
        self.begin(rows)

    def begin(self, rows: np.ndarray) -> None:
        """New games, some of them against a past self: `foe` is twice its number, plus 1 where it plays White."""
        put(self.positions, rows, self.game.start(len(rows)))
        self.moves[rows] = 0
        self.openings[rows] = self.random.integers(self.play.opening + 1, size=len(rows))
        past = 2 * len(self.past)
        against = self.random.random(len(rows)) < self.play.past
        self.foe[rows] = np.where(against & (past > 0), self.random.integers(max(1, past), size=len(rows)), -1)

    def values(self) -> Mapping[str, float]:
        """game_length in moves, black (mean score of Black), draws, replay (positions)."""
        if not self.ended:
            return {}
        lengths, results = np.array(self.ended, float).T
        self.ended = []
        return {
            "game_length": float(lengths.mean()),
            "black": float((1 + np.sign(results)).mean() / 2),
            "draws": float((results == 0).mean()),
            "replay": float(len(self.replay)),
        }
