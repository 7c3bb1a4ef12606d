"""`dlplug scores`: what it reads from records and run folders, what it says of them, and its figure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from dlplug_rl.scores import figure as scores_figure
from dlplug_rl.scores.aggregate import interquartile_mean, interval
from dlplug_rl.scores.command import scores
from dlplug_rl.scores.learning_curves import POINTS, binned, curve_of, key_for, read_values
from dlplug_rl.scores.outcomes import Wanted, grouped, read
from hypothesis import given
from hypothesis import strategies as st

from dlplug import UserError
from dlplug.cli.main import main

CLASSIC = "classic: no sticky actions; 30 episodes at ε 0.01"


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def a_run(
    folder: str,
    recipe: str = "dqn-atari",
    game: str = "pong",
    seed: int = 0,
    score: float = 10.0,
    *,
    preset: str = "gpu",
    status: str = "finished",
    protocol: str = CLASSIC,
    metrics: dict[str, float] | None = None,
    config: dict[str, object] | None = None,
    lines: list[dict[str, float]] | None = None,
) -> str:
    """A run folder as the core writes it."""
    path = Path(folder)
    path.mkdir(parents=True)
    saved = {"recipe": recipe, "preset": preset, "seed": seed, **({"data.game": game} if game else {})} | (config or {})
    path.joinpath("config.yaml").write_text(yaml.safe_dump(saved))
    rom = game.lower().replace("-", "_")
    told = f"{saved['data.id']}; {protocol}" if "data.id" in saved else f"{rom} {protocol}"
    result = {"recipe": recipe, "preset": preset, "seed": seed, "status": status, "protocol": told, "frames": 4_000}
    measured = {"eval/return": score} if metrics is None else metrics
    path.joinpath("result.json").write_text(json.dumps(result | {"metrics": measured}))
    path.joinpath("metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines or []))
    return folder


def a_record(path: str, **entries: dict[str, object]) -> str:
    Path(path).write_text(json.dumps(entries))
    return path


def told_by(capsys, *arguments: str):
    assert scores([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        scores(list(arguments))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is read


def test_run_folders_are_told_by_game_and_aggregated(capsys):
    values = {"pong": [20.0, 19.0, 21.0], "breakout": [300.0, 400.0, 50.0]}
    for game, of_game in values.items():
        for seed, score in enumerate(of_game):
            a_run(f"runs/dqn-atari/{game}{seed}", game=game, seed=seed, score=score)
    (one,) = told_by(capsys, "dqn-atari")
    assert (one["recipe"], one["protocol"], one["aggregated_games"]) == ("dqn-atari gpu", CLASSIC, 2)
    assert one["games"]["pong"]["scores"] == values["pong"]
    assert one["games"]["breakout"]["score"] == 250
    assert one["games"]["breakout"]["score_std"] == pytest.approx(np.std(values["breakout"]))
    pong = [(score + 20.7) / (14.6 + 20.7) for score in values["pong"]]
    breakout = [(score - 1.7) / (30.5 - 1.7) for score in values["breakout"]]
    assert one["games"]["pong"]["normalised"] == pytest.approx(np.mean(pong))
    aggregates = one["aggregates"]
    assert aggregates["mean"]["value"] == pytest.approx((np.mean(pong) + np.mean(breakout)) / 2)
    assert aggregates["median"]["value"] == aggregates["mean"]["value"], "of two games"
    middle = aggregates["interquartile mean"]
    assert middle["value"] == pytest.approx(np.mean(sorted(pong + breakout)[1:-1]))
    ends = interval(interquartile_mean, [np.array(breakout), np.array(pong)])
    assert (middle["low"], middle["high"]) == pytest.approx(ends)


def test_spellings_of_a_game_are_one_game(capsys):
    a_run("a", game="Space-Invaders", seed=0)
    a_run("b", game="space_invaders", seed=1)
    assert list(told_by(capsys, "a", "b", "--metric", "eval/return")[0]["games"]) == ["space_invaders"]


def test_presets_and_protocols_are_never_pooled(capsys):
    a_run("a", preset="cpu", seed=0)
    a_run("b", preset="gpu", seed=0)
    a_run("c", preset="gpu", seed=0, protocol="machado: sticky actions 0.25; 30 episodes at ε 0.01")
    named = [(one["recipe"], one["protocol"].partition(":")[0]) for one in told_by(capsys, "a", "b", "c")]
    assert named == [("dqn-atari cpu", "classic"), ("dqn-atari gpu", "classic"), ("dqn-atari gpu", "machado")]


def test_one_run_given_twice_is_refused_and_an_option_tells_runs_apart(capsys):
    a_run("a", score=1.0, config={"data.n_step": 1})
    a_run("b", score=2.0, config={"data.n_step": 3})
    assert complaint("a", "b") == (
        "dqn-atari gpu on pong has two runs of seed 0, a and b: give one of them, or separate them by an option:"
        " --by OPTION"
    )
    named = {one["recipe"]: one["games"]["pong"]["score"] for one in told_by(capsys, "a", "b", "--by", "data.n_step")}
    assert named == {"dqn-atari gpu data.n_step=1": 1.0, "dqn-atari gpu data.n_step=3": 2.0}
    assert complaint("a", "--by", "loss.triple") == "a: --by loss.triple: its configuration has no such option"


def test_runs_that_say_nothing_are_left_out(capsys, caplog):
    a_run("runs/a")
    a_run("runs/b", seed=1, status="interrupted")
    a_run("runs/c", seed=2, metrics={"test/accuracy": 1.0})
    a_run("runs/d", seed=3)
    Path("runs/d/result.json").unlink()
    with caplog.at_level("INFO", "dlplug"):
        (one,) = told_by(capsys, "runs")
    assert one["games"]["pong"]["seeds"] == [0]
    assert caplog.messages == [
        "runs/b: interrupted; left out",
        "runs/c: measured no test/return or eval/return; left out",
        "runs/d: has not ended; left out",
    ]
    assert complaint("runs/b") == "no finished run with test/return or eval/return in runs/b"
    assert told_by(capsys, "runs/c", "--metric", "test/accuracy")[0]["games"]["pong"]["score"] == 1


def test_records_of_verify_new_and_old(capsys):
    runs = [{"seed": seed, "metrics": {"eval/return": 10.0 + seed}, "frames": 4_000} for seed in range(3)]
    target = {"protocol": "Pong, 30 episodes", "values": []}
    old = {"recipe": "dqn-atari", "preset": "cpu", "targets": [target], "options": {}, "runs": runs}
    told = [run | {"protocol": f"breakout {CLASSIC}"} for run in runs]
    new = old | {"config": {"data.game": "breakout"}, "runs": told}
    a_record("dqn-atari.json", cpu=old, **{"cpu data.game=breakout": new, "cpu (unfinished)": old})
    first, second = told_by(capsys, "dqn-atari.json")
    assert (first["protocol"], list(first["games"])) == ("Pong, 30 episodes", ["dqn-atari"])
    assert first["games"]["dqn-atari"]["normalised"] is None
    assert (second["protocol"], list(second["games"])) == (CLASSIC, ["breakout"])
    assert second["games"]["breakout"]["scores"] == [10, 11, 12]
    runs[0]["metrics"]["eval/human_normalised"] = 0.75
    a_record("dqn-atari.json", cpu=old | {"runs": runs[:1]})
    assert told_by(capsys, "dqn-atari.json")[0]["games"]["dqn-atari"]["normalised"] == 0.75


def test_the_test_split_comes_first_and_is_never_pooled_with_the_one_that_is_watched(capsys):
    told = {"frames": 4_000, "protocol": f"pong {CLASSIC}"}
    runs = [told | {"seed": seed, "metrics": {"eval/return": 10.0, "test/return": 20.0}} for seed in range(2)]
    record = {"recipe": "dqn-atari", "preset": "gpu", "targets": [], "options": {}, "config": {"data.game": "pong"}}
    a_record("new.json", gpu=record | {"runs": runs})
    a_run("old", seed=2, score=11.0)
    evaluated = Path(a_run("evaluated", seed=3, score=12.0))
    new = {"metrics": {"test/return": 21.0}, "protocol": f"pong {CLASSIC}", "step": 9, "options": {}}
    evaluated.joinpath("evaluation.json").write_text(json.dumps(new))
    first, second = told_by(capsys, "new.json", "old", "evaluated")
    assert (first["metric"], first["games"]["pong"]["scores"]) == ("test/return", [20, 20, 21])
    assert (second["metric"], second["games"]["pong"]["scores"]) == ("eval/return", [11])
    (watched,) = told_by(capsys, "new.json", "old", "evaluated", "--metric", "eval/return")
    assert watched["games"]["pong"]["scores"] == [10, 10, 11, 12]


def test_an_evaluation_of_before_the_test_split_is_not_taken_for_the_runs_own_measurement(capsys):
    folder = Path(a_run("old", score=11.0))
    old = {"metrics": {"eval/return": 9.0}, "protocol": "machado", "step": 9, "options": {"data.protocol": "machado"}}
    folder.joinpath("evaluation.json").write_text(json.dumps(old))
    (one,) = told_by(capsys, "old")
    assert (one["metric"], one["protocol"], one["games"]["pong"]["scores"]) == ("eval/return", CLASSIC, [11])


def test_the_projects_own_records_are_read(capsys):
    results = Path(__file__).parents[2] / "plugins" / "rl" / "results"
    found = told_by(capsys, str(results))
    assert {"dqn-catch", "dqn-cartpole"} <= {one["recipe"] for one in found}
    pole = next(one for one in found if one["recipe"] == "dqn-cartpole")
    assert max(score for game in pole["games"].values() for score in game["scores"]) == 500


# Games without a human score


def test_a_reference_normalises_what_no_human_played(capsys):
    a_run("catch", "dqn", "", 0, 0.5, preset="", config={"data.id": "dlplug_envs:dlplug/Catch-v0"})
    a_run("pole", "dqn", "", 0, 250.0, preset="", config={"data.id": "CartPole-v1"})
    (one,) = told_by(capsys, "catch", "pole", "--reference", "Catch-v0=-1,1")
    assert (one["recipe"], one["protocol"]) == ("dqn", CLASSIC), "one protocol for both ids"
    assert one["games"]["Catch-v0"]["normalised"] == 0.75
    assert one["games"]["CartPole-v1"]["normalised"] is None
    assert (one["aggregated_games"], one["aggregates"]["mean"]["value"]) == (1, 0.75)
    assert one["aggregates"]["mean"]["low"] is None, "one seed has no interval"
    assert scores(["catch", "pole", "--reference", "Catch-v0=-1,1"]) == 0
    said = capsys.readouterr().out
    assert "mean of normalised scores: 0.750 (no interval without several seeds of every game)" in said
    assert "1 of 2 games not aggregated: no human score; --reference GAME=LOW,HIGH" in said
    both = told_by(capsys, "catch", "pole", "--reference", "Catch-v0=-1,1", "--reference", "CartPole-v1=0,500")
    assert both[0]["aggregates"]["mean"]["value"] == pytest.approx((0.75 + 0.5) / 2)


@pytest.mark.parametrize("text", ["Catch-v0", "Catch-v0=1", "Catch-v0=1,2,3", "=0,1", "Catch-v0=1,1", "Catch-v0=a,b"])
def test_what_is_no_reference(text):
    assert complaint("a", "--reference", text).startswith("--reference expects GAME=LOW,HIGH such as Catch-v0=-1,1")


def test_the_human_table_cannot_be_overruled():
    a_run("a")
    assert "--reference pong: this game has a random and a human score of its own" in complaint(
        "a", "--reference", "pong=0,21"
    )


# The command


def test_the_lines_that_a_person_reads(capsys):
    for seed, score in enumerate([19.0, 20.0, 21.0]):
        a_run(f"runs/{seed}", seed=seed, score=score)
    assert main(["scores", "runs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"dqn-atari gpu, eval/return: {CLASSIC}"
    assert lines[1].split() == ["game", "score", "±", "seeds", "normalised", "seeds", "frames"]
    assert lines[2].split() == ["pong", "20", "0.816", "1.153", "3", "4,000"]
    assert lines[3].startswith("mean of normalised scores: 1.153 (95 % interval 1.1")
    assert main(["scores", "--help"]) == 0
    assert "RECORD_OR_RUN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "RECORD_OR_RUN"),
        ("a --figre x.png", "Did you mean --figure"),
        ("nowhere", "nowhere is neither a record, a run folder, a folder of them nor a recipe that was run here"),
        ("notes.json", "notes.json is no record that `dlplug verify` wrote"),
        ("a --figure x.bmp", "--figure x.bmp: no such kind of picture. Did you mean .png or .pdf?"),
        ("a --figure no/x.png", "--figure no/x.png: there is no folder no"),
        ("a --figure x.png --curve eval/q", "no learning curve to draw: none of the runs has logged eval/q"),
        ("a --figure x.png", "no learning curve to draw: none of the runs has logged train/return"),
    ],
)
def test_an_error_is_one_line(line, message):
    a_run("a")
    Path("notes.json").write_text('{"pong": 20}')
    assert message in complaint(*line.split())


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
    groups = grouped(read(["runs/dqn", "runs/double", "runs/rainbow"], Wanted(references=references)))
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
