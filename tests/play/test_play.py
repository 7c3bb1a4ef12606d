"""The kit of play on a toy: a policy with memory, environments of known lengths, and what is filmed of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from dlplug_play.atari_names import find_game
from dlplug_play.episodes import Ended, Episode, Step, counted, cut_short, play, shares, summary, training_means
from dlplug_play.films import MAX_FRAMES, best_video, films, speed, video_of
from dlplug_play.gymnasium_ids import building, find

from dlplug import UserError, Video


class Counting:
    """A recurrent policy: its action is how many observations of the episode it has seen."""

    def start(self, count: int) -> np.ndarray:
        return np.zeros(count, dtype=int)

    def act(
        self, obs: np.ndarray, state: np.ndarray, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, np.ndarray, Mapping[str, Any]]:
        assert greedy
        state = np.where(first, 0, state) + 1
        return state, state, {}


class Lines:
    """Lane i plays episodes of lengths[i] actions; the score is the sum of the actions."""

    fps, pictures = 5, True

    def __init__(self, lengths: list[int]) -> None:
        self.lengths, self.count = np.array(lengths), len(lengths)

    def reset(self) -> np.ndarray:
        self.clock, self.score = np.zeros(self.count, dtype=int), np.zeros(self.count)
        return self.clock

    def step(self, actions: np.ndarray) -> Step:
        self.clock, self.score = self.clock + 1, self.score + actions
        over = self.clock == self.lengths
        ended = [Ended(int(lane), float(self.score[lane]), int(self.clock[lane])) for lane in np.flatnonzero(over)]
        self.clock, self.score = np.where(over, 0, self.clock), np.where(over, 0, self.score)
        return Step(self.clock, over, ended)

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        return (np.full((2, 2, 3), action, np.uint8) for action in actions) if self.pictures else None


def test_every_environment_plays_its_share_and_memory_ends_with_the_episode():
    arena = Lines([2, 5])
    played, actions = play(Counting(), arena, shares(3, 2))
    assert played == [Episode(0, 3, 2, 2), Episode(0, 3, 2, 4), Episode(1, 15, 5, 5)]
    assert actions[:, 0].tolist() == [1, 2, 1, 2, 1]
    assert actions[:, 1].tolist() == [1, 2, 3, 4, 5]
    assert summary(played) == {
        "return": 7.0,
        "return_std": pytest.approx(np.std([3, 3, 15])),
        "return_min": 3.0,
        "return_max": 15.0,
        "episode_length": 3.0,
    }
    assert (counted(1), counted(3)) == ("1 episode", "3 episodes")
    assert (cut_short(played, None), cut_short(played, 2)) == ("", ", 2 of them cut at 2 actions")


def test_a_video_is_of_the_episode_alone():
    arena = Lines([2, 5])
    played, actions = play(Counting(), arena, np.array([2, 0]))
    video = video_of(arena, played[1], actions, "lines")
    assert video is not None
    assert [frame[0, 0, 0] for frame in video.frames] == [1, 2]
    assert (video.fps, video.caption) == (5, "lines: 3 points in 2 actions")
    arena.pictures = False
    assert best_video(arena, played, actions, "lines") == {}
    assert (speed(MAX_FRAMES - 1, MAX_FRAMES), speed(MAX_FRAMES, MAX_FRAMES)) == (1, 2)


def test_a_screen_that_cannot_be_drawn_costs_the_video_alone(caplog):
    class Blind(Lines):
        def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
            raise UserError("pygame is not installed")

    caplog.set_level("INFO", "dlplug")
    played, actions = play(Counting(), Blind([2]), np.array([1]))
    assert best_video(Blind([2]), played, actions, "lines") == {}
    assert "pygame is not installed; there is no video" in caplog.text


def test_films_are_numbered_where_there_are_several():
    def play_one(seed: int) -> tuple[Video, float]:
        return Video([]), float(seed)

    assert list(films(1, 5, play_one)) == ["film", "return"]
    several = films(3, 5, play_one)
    assert list(several) == ["film-1", "film-2", "film-3", "return"]
    assert several["return"] == 6.0


def test_training_s_own_episodes():
    assert training_means([]) == {}
    assert training_means([(1.0, 4), (2.0, 6)]) == {"return": 1.5, "episode_length": 5.0}


def test_names_in_any_spelling():
    games = ["pong", "space_invaders"]
    assert {find_game(name, games) for name in ("Space Invaders", "space-invaders", "SpaceInvaders")} == {games[1]}
    with pytest.raises(UserError, match=r"no Atari game is called 'pogn'\. Did you mean pong"):
        find_game("pogn", games)


def test_ids_of_gymnasium():
    assert find("CartPole-v1").id == "CartPole-v1"
    assert find("CartPole").id == "CartPole-v1"
    with pytest.raises(UserError, match=r"called 'CartPoll-v1'\. Did you mean CartPole-v1"):
        find("CartPoll-v1")
    with pytest.raises(UserError, match="no module 'nowhere' is installed"):
        find("nowhere:A-v0")
    with pytest.raises(UserError, match="CartPole-v1 needs what is not installed: no x"), building("CartPole-v1"):
        raise ModuleNotFoundError("no x")
