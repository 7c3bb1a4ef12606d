"""Atari games: seeds, protocols, films, names, and what is refused before it would hang the emulator."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from ale_py import roms
from dlplug_rl.environments.atari import FOR_TWO_PLAYERS, PROTOCOLS, AtariEnvironments, find_game, frame_statistics
from dlplug_rl.environments.interface import TimeStep
from random_play import random_play

from dlplug.errors import UserError

# --- seeds and protocols ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["classic", "machado"])
def test_a_seed_fixes_everything_and_another_does_not(protocol):
    def play(seed: int, threads: int) -> list[TimeStep]:
        environments = AtariEnvironments("pong", count=2, size=42, protocol=protocol, seed=seed, threads=threads)
        return random_play(environments, 80)[0]

    one, again, other = play(7, 1), play(7, 2), play(8, 1)
    assert all((a == b).all() for x, y in zip(one, again, strict=True) for a, b in zip(x, y, strict=True))
    assert any((x.obs != y.obs).any() for x, y in zip(one, other, strict=True))


def test_reset_begins_the_same_episodes_again_even_between_send_and_receive():
    environments = AtariEnvironments("breakout", count=2, size=42)
    seen, _ = random_play(environments, 30)
    environments.send(np.zeros(2, dtype=np.int64))
    again, _ = random_play(environments, 30)
    assert all((x.obs == y.obs).all() for x, y in zip(seen, again, strict=True))


def play_alike(protocol: str, lanes: int) -> np.ndarray:
    """(lanes, steps, pixels) of the newest frames, all lanes sent the same actions."""
    environments = AtariEnvironments("pong", count=lanes, size=42, protocol=protocol)
    generator = np.random.default_rng(0)
    frames = [environments.reset().obs[:, -1]]
    for _ in range(60):
        environments.send(np.full(lanes, generator.integers(environments.spec.output)))
        frames.append(environments.receive().obs[:, -1])
    return np.stack(frames, axis=1).reshape(lanes, 61, -1)


def test_classic_starts_differ_by_up_to_30_no_ops_and_nothing_else_is_random():
    games = play_alike("classic", 14)
    different = {game.tobytes() for game in games}
    # Some two of these lanes drew the same no-ops and so play the same game, which sticky actions would not let them.
    assert 3 <= len(different) < 14


def test_machado_starts_alike_and_sticky_actions_drive_games_apart():
    games = play_alike("machado", 6)
    assert len({game[0].tobytes() for game in games}) == 1
    assert len({game.tobytes() for game in games}) == 6


def test_only_classic_episodes_begin_after_no_ops():
    starts = {
        protocol: AtariEnvironments("freeway", count=3, protocol=protocol).reset().obs[:, -1] for protocol in PROTOCOLS
    }
    assert (starts["machado"] == starts["machado"][0]).all()
    assert (starts["classic"] != starts["classic"][0]).any(), "its cars have moved"


def test_protocols_say_what_they_are():
    assert {name: rules.life_loss_terminates for name, rules in PROTOCOLS.items()} == {
        "classic": True,
        "machado": False,
    }
    assert "0.25" in PROTOCOLS["machado"].text
    assert "no sticky" in PROTOCOLS["classic"].text


# --- the film ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["classic", "machado"])
def test_the_film_is_the_same_game_in_colour(protocol):
    environments = AtariEnvironments("space_invaders", count=2, seed=5, protocol=protocol, frame_limit=800)
    seen, actions = random_play(environments, 300)
    film = list(environments.film(1, np.stack(actions)[:, 1]))
    assert film[0].shape == (210, 320, 3)
    assert film[0].dtype == np.uint8
    assert len(film) == len(seen)
    compared = 0
    for picture, row in zip(film, seen, strict=True):
        if row.obs[1].any():  # all but the row between a truncation and the next start
            grey = (picture[:, ::2] @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
            assert (cv2.resize(grey, (84, 84), interpolation=cv2.INTER_AREA) == row.obs[1, -1]).all()
            compared += 1
    assert compared == 300


# --- names, shapes and mistakes ---------------------------------------------------------------------------------------


def test_spec_names_the_actions():
    spec = AtariEnvironments("breakout", count=1, size=42, stack=2).spec
    assert spec.input == (2, 42, 42)
    assert spec.names == ("NOOP", "FIRE", "RIGHT", "LEFT")
    assert spec.output == 4


@pytest.mark.parametrize(
    "name", ["space_invaders", "space-invaders", "SpaceInvaders", "Space Invaders", "spaceinvaders"]
)
def test_games_by_their_plain_names(name):
    assert find_game(name) == "space_invaders"


def test_an_unknown_game_is_answered_with_the_nearest():
    with pytest.raises(UserError, match=r"no Atari game is called 'brekout'\. Did you mean breakout"):
        AtariEnvironments("brekout", count=1)


@pytest.mark.parametrize("name", ["combat", "joust", "maze_craze", "warlords"])
def test_games_for_two_are_refused_because_they_would_end_the_process(name):
    with pytest.raises(UserError):
        AtariEnvironments(name, count=1)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"size": 0}, {"stack": 0}, {"threads": -1}, {"frame_limit": 10}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        AtariEnvironments("pong", **({"count": 1} | wrong))


@pytest.mark.parametrize("actions", [[6, 0], [-1, 0], [0], [0, 0, 0]])
def test_what_are_not_actions_is_refused(actions):
    environments = AtariEnvironments("pong", count=2, size=42)
    environments.reset()
    with pytest.raises(ValueError, match="expected 2 actions from 0 to 5"):
        environments.send(np.array(actions))
    environments.send(np.zeros(2, dtype=np.int32))
    environments.receive()


def test_send_and_receive_alternate():
    environments = AtariEnvironments("pong", count=1, size=42)
    environments.reset()
    with pytest.raises(RuntimeError, match="without send"):
        environments.receive()
    environments.send(np.zeros(1, dtype=np.int64))
    with pytest.raises(RuntimeError, match="twice"):
        environments.send(np.zeros(1, dtype=np.int64))


def test_closing_in_the_middle_of_a_step_and_twice():
    environments = AtariEnvironments("pong", count=4, size=42)
    environments.reset()
    environments.send(np.zeros(4, dtype=np.int64))
    environments.close()
    environments.close()
    with pytest.raises(RuntimeError, match="closed"):
        environments.reset()


def test_frame_statistics_are_those_of_the_newest_frames():
    environments = AtariEnvironments("pong", count=3, size=42)
    mean, deviation = frame_statistics(environments, steps=20, seed=4)
    again = frame_statistics(environments, steps=20, seed=4)
    assert np.array_equal(mean, again[0])
    assert deviation == again[1]
    seen, _ = random_play(environments, 20, seed=4)
    frames = np.stack([row.obs[:, -1] for row in seen[:20]]).astype(float)
    by_hand = np.zeros((42, 42))
    for row, column in np.ndindex(42, 42):
        by_hand[row, column] = frames[..., row, column].mean()
    assert mean == pytest.approx(by_hand, rel=1e-5)
    assert deviation == pytest.approx(np.sqrt(np.square(frames - by_hand).mean()), rel=1e-5)
    assert deviation < 10 < frames.std()  # the still background is gone


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["classic", "machado"])
@pytest.mark.parametrize("game", sorted({*roms.get_all_rom_ids()} - FOR_TWO_PLAYERS))
def test_every_game_is_played(game, protocol):
    environments = AtariEnvironments(game, count=2, size=42, protocol=protocol, threads=1)
    environments.reset()
    for _ in range(3):
        environments.send(np.array([0, environments.spec.output - 1]))
        assert environments.receive().obs.shape == (2, 4, 42, 42)
    environments.close()
