"""Team play: rollouts beside the network's own account of them, past selves, matches, and a resume."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, cast

import numpy as np
import pytest
import torch
from dlplug_envs.arena import SCRIPTS, Arena, Rules
from dlplug_envs.arena.picture import CELL, picture
from dlplug_play.specs import PlaySpec
from dlplug_selfplay.teams.evaluation import Matches, by_script, play_games, team_matches
from dlplug_selfplay.teams.film import team_film
from dlplug_selfplay.teams.network import team_net
from dlplug_selfplay.teams.past import Past, beaten, newcomer, probabilities
from dlplug_selfplay.teams.rollouts import TeamRollouts
from torch import nn

from dlplug import UserError, testing

SHORT = Rules(rows=3, columns=7, slope=0, health=2, absence=2, goal=3, limit=7)


def teams(games: int = 6, past: float = 0.5, rules: Rules | None = None, **options: Any) -> tuple[Any, Any]:
    data = TeamRollouts(games=games, past=Past(past=past, past_size=4), **{"rollout": 10, "seed": 3, **options})
    if rules:
        data.arena = Arena(games, rules=rules, seed=3)
        data.arena.reset()
    torch.manual_seed(0)
    model = team_net(cast(PlaySpec, data.spec), hidden=8, memory=6)
    data.meet(model)
    return data, model


def test_the_data_keep_the_contract():
    data, model = teams()
    fresh = TeamRollouts(games=6, rollout=10, past=Past(past=0.5), seed=3)
    fresh.exact = False  # actions are drawn from torch's random state, which the trainer saves and this check does not
    testing.check_data(fresh, model, 3)
    with pytest.raises(UserError, match="--model team-net"):
        data.meet(nn.Linear(1, 1))


def test_a_rollout_is_what_the_network_computes_from_its_first_state():
    """Over the ends of games, and in the second rollout, which begins in mid-game."""
    data, model = teams(rules=SHORT)
    for rollout in islice(data.batches(model), 3):
        judged = model(rollout.obs, rollout.first, rollout.state)
        expected = model.actions(judged.policy[:-1]).log_probability(rollout.action)
        torch.testing.assert_close(rollout.log_probability, expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(rollout.value, judged.value, atol=1e-5, rtol=1e-5)
        assert rollout.ended.any()
        torch.testing.assert_close(rollout.weight[1:], 1 - rollout.ended[:-1])  # a reset follows an end
        assert torch.equal(rollout.first[2:], rollout.ended[:-1].bool())
        assert not rollout.reward[rollout.weight == 0].any()


def test_rows_are_the_present_networks_members_alone():
    data, model = teams(games=6, past=0.5)
    rollout = next(data.batches(model))
    assert rollout.obs.shape == (11, 3 * 3 + 3 * 6, data.spec.input[0])
    assert data.count == 10 * 27
    alone, model = teams(games=6, past=0.0)
    assert next(alone.batches(model)).action.shape == (10, 36)


@pytest.mark.parametrize("spirit", [0.0, 0.25, 1.0])
def test_the_team_spirit_shares_rewards(spirit):
    data, model = teams(rules=SHORT, past=0.0, spirit_start=spirit, spirit_end=spirit)
    before = data.arena.state_dict()
    rollout = next(data.batches(model))
    arena = Arena(6, rules=SHORT)
    arena.load_state_dict(before)
    for action, reward in zip(rollout.action, rollout.reward, strict=True):
        _, raw, *_ = arena.step(action.reshape(6, 2, 3).numpy())
        for game, team, member in np.ndindex(6, 2, 3):
            mixed = (1 - spirit) * raw[game, team, member] + spirit * sum(raw[game, team]) / 3
            assert reward.reshape(6, 2, 3)[game, team, member] == pytest.approx(mixed, abs=1e-6)


def test_past_selves_join_over_the_training_and_the_younger_self_is_that_of_the_quarter():
    data, model = teams()
    sizes, batches = [], data.batches(model)
    for fraction in (0.0, 0.1, 0.26, 0.5, 0.74, 0.76, 0.99):
        data.progress.set(fraction)
        with torch.no_grad():
            model.actor.bias.fill_(fraction)
        next(batches)
        sizes.append(len(data.pool))
    assert sizes == [1, 1, 2, 3, 3, 4, 4]
    assert [float(past.actor.bias[0]) for past in data.pool] == pytest.approx([0.0, 0.26, 0.5, 0.76])
    assert float(model.younger.actor.bias[0]) == pytest.approx(0.26)
    assert not any(weight.requires_grad for weight in model.younger.parameters())
    assert "younger.actor.bias" in model.state_dict()


def test_quality_by_hand():
    quality = np.array([0.3, -0.2, 0.0])
    total = sum(math.exp(q) for q in quality)
    assert probabilities(quality).tolist() == pytest.approx([math.exp(q) / total for q in quality])
    assert newcomer(quality).tolist() == [0.3, -0.2, 0.0, 0.3]
    assert newcomer(np.zeros(0)).tolist() == [0.0]
    assert beaten(np.zeros(0), np.zeros(0, int), 0.05).tolist() == []
    rare = beaten(np.array([0.0, -1000.0]), np.array([1, 1]), 0.05)
    assert rare.tolist() == [0.0, -1000.0 - 2 * 0.05 / (2 * 0.01)]
    after = beaten(quality, np.array([0, 2, 2]), 0.05)
    falls = [times * 0.05 / (3 * math.exp(q) / total) for q, times in zip(quality, (1, 0, 2), strict=True)]
    assert after.tolist() == pytest.approx([q - fall for q, fall in zip(quality, falls, strict=True)])


def test_beaten_past_selves_are_drawn_less():
    data, model = teams(games=40, past=1.0)
    data.progress.set(0.99)
    next(data.batches(model))
    for _ in range(3):
        data.pool.add(model)
    data.quality = np.array([-3.0, 0.0, -3.0, -3.0])
    drawn, seen = np.zeros(4), data.arena.observe()[:, 1].reshape(120, -1)
    for _ in range(20):
        data.answer(seen, np.ones(40, bool))
        drawn += np.bincount(data.foes, minlength=4)
    share = drawn / drawn.sum()
    assert share == pytest.approx(probabilities(data.quality), abs=0.05)


def test_a_match_is_won_by_the_stronger_script_on_both_sides():
    results = play_games(by_script(SCRIPTS["pack"]), by_script(SCRIPTS["climb"]), Arena(61, seed=1))
    assert results.shape == (61,)
    for side in (results[:31], results[31:]):
        assert (side > 0).mean() > 0.9
    reverse = play_games(by_script(SCRIPTS["climb"]), by_script(SCRIPTS["pack"]), Arena(61, seed=1))
    assert (reverse < 0).mean() > 0.9


def test_the_metric_plays_scripts_and_the_younger_self():
    _, model = teams()
    measured: dict[str, Any] = team_matches(model, Matches(Rules(), 5), games=12)
    wins = {name: value for name, value in measured.items() if name != "protocol"}
    assert wins.keys() == {"win_climb", "win_hunt", "win_hold", "win_pack", "win_younger"}
    assert all(0 <= value <= 1 for value in wins.values())
    assert measured == team_matches(model, Matches(Rules(), 5), games=12)
    assert wins["win_hold"] == 0  # an untrained network against those who fight for the hill


@pytest.mark.parametrize("opponent", ["itself", "younger", "hunt"])
def test_the_film_shows_a_whole_game(opponent):
    _, model = teams()
    film = team_film(model, Matches(SHORT, 1), opponent=opponent, seed=0)["film"]
    frames = np.stack([*film.frames])
    assert frames.shape[1:] == (3 * CELL + 16, 7 * CELL, 3)
    assert 2 <= len(frames) <= 8
    assert opponent in film.caption


def test_the_picture_shows_members_where_they_are():
    arena = Arena(1, rules=SHORT, seed=0)
    arena.reset()
    arena.row[0, 1, 2], arena.forward[0, 1, 2] = 2, 0
    image = picture(arena, 0)[16:]
    cell = image[2 * CELL : 3 * CELL, 6 * CELL : 7 * CELL]  # the last column: team 1 comes from the right
    assert (cell == (255, 110, 90)).all(-1).any()
    arena.health[0, 1, 2] = 0
    assert not (picture(arena, 0)[16:][2 * CELL : 3 * CELL, 6 * CELL : 7 * CELL] == (255, 110, 90)).all(-1).any()
