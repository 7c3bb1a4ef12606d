"""`dlplug scores`: what it reads from records and run folders, and what it says of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dlplug_rl.scores.aggregate import interquartile_mean, interval
from dlplug_rl.scores.command import scores
from runs_of import CLASSIC, a_record, a_run, complaint, told_by

from dlplug.cli.main import main


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


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
    assert "1 of 2 games are not aggregated: no human score; use --reference GAME=LOW,HIGH" in said
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
        ("notes.json", "notes.json is not a record of `dlplug verify`"),
        ("a --figure x.bmp", "--figure x.bmp: unknown image format. Did you mean .png or .pdf?"),
        ("a --figure no/x.png", "--figure no/x.png: there is no folder no"),
        ("a --figure x.png --curve eval/q", "no learning curve to draw: none of the runs has logged eval/q"),
        ("a --figure x.png", "no learning curve to draw: none of the runs has logged train/return"),
    ],
)
def test_an_error_is_one_line(line, message):
    a_run("a")
    Path("notes.json").write_text('{"pong": 20}')
    assert message in complaint(*line.split())
