"""The figure of `dlplug scores`: learning curves of several seeds, and bars of final scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dlplug_rl.scores import figure as scores_figure
from dlplug_rl.scores.aggregate import interquartile_mean
from dlplug_rl.scores.command import scores
from dlplug_rl.scores.learning_curves import POINTS, binned, curve_of, key_for, read_values
from dlplug_rl.scores.outcomes import Query, grouped, read
from hypothesis import given
from hypothesis import strategies as st
from runs_of import a_run, complaint

from dlplug.cli.main import main


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Curves


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(-5, 5)), max_size=30).map(sorted),
    st.integers(1, 12),
)
def test_a_binned_curve_is_the_mean_in_each_bin_and_a_line_between(pairs, count):
    edges = np.linspace(0, 10, count + 1)
    frames, values = np.array(pairs, dtype=float).reshape(-1, 2).T
    got = binned(frames, values, edges)
    means = {}
    for place in range(count):
        low, high = edges[place], edges[place + 1]
        inside = [v for x, v in pairs if low < x <= high or (place == 0 and x == 0)]
        if inside:
            means[place] = sum(inside) / len(inside)
    for place in range(count):
        before, after = [p for p in means if p <= place], [p for p in means if p >= place]
        if not before or not after:
            assert np.isnan(got[place])
            continue
        a, b = max(before), min(after)
        share = (place - a) / (b - a) if b > a else 0.0
        assert got[place] == pytest.approx(means[a] + share * (means[b] - means[a]), abs=1e-9)


def curve_lines(seed: int, slope: float, key: str = "train/return") -> list[dict[str, float]]:
    """As many values on a line as a curve has points, after a line of metrics without any."""
    lines = [{"step": k, "frames": 40 * k, key: slope * k + seed} for k in range(1, POINTS + 1)]
    return [{"step": 0, "frames": 0, "train/loss": 1.0}, *lines]


def test_a_curve_is_the_interquartile_mean_of_its_seeds():
    folders = [Path(a_run(f"r{seed}", seed=seed, lines=curve_lines(seed, 1.0))) for seed in range(4)]
    curve, k = curve_of(folders, "train/return", 40 * POINTS), np.arange(1, POINTS + 1)
    assert curve.frames == pytest.approx(40 * k)
    assert curve.middle == pytest.approx(k + 1.5)
    assert (curve.low < curve.middle).all()
    assert (curve.high > curve.middle).all()
    assert (curve.low >= k).all()
    assert (curve.high <= k + 3).all()


def test_a_curve_ends_where_the_first_of_its_seeds_ends():
    whole = Path(a_run("whole", lines=curve_lines(0, 1.0)))
    half = Path(a_run("half", seed=1, lines=curve_lines(0, 1.0)[: POINTS // 2 + 1]))
    until = 40 * POINTS
    assert curve_of([whole, half], "train/return", until).frames[-1] == pytest.approx(until / 2)
    assert curve_of([whole], "train/return", until).frames[-1] == pytest.approx(until)


def test_evaluations_are_preferred_where_every_run_has_several():
    both = Path(a_run("both", lines=[*curve_lines(0, 1.0), *curve_lines(0, 1.0, "eval/return")]))
    once = Path(a_run("once", seed=1, lines=[*curve_lines(0, 1.0), {"step": POINTS, "frames": 40, "eval/return": 1.0}]))
    assert key_for([both]) == "eval/return"
    assert key_for([both, once]) == "train/return"
    assert read_values(once, "eval/return")[1].tolist() == [1.0]


def family(games: list[str], recipes: list[str], seeds: int = 3) -> None:
    """Runs of which the later recipes are the better ones."""
    for i, recipe in enumerate(recipes):
        for game in games:
            for seed in range(seeds):
                lines, score = curve_lines(seed, 1.0 + i), 10.0 * (i + 1) + seed
                a_run(f"runs/{recipe}/{game}{seed}", recipe, "", seed, score, config={"data.id": game}, lines=lines)


def panels(figure):
    return [axes for axes in figure.axes if axes.axison]


def test_a_panel_for_each_game_a_colour_for_each_recipe_and_bars():
    family(["Catch-v0", "Dodge-v0"], ["dqn", "double", "rainbow"])
    references = {"Catch-v0": (0.0, 40.0), "Dodge-v0": (0.0, 40.0)}
    groups = grouped(read(["runs/dqn", "runs/double", "runs/rainbow"], Query(references=references)))
    figure = scores_figure.draw(groups)
    catch, dodge, bars = panels(figure)
    assert [catch.get_title(), dodge.get_title()] == ["Catch-v0, 3 seeds", "Dodge-v0, 3 seeds"]
    colours = {line.get_label(): line.get_color() for line in catch.get_lines()}
    assert list(colours) == ["dqn gpu", "double gpu", "rainbow gpu"]
    assert len(set(colours.values())) == 3
    assert {line.get_label(): line.get_color() for line in dodge.get_lines()} == colours
    ends = [line.get_ydata()[-1] for line in catch.get_lines()]
    assert ends == pytest.approx([slope * POINTS + 1 for slope in (1, 2, 3)]), "the end, and the seeds' middle"
    middles = [float(interquartile_mean(group.scores(normalised=True))) for group in groups]
    assert [bar.get_width() for bar in bars.patches] == pytest.approx(sorted(middles))
    assert [text.get_text() for text in bars.get_yticklabels()] == list(colours)
    for bar, colour in zip(bars.patches, colours.values(), strict=True):
        assert bar.get_facecolor()[:3] == pytest.approx([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(colours)


def test_bars_of_one_game_are_raw_and_of_several_need_a_reference(caplog):
    family(["Catch-v0", "Dodge-v0"], ["dqn"])
    one = scores_figure.draw(grouped(read(["runs/dqn/Catch-v00", "runs/dqn/Catch-v01"])))
    assert [axes.get_title() for axes in panels(one)] == ["Catch-v0, 2 seeds", "score, interquartile mean"]
    with caplog.at_level("INFO", "dlplug"):
        two = scores_figure.draw(grouped(read(["runs"])))
    assert [axes.get_title() for axes in panels(two)] == ["Catch-v0, 3 seeds", "Dodge-v0, 3 seeds"]
    assert "give --reference GAME=LOW,HIGH" in caplog.text


def test_recipes_on_other_games_have_no_bars_to_compare(caplog):
    family(["Catch-v0"], ["dqn"])
    family(["Dodge-v0"], ["double"])
    with caplog.at_level("INFO", "dlplug"):
        figure = scores_figure.draw(grouped(read(["runs"])))
    assert len(panels(figure)) == 2
    assert "the recipes were not run on the same games" in caplog.text


def test_a_curve_is_drawn_of_a_run_that_was_killed_while_it_wrote(capsys):
    line = {"step": 1, "frames": 4, "train/return": 3.0}
    folder = Path(a_run("runs/a", lines=[line, line | {"step": 2, "frames": 8}]))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "frames": 12, "train/ret')
    assert scores([str(folder), "--figure", "curves.png"]) == 0
    assert Path("curves.png").stat().st_size > 1_000
    (folder / "metrics.jsonl").unlink()
    assert "no learning curve to draw" in complaint(str(folder), "--figure", "none.png")


def test_a_damaged_run_is_left_out_and_said_to_be(caplog):
    caplog.set_level("INFO")
    whole, damaged = a_run("runs/a"), a_run("runs/b", seed=1)
    (Path(damaged) / "result.json").write_text('{"status": "fin')
    assert [outcome.source for outcome in read(["runs"])] == [whole]
    assert "runs/b: result.json is damaged" in caplog.text


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_figure_is_written(kind, capsys):
    family(["Catch-v0"], ["dqn"], seeds=2)
    assert main(["scores", "runs", "--figure", f"curves.{kind}"]) == 0
    assert f"drawn in curves.{kind}" in capsys.readouterr().out
    beginning = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind]
    assert Path(f"curves.{kind}").read_bytes().startswith(beginning)
