"""The film of a game: what is played, what is shown of it, and the panel beside it, pixel by pixel."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import cv2
import gymnasium
import numpy as np
import pytest
import torch
from dlplug_rl.environments.atari import AtariEnvironments
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import Environments
from dlplug_rl.evaluation.canvas import BAR, LEGEND, RANDOM, ROW, TAKEN, TOP, VALUE, Canvas
from dlplug_rl.evaluation.film import Game, drawn, film, play
from dlplug_rl.policy import Greedy
from imageio.v3 import imread

import dlplug
from dlplug import UserError, testing
from dlplug.host.plugins import load_host

CATCH, CORRIDOR = "dlplug_envs:dlplug/Catch-v0", "dlplug_envs:dlplug/Corridor-v0"


class Stage(NamedTuple):
    """What the sampler asks of a data."""

    game: str
    protocol: str
    make: Callable[[int, int], Environments]
    starts: int = 1_000_003

    def under(self, protocol: str) -> Stage:
        raise NotImplementedError


def gym(id: str) -> Stage:
    return Stage("", id, lambda count, seed: GymEnvironments(id, count=count, seed=seed))


class Noisy(Greedy):
    """Values that are drawn anew for each observation, and remembered."""

    def __init__(self, actions: int) -> None:
        self.actions, self.generator, self.said, self.seen = actions, np.random.default_rng(5), [], []

    def values(self, obs: np.ndarray) -> torch.Tensor:
        assert len(obs) == 1
        self.seen.append(obs[0].copy())
        self.said.append(self.generator.normal(size=self.actions).astype(np.float32))
        return torch.from_numpy(self.said[-1][None])


def colours(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (picture == np.array(colour)).all(-1)


# Playing


def test_a_game_is_what_a_single_environment_plays():
    policy, single = Noisy(3), gymnasium.make(CATCH)
    game = play(policy, GymEnvironments(CATCH, count=1, seed=9), 0.0, 1000, 0)
    obs, _ = single.reset(seed=9)
    rewards = []
    for action, seen in zip(game.actions, policy.seen, strict=True):
        assert (seen == obs).all()
        obs, reward, terminated, _, _ = single.step(int(action))
        rewards.append(reward)
    assert terminated
    assert len(rewards) == 9
    assert game.rewards.tolist() == rewards
    assert game.score == rewards[-1]
    assert (game.values == np.stack(policy.said)).all()
    assert game.actions.tolist() == [int(values.argmax()) for values in policy.said]


def test_epsilon_is_the_share_of_random_actions_and_the_seed_chooses_them():
    def off(epsilon: float, seed: int = 0) -> np.ndarray:
        game = play(Noisy(3), GymEnvironments("MountainCar-v0", count=1), epsilon, 1000, seed)
        return game.actions != game.values.argmax(1)

    assert off(0.0).sum() == 0
    assert off(1.0).mean() == pytest.approx(2 / 3, abs=0.12)
    assert (off(0.5) == off(0.5)).all()
    assert (off(0.5) != off(0.5, seed=1)).any()


def test_a_limit_cuts_a_game():
    assert len(play(Noisy(3), GymEnvironments("MountainCar-v0", count=1), 0.0, 1000, 0).actions) == 200
    assert len(play(Noisy(3), GymEnvironments("MountainCar-v0", count=1), 0.0, 30, 0).actions) == 30


# The film


@pytest.mark.parametrize("id", [CATCH, CORRIDOR])
def test_the_screens_are_those_of_the_game(id):
    policy = Noisy(3)
    given = film(policy, gym(id), epsilon=0.3, seed=4)
    frames = list(given["film"].frames)
    single = gymnasium.make(id, render_mode="rgb_array")
    single.reset(seed=4 + 1_000_003)
    again = play(Noisy(policy.actions), GymEnvironments(id, count=1, seed=4 + 1_000_003), 0.3, 10_000, 4 + 1_000_003)
    assert len(frames) == len(again.actions) + 1
    assert given["return"] == again.score
    screen = single.render()
    for t, frame in enumerate(frames):
        zoom = min(420 // screen.shape[0], 640 // screen.shape[1])
        height, width = screen.shape[0] * zoom, screen.shape[1] * zoom
        top = (frame.shape[0] - height) // 2
        assert (frame[top : top + height, :width] == screen.repeat(zoom, 0).repeat(zoom, 1)).all()
        if t < len(again.actions):
            single.step(again.actions[t])
            screen = single.render()
    assert given["film"].fps == single.metadata["render_fps"]
    assert f"a score of {again.score:g} in {len(again.actions)} actions" in given["film"].caption


def test_an_atari_game_in_colour():
    stage = Stage("pong", "classic", lambda n, seed: AtariEnvironments("pong", count=n, seed=seed, frame_limit=160))
    policy = Noisy(6)
    shown = film(policy, stage, epsilon=0.0)["film"]
    frames = list(shown.frames)
    assert (len(frames), shown.fps) == (41, 15)
    for frame, obs in zip(frames, policy.seen, strict=False):
        screen = frame[0:420:2, 0:640:4]  # 210 x 160, as the emulator has it
        grey = (screen @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)
        assert (cv2.resize(grey, (84, 84), interpolation=cv2.INTER_AREA) == obs[-1]).mean() > 0.98


def test_several_games_differ_and_a_long_one_is_shown_faster():
    given = film(Noisy(3), gym(CATCH), count=3, pictures=4)
    assert list(given) == ["film-1", "film-2", "film-3", "return"]
    films = [list(given[f"film-{n}"].frames) for n in (1, 2, 3)]
    assert [len(frames) for frames in films] == [4, 4, 4], "screens 0, 3, 6 and the last, 9"
    assert "3 times as fast" in given["film-1"].caption
    assert any((films[0][0] != frames[0]).any() for frames in films[1:])
    assert given["return"] == np.mean([float(given[f"film-{n}"].caption.split()[4]) for n in (1, 2, 3)])


def test_only_an_environment_alone_is_filmed():
    assert GymEnvironments(CATCH, count=2).film(0, np.zeros(3, dtype=int)) is None


def test_what_cannot_be_shown_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(UserError, match="CartPole-v1 cannot be rendered: pygame is not installed"):
        film(Noisy(2), gym("CartPole-v1"), epsilon=0.0)
    monkeypatch.setattr(GymEnvironments, "film", lambda self, lane, actions: None)
    with pytest.raises(UserError, match="Catch-v0 cannot render images"):
        film(Noisy(3), gym(CATCH))


# The panel


def test_bars_have_the_values_lengths_and_the_taken_one_its_colour():
    canvas = Canvas((210, 320, 3), ("NOOP", "FIRE", "UP"), "Pong", -1.0, 3.0)
    values = np.array([1.0, 3.0, -1.0])
    screen = np.zeros((210, 320, 3), dtype=np.uint8)
    for action, colour in ((1, TAKEN), (0, RANDOM)):
        picture = canvas.draw(screen, 12.0, values, action)
        for row, share in enumerate((0.5, 1.0, 0.0)):
            strip = picture[TOP + row * ROW + ROW // 2, canvas.bars : canvas.bars + BAR + 1]
            expected = colour if row == action else VALUE
            assert colours(strip, expected).sum() == round(share * BAR) + 1, "a bar of nothing is one pixel"
    end = canvas.draw(screen, 12.0)
    bars = end[TOP : TOP + 3 * ROW, canvas.bars :]
    assert not any(colours(bars, colour).any() for colour in (VALUE, TAKEN, RANDOM)), "the game is over"
    assert all(colours(end, colour).any() for _, colour in LEGEND)


def test_the_score_is_drawn():
    canvas = Canvas((20, 20, 3), ("a",), "x", 0.0, 0.0)
    screen = np.zeros((20, 20, 3), dtype=np.uint8)
    one, same, other = (canvas.draw(screen, score, np.zeros(1), 0) for score in (1.0, 1.0, 2.0))
    assert (one == same).all()
    rows = np.flatnonzero((one != other).any((1, 2)))
    assert rows.size
    assert rows.max() < TOP


@pytest.mark.parametrize("shape", [(210, 320, 3), (33, 21, 3), (48, 176, 3), (700, 901, 3)])
@pytest.mark.parametrize("actions", [2, 18])
def test_every_size_is_even_and_holds_screen_and_panel(shape, actions):
    names = tuple("DOWNRIGHTFIRE"[: 3 + n % 11] for n in range(actions))
    canvas = Canvas(shape, names, "title", 0.0, 1.0)
    screen = np.full(shape, 200, dtype=np.uint8)
    picture = canvas.draw(screen, 0.0, np.linspace(0, 1, actions), 0)
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert (picture == 200).all(-1).sum() >= shape[0] * shape[1] * canvas.zoom**2
    assert (picture[-1, shape[1] * canvas.zoom + 2 :] == canvas.blank.getpixel((canvas.blank.width - 1, 0))).all()


def test_drawn_shows_each_moment_with_its_own_values():
    screens = [np.full((20, 20, 3), t, dtype=np.uint8) for t in range(4)]
    game = Game(np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]]), np.array([1, 1, 0]), np.array([0.0, 2.0, -1.0]))
    canvas = Canvas((20, 20, 3), ("l", "r"), "x", 0.0, 1.0)
    expected = [
        canvas.draw(screens[0], 0.0, game.values[0], 1),
        canvas.draw(screens[1], 0.0, game.values[1], 1),
        canvas.draw(screens[2], 2.0, game.values[2], 0),
        canvas.draw(screens[3], 1.0),
    ]
    for faster, moments in ((1, (0, 1, 2, 3)), (2, (0, 2, 3)), (3, (0, 3))):
        frames = list(drawn(screens, game, ("l", "r"), "x", faster))
        assert len(frames) == len(moments)
        assert all((frame == expected[t]).all() for frame, t in zip(frames, moments, strict=True))


# From a run


def test_sample_films_a_trained_run(tmp_path):
    host = load_host()
    overlay = testing.QUIET | ({"wandb.mode": "off"} if "wandb" in host.names("observers") else {})
    overlay |= {"data.learning_starts": 50, "metrics": [], "steps": 3}
    run = dlplug.run("dqn-catch", overlay, out=str(tmp_path / "run"))
    given = dlplug.sample(str(run.folder), {"count": 2, "seed": 1})
    assert list(given) == ["film-1", "film-2", "return"]
    assert imread(given["film-1"], plugin="pyav").shape[0] == 10
    assert -1 <= given["return"] <= 1
