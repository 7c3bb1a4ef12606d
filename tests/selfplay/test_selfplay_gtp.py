"""GTP: our networks as an engine, engines as opponents, and engines that misbehave."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from dlplug_selfplay.arena.match import match
from dlplug_selfplay.games.go import Go
from dlplug_selfplay.games.hex import Hex
from dlplug_selfplay.gtp.engine import GtpPlayer, gnugo
from dlplug_selfplay.gtp.server import Server
from dlplug_selfplay.playing.players import RandomPlayer
from engines import First

from dlplug import UserError

GNUGO = shutil.which("gnugo") or shutil.which("gnugo", path="/usr/games")


def server(game=None) -> Server:
    return Server(game or Go(5, 24.5), First(), "0.1")


def test_the_administrative_commands():
    gtp = server()
    assert gtp.answer("protocol_version") == "= 2\n\n"
    assert gtp.answer("7 name") == "=7 dlplug go\n\n"
    assert gtp.answer("known_command genmove") == "= true\n\n"
    assert gtp.answer("known_command fly") == "= false\n\n"
    commands = gtp.answer("list_commands").removeprefix("= ").split()
    assert {"boardsize", "clear_board", "komi", "play", "genmove", "quit"} <= {*commands}
    assert gtp.answer("") == gtp.answer("# a comment") == ""
    gtp.answer("quit")
    assert gtp.closed


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fly", "unknown command"),
        ("boardsize 19", "unacceptable size"),  # the network was trained on 5x5
        ("boardsize big", "boardsize not an integer"),
        ("komi much", "komi not a float"),
        ("play b", "syntax error"),
        ("play b f6", "invalid color or coordinate"),
        ("play b i1", "invalid color or coordinate"),
        ("play red a1", "invalid color or coordinate"),
        ("genmove red", "invalid color"),
        ("undo", "cannot undo"),
    ],
)
def test_errors_are_answered_in_the_protocols_words(line, words):
    assert server().answer(f"12 {line}") == f"?12 {words}\n\n"


def test_an_illegal_move_leaves_the_board_alone():
    gtp = server()
    assert gtp.answer("play b c3") == "= \n\n"
    before = gtp.answer("showboard")
    assert gtp.answer("play w C3") == "? illegal move\n\n"
    assert gtp.answer("play b c3") == "? illegal move\n\n"  # nor does the pass in between stay
    assert gtp.answer("showboard") == before
    assert gtp.moves == [12]


def test_a_game_is_played_undone_and_scored():
    gtp = server(Go(3, 0.5))
    assert gtp.answer("genmove b") == "= A3\n\n"
    gtp.answer("play w b3")
    assert gtp.answer("undo") == "= \n\n"
    assert gtp.moves == [0]
    assert gtp.answer("genmove b") == "= B3\n\n"  # White passes in between
    assert gtp.moves == [0, 9, 1]
    assert gtp.answer("final_score") == "= B+8.5\n\n"
    assert gtp.answer("komi 12") == "= \n\n"
    assert gtp.answer("final_score") == "= W+3\n\n"
    assert gtp.answer("boardsize 3") == "= \n\n"
    assert gtp.moves == []


def test_a_game_without_passes_refuses_a_colour_twice():
    gtp = server(Hex(3))
    gtp.answer("play b a1")
    assert gtp.answer("play b a2") == "? illegal move\n\n"
    assert gtp.answer("final_score") == "? cannot score\n\n"


def test_serving_ends_at_quit():
    out: list[str] = []
    server().serve(iter(["name\n", "quit\n", "name\n"]), out.append)
    assert out == ["= dlplug go\n\n", "= \n\n"]


def engine(marker: Path, manner: str = "") -> GtpPlayer:
    script = Path(__file__).with_name("engines.py")
    return GtpPlayer(Go(3, 0.5), [sys.executable, str(script), str(marker), manner], "engine")


def play_against(player: GtpPlayer, games: int = 2):
    try:
        random = np.random.default_rng(0)
        return match(Go(3, 0.5), RandomPlayer(0), player, games, opening=1, random=random)
    finally:
        player.close()


def test_an_engine_that_dies_is_started_once_more_and_the_games_go_on(tmp_path, caplog):
    whole = play_against(engine(tmp_path / "never", "never-dies"))
    player = engine(tmp_path / "died", "dies")
    assert play_against(player).games == whole.games
    assert player.deaths == 1
    assert "died 1 time" in player.remarks()
    assert "died in mid-game" in caplog.text


def test_an_engine_that_dies_twice_ends_the_match(tmp_path):
    with pytest.raises(UserError, match="died twice"):
        play_against(engine(tmp_path / "died", "dies-always"))


def test_a_forbidden_move_of_an_engine_is_a_pass_and_counted(tmp_path):
    player = engine(tmp_path / "never", "occupied")
    played = play_against(player)
    assert player.refusals > 0
    assert f"{player.refusals} forbidden" in player.remarks()
    assert len(played.games) == 2


def test_an_engine_that_is_not_there_is_an_error():
    with pytest.raises(UserError, match="no-such-engine"):
        GtpPlayer(Go(3), ["no-such-engine"], "engine")
    with pytest.raises(UserError, match="not hex"):
        gnugo(Hex(3), 1, 0)


@pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed: apt-get install gnugo")
def test_gnu_go_beats_a_random_player():
    game = Go(5, 0.5)
    player = gnugo(game, 1, 0)
    try:
        played = match(game, player, RandomPlayer(0), 2, opening=0, random=np.random.default_rng(0))
    finally:
        player.close()
    assert played.score == 1
    assert player.remarks() == ""
