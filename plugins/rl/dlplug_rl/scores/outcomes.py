"""The scores of trained runs, read from run folders and from the records of `dlplug verify`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dlplug.errors import UserError
from dlplug.runs.reader import read_brief
from dlplug_rl.scores.human import SCORES, human_normalised

log = logging.getLogger("dlplug")

RETURNS = ("test/return", "eval/return")  # what `verify` reports; before there was a test split, the other one
References = Mapping[str, tuple[float, float]]  # game: (score that counts as 0, score that counts as 1)


class Outcome(NamedTuple):
    """One trained run.

    name: the recipe, its preset, and its values of the options in --by.
    game: the game; the recipe where the data have no game.
    protocol: the protocol of the score, without the game's name.
    metric: test/return, eval/return, or that of --metric.
    score: raw. normalised: 0 for random play and 1 for the human, or for a reference; None without either.
    frames: length of the training in the data's unit.
    source: the file or folder that it was read from. folder: the run's, None for a record.
    """

    name: str
    game: str
    protocol: str
    metric: str
    seed: int
    score: float
    normalised: float | None
    frames: int
    source: str
    folder: Path | None


class Group(NamedTuple):
    """The runs of one name under one protocol and metric, by game, which are aggregated."""

    name: str
    protocol: str
    metric: str
    games: dict[str, list[Outcome]]

    def scores(self, normalised: bool = False) -> list[np.ndarray]:
        """[(runs,)] for each game; normalised: only of games with normalised scores."""
        if not normalised:
            return [np.array([run.score for run in runs], dtype=float) for runs in self.games.values()]
        values = [[run.normalised for run in runs] for runs in self.games.values()]
        return [np.array(runs, dtype=float) for runs in values if None not in runs]


class Query(NamedTuple):
    """Which scores to compare.

    metric: the score; "" takes the first of RETURNS that a run measured. by: options that separate runs of one
    recipe. references: for games without a human score.
    """

    metric: str = ""
    by: Sequence[str] = ()
    references: References = {}


def read(places: Sequence[str], query: Query = Query()) -> list[Outcome]:
    """The outcomes of records, run folders, folders with either below, and recipes that were run here.

    Raises UserError for a place without outcomes, and for a run that occurs twice.
    """
    if unneeded := sorted(query.references.keys() & SCORES.keys()):
        raise UserError(f"--reference {unneeded[0]}: this game has a random and a human score of its own")
    outcomes = [outcome for place in places for outcome in _at(Path(place), query)]
    if not outcomes:
        raise UserError(f"no finished run with {_named(query)} in {', '.join(places)}")
    sources: dict[tuple[str, str, str, int], str] = {}
    for outcome in outcomes:
        key = (outcome.name, outcome.game, outcome.protocol, outcome.seed)
        if key in sources:
            raise UserError(
                f"{outcome.name} on {outcome.game} has two runs of seed {outcome.seed}, {sources[key]} and"
                f" {outcome.source}: give one of them, or separate them by an option: --by OPTION"
            )
        sources[key] = outcome.source
    return outcomes


def grouped(outcomes: Sequence[Outcome]) -> list[Group]:
    """The groups, in the order of the outcomes; games by name and seeds by number."""
    groups: dict[tuple[str, str, str], Group] = {}
    for outcome in sorted(outcomes, key=lambda outcome: (outcome.game, outcome.seed)):
        key = _pool(outcome)
        group = groups.setdefault(key, Group(*key, {}))
        group.games.setdefault(outcome.game, []).append(outcome)
    order = list(map(_pool, outcomes))
    return sorted(groups.values(), key=lambda group: order.index((group.name, group.protocol, group.metric)))


def _pool(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.name, outcome.protocol, outcome.metric


def _at(place: Path, query: Query) -> Iterator[Outcome]:
    if not place.exists() and (Path("runs") / place).is_dir():
        place = Path("runs") / place
    if place.is_file():
        yield from _of_record(place, query)
        return
    folders = sorted(path.parent for path in place.rglob("config.yaml"))
    records = [] if folders else sorted(place.glob("*.json"))
    if not folders and not records:
        raise UserError(f"{place} is neither a record, a run folder, a folder of them nor a recipe that was run here")
    for path in records:
        yield from _of_record(path, query)
    for folder in folders:
        yield from _of_run(folder, query)


def _of_run(folder: Path, query: Query) -> Iterator[Outcome]:
    try:
        run = read_brief(folder)
    except UserError as error:
        log.info(f"{error}; left out")
        return
    if run.status != "finished" or "metrics" not in run.result:
        damage = next((note for note in run.notes if note.startswith("result.json")), "")
        log.info(f"{folder}: {damage or (run.status if run.result else 'has not ended')}; left out")
        return
    config, result, evaluation, metric = run.config, run.result, run.evaluation, query.metric or RETURNS[0]
    if metric in evaluation.get("metrics", {}) and metric not in result["metrics"]:  # training did not measure it
        config = config | evaluation.get("options", {})
        result = result | {"metrics": evaluation["metrics"], "protocol": evaluation.get("protocol", "")}
    yield from _outcomes([result], config, result, query, str(folder), folder)


def _of_record(path: Path, query: Query) -> Iterator[Outcome]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        for entry, record in entries.items():
            if entry.endswith("(unfinished)"):
                log.info(f"{path}: {entry}; left out")
                continue
            config = {**record["options"], **record.get("config", {})}
            stated = {"protocol": next((target["protocol"] for target in record["targets"]), "")}
            runs = [stated | run for run in record["runs"]]
            yield from _outcomes(runs, config, record, query, f"{path} ({entry})", None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not a record of `dlplug verify`") from None


def _outcomes(
    runs: Iterable[Mapping[str, Any]],
    config: Mapping[str, Any],
    record: Mapping[str, Any],
    query: Query,
    source: str,
    folder: Path | None,
) -> Iterator[Outcome]:
    """The runs of one configuration. record: the record or result, which names the recipe and the preset."""
    if missing := [option for option in query.by if option not in config]:
        raise UserError(f"{source}: --by {missing[0]}: its configuration has no such option")
    preset = f" {record['preset']}" if record["preset"] else ""
    name = f"{record['recipe']}{preset}" + "".join(f" {option}={config[option]}" for option in query.by)
    game = _game(config) or record["recipe"]
    for run in runs:
        metrics = run["metrics"]
        metric = next((name for name in _metrics(query) if metrics.get(name) is not None), None)
        if metric is None:
            log.info(f"{source}: measured no {_named(query)}; left out")
            continue
        score, normalised = metrics[metric], _normalised(game, metrics[metric], query.references)
        if normalised is None and metric in RETURNS:
            normalised = metrics.get(metric.replace("return", "human_normalised"))
        protocol = run.get("protocol", "").removeprefix(config.get("data.id", game)).lstrip("; ")
        frames = run.get("frames", run.get("steps", 0))
        yield Outcome(name, game, protocol, metric, run.get("seed", 0), score, normalised, frames, source, folder)


def _metrics(query: Query) -> Sequence[str]:
    return (query.metric,) if query.metric else RETURNS


def _named(query: Query) -> str:
    return " or ".join(_metrics(query))


def _game(config: Mapping[str, Any]) -> str:
    """A game's name as the table of scores spells it, or the last part of an environment's id."""
    game: str = config.get("data.game", "")
    id: str = config.get("data.id", "")
    table = {name.replace("_", ""): name for name in SCORES}
    return table.get(re.sub("[^a-z0-9]", "", game.lower()), game) or id.rpartition("/")[2]


def _normalised(game: str, score: float, references: References) -> float | None:
    if game in references:
        low, high = references[game]
        return (score - low) / (high - low)
    return human_normalised(game, score)
