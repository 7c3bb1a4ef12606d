"""`dlplug scores`: the scores of runs by game, and aggregates over games with intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlplug import CommandParser, UserError, parsed_by
from dlplug_rl.scores.aggregate import Scores, Statistic, interquartile_mean, interval, mean, median
from dlplug_rl.scores.outcomes import Group, Outcome, Query, grouped, read

STATISTICS = {"mean": mean, "median": median, "interquartile mean": interquartile_mean}


def scores_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug scores",
        description="Prints raw and normalised scores of runs: 0 is random play, 1 the human. Over all games: mean,"
        " median and interquartile mean with 95 % stratified bootstrap intervals (Agarwal et al. 2021,"
        " arXiv:2108.13264).",
    )
    add = parser.add_argument
    add("places", nargs="+", metavar="RECORD_OR_RUN", help="a record of `dlplug verify`, a run, or a folder of either")
    add(
        "--metric",
        default="",
        help="metric to compare (default: test/return, or eval/return where a run has no test/return)",
    )
    add("--by", action="append", default=[], metavar="OPTION", help="compare runs of one recipe by an option")
    add(
        "--reference",
        action="append",
        default=[],
        metavar="GAME=LOW,HIGH",
        help="scores that count as 0 and 1 in a game without a human score",
    )
    add("--figure", default="", metavar="PATH", help="draw the learning curves of run folders, and final scores")
    add("--curve", default="", metavar="METRIC", help="metric of the curves (default: eval/return or train/return)")
    add("--json", action="store_true", help="print JSON")
    return parser


@parsed_by(scores_parser)
def scores(flags: Any) -> int:
    """Prints the scores of runs: raw, human-normalised, and aggregated over games; draws a figure.

    Raises UserError for errors that the user can correct.
    """
    query = Query(flags.metric, flags.by, dict(map(_reference, flags.reference)))
    groups = grouped(read(flags.places, query))
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
    """A statistic and its interval; no interval unless every game has several seeds."""
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
        lines.append(
            f"{left} of {len(one['games'])} games are not aggregated: no human score; use --reference GAME=LOW,HIGH"
        )
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
