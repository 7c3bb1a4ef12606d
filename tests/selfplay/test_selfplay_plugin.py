"""The plugin keeps the contract; its metrics, sampler and verbs work; what is recorded is about its own targets."""

from __future__ import annotations

import builtins
import json
import os
from pathlib import Path

import dlplug_selfplay
import numpy as np
import pytest
from dlplug_selfplay.evaluation.every_reply import outcomes
from dlplug_selfplay.evaluation.scored_positions import mistakes, reached, read_scored
from dlplug_selfplay.games.rows import Connect4, TicTacToe
from dlplug_selfplay.opponents.minimax import MinimaxPlayer
from dlplug_selfplay.playing.players import RandomPlayer

import dlplug
from dlplug import UserError, testing
from dlplug.cli.main import main

RECIPES = dlplug_selfplay.register_recipes()
TINY = {"data.boards": 8, "data.batch_size": 16, "data.learning_starts": 30, "data.simulations": 2,
        "data.fast_simulations": 1, "model.channels": 4, "model.blocks": 0}  # fmt: skip
FEW = {"every-reply": {"simulations": 1}, "match": {"simulations": 1, "games": 2}, "openings": {"simulations": 1}}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    return dlplug.run("alphazero-tictactoe", {**testing.QUIET, "wandb.mode": "off", **TINY, "steps": 2,
                                               "metrics.every-reply.simulations": 1}, out=str(folder))  # fmt: skip


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("selfplay")


@pytest.mark.parametrize("verb", ["play", "rate"])
def test_the_verbs_answer_for_themselves(verb):
    testing.check_command(verb)


@pytest.mark.parametrize(
    ("recipe", "metric", "options"),
    [
        ("alphazero-tictactoe", "every-reply", {}),
        ("alphazero-hex5", "openings", {"data.size": 3}),
        ("alphazero-othello6", "match", {"data.size": 4}),
    ],
)
def test_the_metrics_return_the_same_finite_numbers_twice(recipe, metric, options):
    few = {f"metrics.{metric}.{name}": value for name, value in FEW[metric].items()}
    testing.check_metric(recipe, metric, {**TINY, **options, **few})


def test_the_sampler_prints_a_game(run):
    game = dlplug.sample(str(run.folder), {"simulations": 2, "opponent": "random"})
    assert game


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.targets])
def test_what_is_recorded_is_about_the_recipes_own_target(name: str):
    path = Path(__file__).parents[2] / "plugins" / "selfplay" / "results" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8")).get("default") if path.is_file() else None
    if record is None:
        pytest.skip(f"{name} has not been verified yet")
    for target, result in zip(RECIPES[name].targets, record["targets"], strict=True):
        assert (target.metric, target.source) == (result["metric"], result["source"])
        assert result["values"]


def test_every_reply_counts_all_games():
    game = TicTacToe()
    won, drawn, lost = outcomes(game, MinimaxPlayer(game, 9, 0))
    assert lost == 0
    assert won > drawn > 0
    assert outcomes(game, RandomPlayer(0))[2] > 0


@pytest.mark.skipif("DLPLUG_DATA" not in os.environ, reason="Pons' positions are in the folder $DLPLUG_DATA")
def test_the_scored_positions_are_legal_and_the_mistakes_known():
    for name, scored in read_scored().items():
        positions = reached(Connect4(), scored.games)
        assert not positions.over.any()
        assert ((scored.signs == -2) == ~positions.legal).all(), name
        assert 0.5 < mistakes(RandomPlayer(0), positions, scored) < 0.8
    end = read_scored()["end_easy"]
    few = end._replace(games=end.games[:60], signs=end.signs[:60])
    assert mistakes(MinimaxPlayer(Connect4(), 5, 0), reached(Connect4(), few.games), few) < 0.1


def test_missing_positions_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    with pytest.raises(UserError, match="move_scores"):
        read_scored()


@pytest.mark.parametrize(
    ("recipe", "options", "words"),
    [
        ("alphazero-hex5", {"data.game": "go"}, "openings"),
        ("alphazero-othello6", {"metrics.match.games": 3}, "even"),
        ("alphazero-othello6", {"metrics.match.opponent": "gnugo"}, "gnugo plays go"),
        ("alphazero-othello6", {"data.size": 7}, "no board of size 7"),
        ("alphazero-tictactoe", {"data.komi": 3.0}, "komi"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(recipe, options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        dlplug.run(recipe, {**testing.QUIET, "wandb.mode": "off", **TINY, **options}, out=str(tmp_path / "run"))


def typed(monkeypatch, *words: str) -> None:
    left = iter(words)
    monkeypatch.setattr(builtins, "input", lambda prompt: next(left))


def test_a_person_plays_takes_back_and_quits(run, monkeypatch, capsys):
    typed(monkeypatch, "b2", "undo", "b2", "b2", "z9", "hint", "quit")
    assert main(["play", str(run.folder), "--simulations", "2"]) == 0
    out = capsys.readouterr().out
    assert "'b2' is not legal here" in out
    assert "'z9' is not on the board" in out
    assert out.count("the network plays") == 2
    assert "its policy" in out


def test_a_whole_game_ends_with_its_result(run, monkeypatch, capsys):
    squares = [f"{column}{row}" for row in (1, 2, 3) for column in "abc"]
    typed(monkeypatch, *squares * 9)
    assert main(["play", str(run.folder), "--simulations", "0", "--colour", "white"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last in ("you win", "a draw", "the network wins")


def test_the_network_speaks_gtp(run, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", iter(["boardsize 3\n", "genmove b\n", "boardsize 5\n", "quit\n"]))
    assert main(["play", str(run.folder), "--gtp", "--simulations", "2"]) == 0
    answers = capsys.readouterr().out.split("\n\n")
    assert answers[0] == "= "
    assert answers[1].removeprefix("= ").lower() in {f"{c}{r}" for c in "abc" for r in (1, 2, 3)}
    assert answers[2] == "? unacceptable size"


def test_a_tournament_is_rated(run, capsys):
    words = ["rate", f"{run.folder}:2", "random", "minimax:9", "--games", "4", "--json"]
    assert main(words) == 0
    rows = {row["player"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["minimax:9"]["elo"] > rows["random"]["elo"]
    assert rows[words[1]]["elo"] == 0
    assert np.isfinite([row["half"] for row in rows.values()]).all()
    assert main(["rate", "random", "greedy"]) == 2
    assert main(["rate", str(run.folder), "random", "--games", "3"]) == 2
    assert main(["play", str(run.folder), "--simulations", "-1"]) == 2
