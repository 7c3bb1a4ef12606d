"""The comparison as a figure: a panel for each game, a colour for each recipe, and bars of the final scores."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from dlplug_figures.figure import COLOURS, new_figure

from dlplug.errors import UserError, nearest
from dlplug_rl.scores.aggregate import interquartile_mean, interval
from dlplug_rl.scores.learning_curves import curve_of, key_for, last_frame
from dlplug_rl.scores.outcomes import Group, Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger("dlplug")

LINES = ("-", "--", ":")  # for more than ten recipes
FORMATS = (".png", ".pdf", ".svg")
COLUMNS = 4


def save(groups: Sequence[Group], path: Path, key: str = "") -> None:
    """Writes the figure. key: the metric of the curves; "" chooses between evaluation and training.

    Raises UserError for a file that cannot be written, and for runs without a curve.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"--figure {path}: unknown image format.{nearest(path.suffix, FORMATS)}")
    if not path.parent.is_dir():
        raise UserError(f"--figure {path}: there is no folder {path.parent}")
    draw(groups, key).savefig(path)


def draw(groups: Sequence[Group], key: str = "") -> Figure:
    """The learning curves over frames, for run folders; then bars of the final scores."""
    folders = [folder for group in groups for runs in group.games.values() for folder in _folders(runs)]
    key = key or key_for(folders)
    if folders and not any(last_frame(folder, key) for folder in folders):
        raise UserError(f"no learning curve to draw: none of the runs has logged {key}")
    games = sorted({game for group in groups for game, runs in group.games.items() if _folders(runs)})
    bars = _bars(groups)
    panels = len(games) + bool(bars)
    if not panels:
        raise UserError(
            "nothing to draw: expected run folders, or --reference GAME=LOW,HIGH for games without a human score"
        )
    columns = min(COLUMNS, math.ceil(math.sqrt(panels)))
    rows = -(-panels // columns)
    figure = new_figure(4.4 * columns, 3.5 * rows + 0.5)
    places = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for axes, game in zip(places, games, strict=False):
        _panel(axes, game, groups, key)
    if bars:
        _bar_panel(places[len(games)], groups, *bars)
    for axes in places[panels:]:
        axes.axis("off")
    lines = {line.get_label(): line for axes in places[: len(games)] for line in axes.get_lines()}
    if lines:
        figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=min(4, len(lines)))
    return figure


def _panel(axes: Any, game: str, groups: Sequence[Group], key: str) -> None:
    """One game: the interquartile mean of each recipe's seeds, with its interval."""
    # every recipe of a game over the same frames
    until = max(last_frame(folder, key) for group in groups for folder in _folders(group.games.get(game, [])))
    seeds = set()
    for index, group in enumerate(groups):
        folders = _folders(group.games.get(game, []))
        if folders:
            curve = curve_of(folders, key, until)
            axes.plot(curve.frames, curve.middle, label=label(group, groups), linewidth=1.6, **_style(index))
            if len(folders) > 1:
                axes.fill_between(curve.frames, curve.low, curve.high, color=_style(index)["color"], alpha=0.2, lw=0)
            seeds.add(len(folders))
    counts = "-".join(str(count) for count in sorted({min(seeds), max(seeds)}))
    axes.set(title=f"{game}, {counts} seed{'' if counts == '1' else 's'}", xlabel="frames", ylabel=_meaning(key))
    axes.xaxis.set_major_formatter(_thousands())
    axes.grid(alpha=0.3)


def _bars(groups: Sequence[Group]) -> tuple[list[list[np.ndarray]], str] | None:
    """The scores for the bars, [(runs,) for each game] for each group: normalised, or raw for a single game. None where
    they cannot be compared: different games, or several games without normalised scores."""
    if len({tuple(group.games) for group in groups}) > 1:
        log.info("no bars of final scores: the recipes were not run on the same games")
        return None
    normalised = [group.scores(normalised=True) for group in groups]
    if all(len(scores) == len(group.games) for scores, group in zip(normalised, groups, strict=True)):
        return normalised, "normalised score, interquartile mean"
    if len(groups[0].games) == 1:
        return [group.scores() for group in groups], "score, interquartile mean"
    log.info("no bars of final scores: give --reference GAME=LOW,HIGH for games without a human score")
    return None


def _bar_panel(axes: Any, groups: Sequence[Group], scores: list[list[np.ndarray]], title: str) -> None:
    """Bars of the final scores, the best at the top."""
    order = sorted(range(len(groups)), key=lambda index: interquartile_mean(scores[index]))
    for place, index in enumerate(order):
        middle = float(interquartile_mean(scores[index]))
        axes.barh(place, middle, color=_style(index)["color"], height=0.7)
        if all(len(runs) > 1 for runs in scores[index]):
            low, high = interval(interquartile_mean, scores[index])
            axes.plot([low, high], [place, place], color="black", linewidth=1.6)
    axes.set_yticks(range(len(groups)), [label(groups[index], groups) for index in order])
    axes.set_title(title)
    axes.grid(axis="x", alpha=0.3)


def label(group: Group, groups: Sequence[Group]) -> str:
    """A recipe's name, with its protocol and metric where they differ between groups."""
    protocol = group.protocol.partition(":")[0] or "no protocol"
    others = {protocol: {other.protocol for other in groups}, group.metric: {other.metric for other in groups}}
    differs = ", ".join(own for own, values in others.items() if len(values) > 1)
    return f"{group.name} ({differs})" if differs else group.name


def _folders(runs: Sequence[Outcome]) -> list[Path]:
    return [run.folder for run in runs if run.folder is not None]


def _style(index: int) -> dict[str, str]:
    return {"color": COLOURS[index % len(COLOURS)], "linestyle": LINES[index // len(COLOURS) % len(LINES)]}


def _meaning(key: str) -> str:
    return {"eval/return": "return (evaluation)", "train/return": "return (training)"}.get(key, key)


def _thousands() -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")
