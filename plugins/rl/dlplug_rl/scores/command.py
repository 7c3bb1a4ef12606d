"""`dlplug scores`: what runs scored, game by game, and one number over all of them with its interval."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlplug import CommandParser, UserError, parsed_by
from dlplug_rl.scores.aggregate import Scores, Statistic, interquartile_mean, interval, mean, median
from dlplug_rl.scores.outcomes import Group, Outcome, Wanted, grouped, read

STATISTICS = {"mean": mean, "median": median, "interquartile mean": interquartile_mean}


def parser() -> CommandParser:
    made = CommandParser(
        "dlplug scores",
        description="Raw and normalised scores of runs: 0 is random play, 1 the human. Over all games: mean, median and"
        " interquartile mean with 95 % stratified bootstrap intervals (Agarwal et al. 2021, arXiv:2108.13264).",
    )
    add = made.add_argument
    add("places", nargs="+", metavar="RECORD_OR_RUN", help="a record of `dlplug verify`, a run, or a folder of either")
    add("--metric", default="", help="what is compared (default: test/return, or eval/return where a run has no other)")
    add("--by", action="append", default=[], metavar="OPTION", help="separates runs of one recipe by an option")
    add("--reference", action="append", default=[], metavar="GAME=LOW,HIGH", help="0 and 1 where no human played")
    add("--figure", default="", metavar="PATH", help="draws the learning curves of run folders, and final scores")
    add("--curve", default="", metavar="METRIC", help="what the curves are of (default: eval/return or train/return)")
    add("--json", action="store_true", help="prints JSON")
    return made


@parsed_by(parser)
def scores(flags: Any) -> int:
    """What runs scored: raw, human-normalised, aggregated over games; with a figure.

    Raises UserError for what a user can mend.
    """
    wanted = Wanted(flags.metric, flags.by, dict(map(_reference, flags.reference)))
    groups = grouped(read(flags.places, wanted))
    if flags.figure:
        from dlplug_rl.scores import figure

        figure.save(groups, Path(flags.figure), flags.curve)
    summaries = [summary(group) for group in groups]
    if flags.json:
        print(json.dumps(summaries, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(map(described, summaries)))
        if flags.figure:
            print(f"\ndrawn in {flags.figure}")
    return 0


def summary(group: Group) -> dict[str, Any]:
    """The report on a group: its games, and the aggregates over those whose scores are normalised."""
    normalised = group.scores(normalised=True)
    aggregates = {name: _estimate(statistic, normalised) for name, statistic in STATISTICS.items() if normalised}
    return {
        "recipe": group.name,
        "protocol": group.protocol,
        "metric": group.metric,
        "games": {game: _of_game(runs) for game, runs in group.games.items()},
        "aggregated_games": len(normalised),
        "aggregates": aggregates,
    }


def _of_game(runs: Sequence[Outcome]) -> dict[str, Any]:
    values = [run.score for run in runs]
    normalised = [run.normalised for run in runs if run.normalised is not None]
    return {
        "score": float(np.mean(values)),
        "score_std": float(np.std(values)),
        "normalised": float(np.mean(normalised)) if normalised else None,
        "scores": values,
        "seeds": [run.seed for run in runs],
        "frames": [run.frames for run in runs],
    }


def _estimate(statistic: Statistic, scores: Scores) -> dict[str, Any]:
    """A statistic and its interval, which there is only where every game has several seeds to draw from."""
    low = high = None
    if all(len(runs) > 1 for runs in scores):
        low, high = map(float, interval(statistic, scores))
    return {"value": float(statistic(scores)), "low": low, "high": high}


def described(one: Mapping[str, Any]) -> str:
    """A summary in lines, for people."""
    rows = [("game", "score", "± seeds", "normalised", "seeds", "frames")]
    for game, row in one["games"].items():
        normalised = "-" if row["normalised"] is None else f"{row['normalised']:.3f}"
        numbers = (f"{row['score']:.6g}", f"{row['score_std']:.3g}", normalised)
        rows.append((game, *numbers, str(len(row["seeds"])), f"{np.mean(row['frames']):,.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{one['recipe']}, {one['metric']}: {one['protocol'] or 'no protocol stated'}"]
    for first, *others in rows:
        lines.append("  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]))
    for name, row in one["aggregates"].items():
        ends = "no interval without several seeds of every game"
        if row["low"] is not None:
            ends = f"95 % interval {row['low']:.3f} to {row['high']:.3f}"
        lines.append(f"{name} of normalised scores: {row['value']:.3f} ({ends})")
    if left := len(one["games"]) - one["aggregated_games"]:
        lines.append(f"{left} of {len(one['games'])} games not aggregated: no human score; --reference GAME=LOW,HIGH")
    return "\n".join(lines)


def _reference(text: str) -> tuple[str, tuple[float, float]]:
    game, _, numbers = text.partition("=")
    try:
        low, high = map(float, numbers.split(","))
    except ValueError:
        low = high = 0.0
    if not game or not low < high:
        raise UserError(f"--reference expects GAME=LOW,HIGH such as Catch-v0=-1,1, got {text!r}")
    return game, (low, high)
