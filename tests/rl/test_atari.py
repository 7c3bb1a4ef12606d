"""Every trap of ale-py's vector environment, on the real emulator: what it does, and that the adapter does right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from dlplug_rl.environments.atari import AtariEnvironments
from dlplug_rl.environments.interface import TimeStep
from random_play import random_play


@pytest.fixture(scope="module")
def breakout() -> tuple[list[TimeStep], list[np.ndarray]]:
    return random_play(AtariEnvironments("breakout", count=4, size=42, seed=3), 400)


# --- the row after an end ---------------------------------------------------------------------------------------------


def test_the_row_after_an_end_is_first_and_void(breakout):
    seen, _ = breakout
    ends = 0
    for before, after in itertools.pairwise(seen):
        ended = before.terminated | before.truncated
        ends += ended.sum()
        assert (after.first == ended).all()
        for void in (after.reward, after.terminated, after.truncated, after.life_lost):
            assert not void[after.first].any()
    assert ends >= 4


def test_the_action_sent_to_an_ended_row_is_ignored(breakout):
    seen, actions = breakout
    again = AtariEnvironments("breakout", count=4, size=42, seed=3)
    again.reset()
    for sent, expected in zip(actions, seen[1:], strict=True):
        again.send(np.where(expected.first, 3 - sent, sent))
        assert all((a == b).all() for a, b in zip(again.receive(), expected, strict=True))


def test_an_episode_begins_with_zeros_and_one_frame(breakout):
    starts = [row for seen in breakout[0] for row in seen.obs[seen.first]]
    assert len(starts) >= 8
    for stack in starts:
        assert not stack[:-1].any()
        assert stack[-1].any()


# --- lives ------------------------------------------------------------------------------------------------------------


def test_episodic_life_of_the_emulator_restarts_the_game_and_ours_plays_on():
    theirs = AtariVectorEnv("breakout", 1, num_threads=1, episodic_life=True, reward_clipping=False)
    _, info = theirs.reset(seed=0)
    idle = np.zeros(1, dtype=np.int64)
    fire = np.ones(1, dtype=np.int64)
    terminated = np.zeros(1, dtype=bool)
    while not terminated[0]:
        _, _, terminated, _, info = theirs.step(fire)
    assert info["lives"][0] == 4
    _, _, _, _, info = theirs.step(idle)
    assert info["lives"][0] == 5, "the classic wrapper would have gone on with four lives"

    ours = AtariEnvironments("breakout", count=1)
    ours.reset()
    lost, ended, first = 0, False, False
    while not ended:
        ours.send(fire)
        seen = ours.receive()
        lost, ended, first = lost + int(seen.life_lost[0]), bool(seen.terminated[0]), first or bool(seen.first[0])
    assert lost == 4, "five lives: four lost on the way, the last one with the game"
    assert not first, "the game was one episode"


def test_life_lost_is_the_step_on_which_the_count_falls():
    environments = AtariEnvironments("space_invaders", count=2, size=42)
    reference = AtariVectorEnv("space_invaders", 2, num_threads=1, img_height=42, img_width=42, noop_max=31)
    _, info = reference.reset(seed=environments._seeds)
    seen, actions = random_play(environments, 700)
    lost = 0
    for sent, row in zip(actions, seen[1:], strict=True):
        lives = info["lives"]
        _, _, terminated, _, info = reference.step(sent)
        assert (row.life_lost == ((info["lives"] < lives) & ~terminated)).all()
        lost += row.life_lost.sum()
    assert lost >= 4


def test_a_game_without_lives_loses_none():
    seen, _ = random_play(AtariEnvironments("pong", count=1, size=42), 200)
    assert any(row.reward.any() for row in seen)
    assert not any(row.life_lost.any() for row in seen)


# --- rewards ----------------------------------------------------------------------------------------------------------


def test_raw_scores_survive():
    environments = AtariEnvironments("space_invaders", count=4, size=42)
    clipped = AtariVectorEnv("space_invaders", 4, num_threads=1, img_height=42, img_width=42, noop_max=31)
    clipped.reset(seed=environments._seeds)
    seen, actions = random_play(environments, 300)
    ours = np.array([row.reward for row in seen[1:]])
    theirs = np.array([clipped.step(sent)[1] for sent in actions])
    assert ours.dtype == np.float32
    assert {5.0, 10.0, 15.0} <= set(ours[ours > 0].tolist()) <= {5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 200.0}
    assert set(np.unique(theirs)) == {0, 1}, "what the emulator's default leaves of them"
    assert (np.sign(ours) == theirs).all()


def test_the_reward_of_a_void_row_is_zero_even_where_every_frame_has_one():
    seen, _ = random_play(AtariEnvironments("skiing", count=2, size=42, frame_limit=40), 60)
    assert sum(row.first[0] for row in seen) > 9
    for row in seen:
        assert ((row.reward == 0) == row.first).all(), "skiing takes points for time"


# --- truncation -------------------------------------------------------------------------------------------------------


def test_the_frame_limit_truncates_and_shows_the_true_last_observation():
    options = {"count": 3, "size": 42, "seed": 1}
    limited, free = AtariEnvironments("pong", frame_limit=240, **options), AtariEnvironments("pong", **options)
    short, actions = random_play(limited, 120)
    free.reset()
    for t in range(60):
        free.send(actions[t])
        true = free.receive()
        assert (short[t + 1].obs == true.obs).all()
        assert (short[t + 1].truncated == (t == 59)).all()
        assert not short[t + 1].terminated.any()

    # The emulator's own limit shows an older picture: why it is not used.
    theirs = AtariVectorEnv(
        "pong", 3, num_threads=1, img_height=42, img_width=42, noop_max=31, max_num_frames_per_episode=240
    )
    theirs.reset(seed=limited._seeds)
    for t in range(60):
        obs, _, _, truncated, _ = theirs.step(actions[t])
    assert truncated.all()
    assert (obs[:, :-1] == short[60].obs[:, :-1]).all()
    assert (obs[:, -1] != short[60].obs[:, -1]).any()


def test_after_a_truncation_new_episodes_begin_and_nothing_void_counts():
    seen, _ = random_play(AtariEnvironments("pong", count=2, size=42, frame_limit=40), 40)
    firsts = np.array([row.first.all() for row in seen])
    # Ten steps of an episode, a row of zeros while the emulator reaches its own limit, and the next episode's start.
    assert np.flatnonzero(firsts).tolist() == [0, 11, 12, 23, 24, 35, 36]
    assert np.flatnonzero([row.truncated.any() for row in seen]).tolist() == [10, 22, 34]
    for t in (11, 23, 35):
        assert not seen[t].obs.any()
        assert seen[t + 1].obs[:, -1].any()
        assert not seen[t + 1].obs[:, :-1].any()


def test_a_game_that_ends_within_its_limit_is_terminated_not_truncated(breakout):
    seen, _ = breakout
    assert any(row.terminated.any() for row in seen)
    assert not any(row.truncated.any() for row in seen)


# --- rows of unwritten memory -----------------------------------------------------------------------------------------


def test_every_row_continues_the_row_before_it(breakout):
    """In SAME_STEP mode rows of `final_obs` are never written for environments that go on. Here each stack must be the
    one before it, moved by one frame, which no unwritten memory is."""
    seen, _ = breakout
    for before, after in itertools.pairwise(seen):
        goes_on = ~after.first
        assert (after.obs[goes_on, :-1] == before.obs[goes_on, 1:]).all()


def test_final_obs_of_same_step_mode_shows_only_those_that_ended():
    theirs = AtariVectorEnv("breakout", 4, num_threads=1, img_height=42, img_width=42, autoreset_mode="SameStep")
    theirs.reset(seed=0)
    generator = np.random.default_rng(0)
    over, info, obs = np.zeros(4, dtype=bool), {}, np.zeros(0)
    while not over.any():
        assert "final_obs" not in info
        obs, _, terminated, truncated, info = theirs.step(generator.integers(4, size=4))
        over = terminated | truncated
    assert "_final_obs" not in info, "nothing tells its rows apart"
    assert (info["final_obs"][~over] != obs[~over]).any(), "its rows of those that go on are not what they show"


def test_every_lane_is_what_a_single_environment_with_its_seed_shows(breakout):
    seen, actions = breakout
    many = AtariEnvironments("breakout", count=4, size=42, seed=3)
    for lane in (0, 3):
        alone = AtariVectorEnv(
            "breakout", 1, num_threads=1, img_height=42, img_width=42, reward_clipping=False, noop_max=31
        )
        obs, _ = alone.reset(seed=many._seeds[lane : lane + 1])
        assert (obs[0] == seen[0].obs[lane]).all()
        for sent, row in zip(actions, seen[1:], strict=True):
            obs, reward, terminated, _, _ = alone.step(sent[lane : lane + 1])
            assert (obs[0] == row.obs[lane]).all()
            assert reward[0] == row.reward[lane]
            assert terminated[0] == row.terminated[lane]
