"""The maths of on-policy learning, against its definitions in plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_play.on_policy.actions import Categorical, Gaussian
from dlplug_play.on_policy.advantages import explained_variance, gae, leave_one_out, returns_to_go, standardised
from dlplug_play.on_policy.ppo import squared_error
from dlplug_play.on_policy.rollout import Rollout, columns, minibatches, weighted_mean
from dlplug_play.on_policy.standardise import Running, Standardise

from dlplug import UserError

GAMMA, TRACE = 0.9, 0.7


def steps(length: int = 12, count: int = 3) -> dict[str, torch.Tensor]:
    """Random steps, in which episodes end by the rules or by a time limit, and the row after an end resets."""
    draw = torch.Generator().manual_seed(3)
    ended = torch.rand(length, count, generator=draw) < 0.3
    ended[1:] &= ~ended[:-1]
    terminated = ended & (torch.rand(length, count, generator=draw) < 0.5)
    weight = torch.cat([torch.ones(1, count), 1 - ended[:-1].float()])
    return {
        "reward": torch.randn(length, count, generator=draw) * weight,
        "value": torch.randn(length + 1, count, generator=draw),
        "terminated": terminated.float(),
        "ended": ended.float(),
        "weight": weight,
    }


def naive_gae(given: dict[str, torch.Tensor], t: int, n: int) -> float:
    """Σ_k (γλ)^k δ_{t+k} of one episode, one step at a time."""
    total, factor = 0.0, 1.0
    for at in range(t, len(given["reward"])):
        bootstrap = 0.0 if given["terminated"][at, n] else GAMMA * float(given["value"][at + 1, n])
        total += factor * (float(given["reward"][at, n]) + bootstrap - float(given["value"][at, n]))
        factor *= GAMMA * TRACE
        if given["ended"][at, n]:
            break
    return total


def test_gae_is_its_definition_over_the_steps_of_each_episode():
    given = steps()
    advantage = gae(given["reward"], given["value"], given["terminated"], given["ended"], GAMMA, TRACE)
    assert given["ended"].sum() > given["terminated"].sum() > 0
    for t, n in torch.nonzero(given["weight"]).tolist():
        assert advantage[t, n].item() == pytest.approx(naive_gae(given, t, n), abs=1e-5)


def test_gae_with_trace_1_is_the_return_minus_the_value_and_with_0_the_td_error():
    given = steps(5, 1)
    zero = torch.zeros(5, 1)
    reward, value = given["reward"], given["value"]
    bootstrapped = sum(GAMMA**k * float(reward[k]) for k in range(5)) + GAMMA**5 * float(value[5])
    assert gae(reward, value, zero, zero, GAMMA, 1.0)[0].item() == pytest.approx(
        bootstrapped - float(value[0]), abs=1e-5
    )
    td = reward + GAMMA * value[1:] - value[:-1]
    torch.testing.assert_close(gae(reward, value, zero, zero, GAMMA, 0.0), td)


def test_returns_to_go_stop_at_the_episode_s_end():
    reward, ended = torch.tensor([[1.0], [2.0], [4.0], [8.0]]), torch.tensor([[0.0], [1.0], [0.0], [0.0]])
    assert returns_to_go(reward, ended, 0.5).flatten().tolist() == [2.0, 2.0, 8.0, 8.0]


def test_leave_one_out_is_the_mean_of_the_others():
    returns = torch.randn(4, 5)
    baseline = leave_one_out(returns)
    for t in range(4):
        for n in range(5):
            others = [float(returns[t, m]) for m in range(5) if m != n]
            assert baseline[t, n].item() == pytest.approx(sum(others) / 4, abs=1e-6)
    # what is left is the deviation from the mean of all, N / (N - 1) times
    torch.testing.assert_close(returns - baseline, 5 / 4 * (returns - returns.mean(1, keepdim=True)))


def test_standardised_ignores_rows_that_are_no_steps():
    values, weight = torch.randn(50), (torch.rand(50) < 0.6).float()
    kept = values[weight > 0].numpy()
    expected = (values.numpy() - kept.mean()) / (kept.std() + 1e-8)
    np.testing.assert_allclose(standardised(values, weight).numpy(), expected, rtol=1e-4, atol=1e-5)
    assert weighted_mean(values, weight).item() == pytest.approx(kept.mean(), abs=1e-6)
    assert weighted_mean(values, torch.zeros(50)).item() == 0


def test_explained_variance_of_a_perfect_and_of_a_constant_critic():
    goal, weight = torch.randn(6, 4), torch.ones(6, 4)
    assert explained_variance(goal, goal, weight).item() == pytest.approx(1)
    assert explained_variance(goal, torch.full_like(goal, 3.0), weight).item() == pytest.approx(0, abs=1e-5)


# --- distributions of actions -----------------------------------------------------------------------------------------


def test_a_categorical_is_torch_s_and_samples_as_often_as_it_says():
    torch.manual_seed(0)
    logits = torch.tensor([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0]])
    ours, theirs = Categorical.of(logits), torch.distributions.Categorical(logits=logits)
    action = torch.tensor([2, 1])
    torch.testing.assert_close(ours.log_probability(action), theirs.log_prob(action))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert ours.mode().tolist() == [1, 0]
    many = Categorical.of(logits.expand(20_000, 2, 3)).sample()
    share = torch.stack([(many == a).float().mean(0) for a in range(3)], -1)
    assert (share - theirs.probs).abs().max() < 4 * math.sqrt(0.25 / 20_000)


def test_a_gaussian_is_torch_s():
    torch.manual_seed(0)
    mean, log_deviation = torch.randn(4, 2), torch.tensor([-0.5, 0.3])
    ours = Gaussian(mean, log_deviation)
    theirs = torch.distributions.Independent(torch.distributions.Normal(mean, log_deviation.exp()), 1)
    action = torch.randn(4, 2)
    torch.testing.assert_close(ours.log_probability(action), theirs.log_prob(action))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert ours.mode() is mean
    many = Gaussian(mean[:1].expand(20_000, 2), log_deviation).sample()
    assert (many.mean(0) - mean[0]).abs().max() < 0.05
    assert (many.std(0) - log_deviation.exp()).abs().max() < 0.05


def test_running_statistics_are_those_of_all_that_was_observed():
    statistics, seen = Running((3,)), []
    for length in (1, 4, 7):
        obs, weight = 5 * torch.randn(length, 2, 3) + torch.tensor([0.0, 10.0, -3.0]), torch.ones(length, 2)
        weight[0, 1] = 0
        statistics.observe(obs, weight)
        seen += [obs[t, n].numpy() for t, n in torch.nonzero(weight).tolist()]
    np.testing.assert_allclose(statistics.mean.numpy(), np.mean(seen, 0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(statistics.deviation.numpy(), np.std(seen, 0), rtol=1e-4, atol=1e-4)
    assert statistics.count == len(seen)
    far = statistics(torch.full((1, 1, 3), 1e6))
    assert far.tolist() == [[[10.0, 10.0, 10.0]]]


def test_fixed_statistics():
    obs = torch.tensor([[[2, 7]]], dtype=torch.uint8)
    assert Standardise(torch.tensor([1.0, 2.0]), 4.0)(obs).tolist() == [[[0.25, 1.25]]]
    assert Standardise()(obs).tolist() == [[[2.0, 7.0]]]


# --- minibatches ------------------------------------------------------------------------------------------------------


def rollout(length: int = 4, count: int = 6, memory: int = 0) -> Rollout:
    """Every number says which step it belongs to."""
    number = torch.arange((length + 1) * count).view(length + 1, count).float()
    step, ones = number[:-1], torch.ones(length, count)
    state = torch.arange(count).float()[:, None].expand(count, memory)
    first = number % 3 == 0
    return Rollout(number[..., None], first, step.long(), -step, number, step, 0 * ones, 0 * ones, ones, state)


def test_minibatches_of_steps_hold_each_once():
    given = rollout()
    whole = columns(given, given.reward + 0.5, given.reward + 0.25)
    parts = list(minibatches(whole, 3))
    assert [part.obs.shape for part in parts] == [(1, 8, 1)] * 3
    taken = torch.cat([part.action[0] for part in parts])
    assert sorted(taken.tolist()) == list(range(24))
    assert taken.tolist() != list(range(24))
    for part in parts:
        number = part.obs[..., 0]
        assert part.state.shape == (8, 0)
        for field, expected in {
            "action": number, "log_probability": -number, "value": number, "advantage": number + 0.5,
            "goal": number + 0.25, "first": number % 3 == 0,
        }.items():  # fmt: skip
            assert torch.equal(getattr(part, field).float(), expected.float()), field


def test_minibatches_of_a_policy_with_memory_hold_whole_environments():
    given = rollout(memory=2)
    parts = list(minibatches(columns(given, given.reward, given.reward), 3))
    assert [part.obs.shape for part in parts] == [(4, 2, 1)] * 3
    for part in parts:
        rows = part.state[:, 0].long()
        assert torch.equal(part.state, rows[:, None].expand(2, 2).float())
        assert torch.equal(part.obs, given.obs[:-1][:, rows])
    assert sorted(torch.cat([part.state[:, 0] for part in parts]).tolist()) == list(range(6))


def test_unequal_minibatches_are_refused():
    for memory, message in ((0, "24 steps cannot be divided into 5"), (2, "6 environments cannot be divided into 5")):
        given = rollout(memory=memory)
        with pytest.raises(UserError, match=message):
            list(minibatches(columns(given, given.reward, given.reward), 5))


@pytest.mark.parametrize(
    ("value", "before", "goal", "expected"),
    [(1.0, 0.0, 3.0, 2.8**2), (0.1, 0.0, 3.0, 2.9**2), (1.0, 0.0, 0.0, 1.0), (-1.0, 0.0, 3.0, 16.0)],
)
def test_value_clipping_takes_the_larger_error(value: float, before: float, goal: float, expected: float):
    numbers: list[Any] = [torch.tensor(x) for x in (value, before, goal)]
    assert squared_error(*numbers, clip=0.2).item() == pytest.approx(expected)
    assert squared_error(*numbers, clip=0.0).item() == pytest.approx((value - goal) ** 2)
