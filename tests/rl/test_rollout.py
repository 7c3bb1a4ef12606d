"""λ-returns against their definition, and rollouts against what the environments showed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_rl.losses.pqn import PQN
from dlplug_rl.losses.targets import smoothed
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.players.rollout import AtariRollout, GymRollout, RolloutPlayer, Steps, lambda_returns
from hypothesis import given, settings
from hypothesis import strategies as st
from made import made

from dlplug import Spec, UserError
from dlplug.testing import check_loss

GAMMA, TRACE = 0.9, 0.6


def by_definition(reward: Any, stops: Any, ended: Any, next_value: Any, t: int) -> float:
    """The weighted mean of all n-step returns from step t of one environment: (1 - λ) λ^(n-1) each, the rest on the
    last, which the rollout's or the episode's end cuts short."""
    total, discount, returns = 0.0, 1.0, []
    for at in range(t, len(reward)):
        total += discount * reward[at]
        discount *= GAMMA
        returns.append(total + (0.0 if stops[at] else discount * next_value[at]))
        if stops[at] or ended[at]:
            break
    weights = [(1 - TRACE) * TRACE**n for n in range(len(returns) - 1)]
    return float(np.dot([*weights, 1 - sum(weights)], returns))


@settings(max_examples=100, deadline=None)
@given(length=st.integers(1, 12), seed=st.integers(0, 2**16))
def test_lambda_returns_are_weighted_means_of_n_step_returns(length: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    reward, next_value = generator.normal(size=(2, length, 3)).astype(np.float32)
    terminated, truncated, lost = generator.random((3, length, 3)) < 0.15
    stops, ended = terminated | lost, terminated | truncated
    returns = lambda_returns(reward, stops, ended, next_value, GAMMA, TRACE)
    for t, row in itertools.product(range(length), range(3)):
        expected = by_definition(reward[:, row], stops[:, row], ended[:, row], next_value[:, row], t)
        assert returns[t, row] == pytest.approx(expected, abs=1e-4)


def network(player: RolloutPlayer) -> torch.nn.Module:
    torch.manual_seed(0)
    return q_network(player.spec, torso="small" if len(player.spec.input) == 3 else "mlp", hidden=16)


def test_every_step_of_a_rollout_is_given_once_an_epoch_with_its_return() -> None:
    """CartPole at random: an episode lasts some 20 steps."""
    options: dict[str, Any] = {"rollout": 40, "epochs": 3, "minibatches": 4, "gamma": GAMMA, "trace": TRACE}
    player = made(GymRollout, environments=4, epsilon_steps=0, epsilon_end=1.0, **options)
    model, log = network(player), []
    receive = player.environments.receive

    def witnessed() -> Any:
        seen = receive()
        log.append(type(seen)(*(np.array(column) for column in seen)))
        return seen

    first = player.environments.reset()
    player.environments.receive = witnessed  # type: ignore[method-assign]
    batches = list(itertools.islice(player.batches(model), 12))
    assert all(len(batch.action) == 40 for batch in batches)
    q = [model(torch.from_numpy(seen.obs)).detach().numpy().max(1) for seen in log]
    stacked = {name: np.stack([getattr(seen, name) for seen in log]) for name in first._fields}
    ended = stacked["terminated"] | stacked["truncated"]
    shown = np.stack([first.obs, *(seen.obs for seen in log[:-1])])
    assert ended.sum() > 3
    for epoch in range(3):
        given = Steps(*(torch.cat(column) for column in zip(*batches[4 * epoch : 4 * epoch + 4], strict=True)))
        found = {row.numpy().tobytes(): i for i, row in enumerate(given.obs)}
        assert len(found) == 160 or ended.any()
        for t, row in itertools.product(range(40), range(4)):
            i = found[shown[t, row].tobytes()]
            if stacked["first"][t, row]:
                continue
            expected = by_definition(
                stacked["reward"][:, row], stacked["terminated"][:, row], ended[:, row], np.stack(q)[:, row], t
            )
            assert given.goal[i].item() == pytest.approx(expected, rel=1e-3, abs=1e-3)
        assert given.weight.sum() == 160 - stacked["first"].sum()
    assert player.steps == player.count == 160 - stacked["first"].sum()


def test_atari_rollouts_hold_raw_frames_and_clipped_rewards() -> None:
    player = made(
        AtariRollout,
        game="breakout",
        size=42,
        environments=4,
        rollout=32,
        minibatches=4,
        epsilon_steps=0,
        epsilon_end=1.0,
        trace=0.0,
    )
    model = network(player)
    batches = list(itertools.islice(player.batches(model), 3 * 8))
    assert batches[0].obs.shape == (32, 4, 42, 42)
    assert batches[0].obs.dtype == torch.uint8
    goals = torch.cat([batch.goal for batch in batches])
    assert goals.abs().max() < 1 + 0.99 * 3  # one clipped reward, and what a fresh network says
    assert player.count == 4 * player.steps
    player.close()


def test_the_loss_is_the_mean_over_steps_that_are_steps() -> None:
    torch.manual_seed(0)
    model = q_network(Spec(input=(4,), output=3), torso="mlp", hidden=16, layer_norm=True)
    batch = Steps(torch.rand(5, 4), torch.tensor([0, 1, 2, 0, 1]), torch.randn(5), torch.tensor([1.0, 0, 1, 1, 0]))
    (update,) = PQN(model).updates(batch)
    q = model(batch.obs)
    expected = sum(0.5 * float(q[b, batch.action[b]] - batch.goal[b]) ** 2 for b in (0, 2, 3)) / 3
    assert update.loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_distribution_is_fitted_to_the_smoothed_goal() -> None:
    torch.manual_seed(0)
    options: dict[str, Any] = {"torso": "mlp", "hidden": 16, "returns": "categorical", "low": -2.0, "high": 2.0}
    model = q_network(Spec(input=(4,), output=3), atoms=9, dueling=True, **options)
    batch = Steps(torch.rand(3, 4), torch.tensor([0, 1, 2]), torch.tensor([0.3, 9.0, -1.0]), torch.tensor([1.0, 0, 1]))
    (update,) = check_loss(PQN(model, smoothing=0.6), batch)
    logp = model.outputs(batch.obs).log_softmax(-1)
    goal = smoothed(batch.goal, torch.linspace(-2, 2, 9), 0.6)
    expected = -sum(float((goal[b] * logp[b, batch.action[b]]).sum()) for b in (0, 2)) / 2
    assert update.loss.item() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(UserError, match=r"--model.returns mean or categorical"):
        PQN(q_network(Spec(input=(4,), output=3), torso="mlp", hidden=16, returns="quantile"))


def test_rollouts_that_do_not_make_equal_minibatches_are_refused() -> None:
    with pytest.raises(UserError, match="5 steps of 3 environments do not make 4 equal minibatches"):
        made(GymRollout, environments=3, rollout=5, minibatches=4)
