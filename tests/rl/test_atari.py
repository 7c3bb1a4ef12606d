"""Every trap of ale-py's vector environment, on the real emulator: what it does, and that the adapter does right."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from ale_py import roms
from ale_py.vector_env import AtariVectorEnv
from dlplug_rl.environments.atari import FOR_TWO_PLAYERS, PROTOCOLS, AtariEnvironments, find_game, frame_statistics
from dlplug_rl.environments.interface import Seen

from dlplug.errors import UserError


def random_play(environments: AtariEnvironments, steps: int, seed: int = 0) -> tuple[list[Seen], list[np.ndarray]]:
    """What was seen (one more than steps) and the actions sent between."""
    generator = np.random.default_rng(seed)
    seen, actions = [environments.reset()], []
    for _ in range(steps):
        actions.append(generator.integers(environments.spec.output, size=environments.count))
        environments.send(actions[-1])
        seen.append(environments.receive())
    return seen, actions


@pytest.fixture(scope="module")
def breakout() -> tuple[list[Seen], list[np.ndarray]]:
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


# --- seeds and protocols ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["classic", "machado"])
def test_a_seed_fixes_everything_and_another_does_not(protocol):
    def play(seed: int, threads: int) -> list[Seen]:
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
        protocol: AtariEnvironments("freeway", count=6, protocol=protocol).reset().obs[:, -1] for protocol in PROTOCOLS
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
def test_actions_that_would_hang_the_emulator_are_refused(actions):
    environments = AtariEnvironments("pong", count=2, size=42)
    environments.reset()
    with pytest.raises(ValueError, match="wanted 2 actions from 0 to 5"):
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
