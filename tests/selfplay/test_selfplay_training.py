"""Self-play as data: what is recorded, what a resume restores, and the loss."""

from __future__ import annotations

import itertools
from itertools import islice

import numpy as np
import pytest
import torch
from dlplug_selfplay.games.interface import put, take
from dlplug_selfplay.games.rows import Connect4
from dlplug_selfplay.loss import alphazero
from dlplug_selfplay.networks.board_net import BoardNet
from dlplug_selfplay.playing.options import Play, Rules
from dlplug_selfplay.playing.replay import Records, Replay, blank
from dlplug_selfplay.playing.self_play import Positions, SelfPlay

from dlplug import UserError, acting, testing

QUICK = {"simulations": 3, "fast_simulations": 2, "boards": 6}


def self_play(**options):
    rules = Rules(**{name: options.pop(name) for name in ("game", "size", "komi", "margin") if name in options})
    play = Play(**(QUICK | {name: options.pop(name) for name in [*options] if name in Play.__dataclass_fields__}))
    return SelfPlay(rules=rules, play=play, **({"batch_size": 8, "learning_starts": 20, "replay": 200} | options))


def network(data: SelfPlay) -> BoardNet:
    torch.manual_seed(0)
    return BoardNet(data.spec, channels=4, blocks=1, hidden=8)


def play_games(data: SelfPlay, games: int) -> None:
    model = network(data)
    data.meet(model)
    with acting(model):
        while data.count < games:
            data.ply(model)


@pytest.mark.parametrize("search", ["gumbel", "puct"])
def test_the_data_keep_the_contract_with_past_selves(search):
    data = self_play(full=0.5, opening=2, past=0.5, past_every=3, past_size=2, search=search)
    testing.check_data(data, network(data), 6)
    assert len(data.past) == 2


@pytest.mark.parametrize("game", ["connect4", "hex", "othello", "go"])
def test_the_data_of_each_game_keep_the_contract(game):
    data = self_play(game=game, size={"hex": 3, "othello": 4, "go": 3}.get(game, 0), reuse=0.5)
    testing.check_data(data, network(data), 2)


def test_a_resumed_run_ends_as_one_without_a_stop():
    options = {"data.boards": 8, "data.batch_size": 16, "data.learning_starts": 30, "data.past": 0.3,
               "data.past_every": 5, "data.simulations": 4, "metrics": []}  # fmt: skip
    testing.check_recipe(
        "alphazero-tictactoe",
        {
            **options,
        },
    )


def test_every_position_of_a_finished_game_is_recorded_with_the_score_of_its_mover():
    data = self_play(reuse=0.01)
    model, games = network(data), {}
    data.meet(model)
    while data.count < 20:
        before, result = data.count, data.positions.result.copy()
        with acting(model):
            data.ply(model)
        assert result is not None
        games[before] = data.count
    records, written = data.replay.records, data.replay.written
    for index in range(written):
        own, other = records.obs[index].sum(1)
        assert own in (other, other - 1)  # who moves has as many stones, or one fewer
    # games follow one another: a game begins with an empty board, and the scores of its movers alternate
    begins = [index for index in range(written) if not records.obs[index].any()] + [written]
    assert len(begins) - 1 == data.count
    for begin, end in itertools.pairwise(begins):
        score = records.score[begin:end]
        assert (score == 0.5).all() or (score == np.where(np.arange(end - begin) % 2, 1 - score[0], score[0])).all()
        assert (records.policy[begin:end].sum(1) - 1 < 1e-5).all()


def test_random_openings_are_played_and_not_recorded():
    data = self_play(opening=4, reuse=0.01)
    play_games(data, 30)
    stones = data.replay.records.obs[: data.replay.written].sum((1, 2))
    assert {0, 1, 2, 3, 4} <= {*stones}
    assert (stones == 0).sum() < data.count / 2


def test_a_drawn_position_is_a_symmetry_of_a_recorded_one():
    game, random = Connect4(), np.random.default_rng(0)
    replay, positions = Replay(game, 8), game.start(8)
    for column in range(5):
        positions = game.step(positions, np.full(8, column))
    records = blank(game, 8)
    policy = np.tile(np.arange(7, dtype=np.float32), (8, 1))
    put(records, slice(None), (game.observe(positions).reshape(8, 2, -1), positions.legal, policy, 1, True))
    replay.add(records)
    drawn, mirrored = replay.draw(64, random), 0
    for obs, drawn_policy in zip(drawn.obs, drawn.policy, strict=True):
        mirror = drawn_policy[0] == 6
        board = records.obs[0].reshape(2, 6, 7)
        assert (obs.reshape(2, 6, 7) == (board[:, :, ::-1] if mirror else board)).all()
        mirrored += mirror
    assert 16 < mirrored < 48


def test_a_margin_is_of_training_alone():
    data = self_play(game="go", size=3, margin=0.5, reuse=0.01)
    play_games(data, 10)
    scores = {*data.replay.records.score[: data.replay.written].tolist()}
    assert scores - {0.0, 0.5, 1.0}
    assert (data.game.margin, data.split("test").game.margin) == (0.5, 0.0)


def test_a_full_replay_forgets_the_oldest():
    game = Connect4()
    replay = Replay(game, 5)
    for number in range(8):
        one = blank(game, 1)
        replay.add(one._replace(score=np.array([number], np.float32)))
    assert sorted(replay.records.score) == [3, 4, 5, 6, 7]


def test_the_loss_is_the_cross_entropies_of_legal_moves():
    data = self_play(full=0.5)
    model = network(data)
    data.meet(model)
    torch.nn.init.normal_(model.policy.weight, std=0.3)
    batch = next(islice(data.batches(model), 3, None))
    loss = alphazero(model, value_weight=0.5)
    (update,) = testing.check_loss(loss, batch)
    judged, policies, values = model(batch.obs), [], []
    for row in range(len(batch.score)):
        legal = batch.legal[row]
        log_prior = torch.log_softmax(judged.policy[row][legal], 0)
        if batch.searched[row]:
            policies.append(-(batch.policy[row][legal] * log_prior).sum())
        p = torch.sigmoid(judged.value[row])
        values.append(-(batch.score[row] * p.log() + (1 - batch.score[row]) * (1 - p).log()))
    expected = torch.stack(policies).mean() + 0.5 * torch.stack(values).mean()
    torch.testing.assert_close(update.loss, expected)


def test_a_batch_without_a_full_search_has_a_finite_loss():
    data = self_play()
    data.meet(network(data))
    batch: Positions = next(iter(data.batches(network(data))))
    update = next(alphazero(network(data)).updates(batch._replace(searched=torch.zeros_like(batch.searched))))
    assert update.loss.isfinite()


def test_a_replay_too_small_to_begin_is_refused():
    with pytest.raises(UserError, match="learning_starts"):
        self_play(replay=10)


def test_rows_are_taken_and_put():
    records = blank(Connect4(), 3)
    put(
        records, [1], Records(np.ones((1, 2, 42), bool), np.ones((1, 7), bool), np.ones((1, 7)), np.ones(1), np.ones(1))
    )
    assert take(records, [0, 1]).score.tolist() == [0, 1]
