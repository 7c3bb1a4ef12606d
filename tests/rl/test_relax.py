"""Estimators of gradients: unbiased where they should be, with the variance of theory; and RELAX for policies."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from dlplug_rl.evaluation.solved import episodes_to_solve
from dlplug_rl.losses.relax import RelaxPolicy, conditional_gumbel
from dlplug_rl.networks.relaxed_policy import RelaxedPolicy
from dlplug_rl.players.whole_episodes import Episodes
from dlplug_rl.relax.estimators import conditional, control_variate, relaxed
from dlplug_rl.relax.metrics import gradients, probabilities
from dlplug_rl.relax.race import BIASED, ESTIMATORS, GradientRace, Race, Racers, UniformNoise
from dlplug_rl.relax.theory import integrated, measured, theoretical, true_gradient
from made import made

from dlplug import Spec, UserError
from dlplug.testing import check_data, check_loss

SAMPLES = 40_000


def race(target: float = 0.499) -> Race:
    torch.manual_seed(0)
    model = Racers(Spec(input=(1,), output=1))
    with torch.no_grad():  # control variates that are not yet good
        for weight in model.controls.parameters():
            weight.mul_(0.7)
    return GradientRace(model, target=target).product()


@pytest.mark.parametrize("theta", [0.0, -1.2])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_measured_moments_are_those_of_theory(name: str, theta: float):
    given = race(0.3)
    found = measured(given, name, theta, SAMPLES, torch.Generator().manual_seed(1))
    expected = theoretical(given, name, theta)
    standard_error = math.sqrt(expected.variance / SAMPLES)
    assert found.bias == pytest.approx(expected.bias, abs=5 * standard_error + 1e-5)
    assert found.variance == pytest.approx(expected.variance, rel=0.05, abs=1e-8)
    if name not in BIASED:
        assert expected.bias == pytest.approx(0, abs=3e-4)
    elif theta:  # at θ = 0 the straight-through gradient of a square is right
        assert abs(expected.bias) > 10 * standard_error


@pytest.mark.parametrize("name", ["reinforce", "straight_through"])
def test_closed_forms_are_the_integrals(name: str):
    given = race(0.3)
    closed, integral = theoretical(given, name, 0.7), integrated(given, name, 0.7, points=50)
    assert integral.bias == pytest.approx(closed.bias, abs=1e-5)
    assert integral.variance == pytest.approx(closed.variance, rel=1e-4)


def test_the_true_gradient_is_the_slope_of_the_expected_loss():
    given = race(0.3)

    def expected(theta: float) -> float:
        p = 1 / (1 + math.exp(-theta))
        return p * 0.7**2 + (1 - p) * 0.3**2

    slope = (expected(0.5 + 1e-4) - expected(0.5 - 1e-4)) / 2e-4
    assert true_gradient(given, 0.5) == pytest.approx(slope, rel=1e-5)


def test_the_conditional_sample_has_the_same_sign_and_together_the_same_distribution():
    theta, generator = torch.full((SAMPLES,), 0.8), torch.Generator().manual_seed(2)
    u, v = torch.rand(2, SAMPLES, generator=generator)
    z = relaxed(theta, u)
    b = (z > 0).float()
    again = conditional(theta, b, v)
    assert torch.equal(again > 0, z > 0)
    quantiles = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])
    torch.testing.assert_close(again.quantile(quantiles), z.quantile(quantiles), atol=0.06, rtol=0.03)


def test_a_perfect_control_variate_leaves_no_variance():
    """c = f on a function of the sign alone: then only E[f] is left to estimate, by c's own gradient, which is 0."""
    theta = torch.full((100,), 0.4)
    u, v = torch.rand(2, 100)

    def constant(z: torch.Tensor) -> torch.Tensor:
        return 0.25 + 0 * z

    estimate = control_variate(lambda b: torch.full_like(b, 0.25), constant, theta, u, v)
    assert estimate.abs().max() < 1e-6


def test_the_race_keeps_the_contract_and_its_control_variates_learn():
    data = made(UniformNoise, samples=4)
    torch.manual_seed(0)
    model = Racers(data.spec)
    check_data(data, model)
    loss = GradientRace(model)
    batch = next(iter(data.batches(model)))
    updates = check_loss(loss, batch)
    assert [update.part for update in updates] == [
        "logits.reinforce", "logits.straight_through", "logits.gumbel", "logits.rebar", "controls.rebar",
        "logits.relax", "controls.relax",
    ]  # fmt: skip
    given = loss.product()
    for name in ("rebar", "relax"):  # a step along the slopes lowers the mean square of the same samples
        weights = [*model.controls[name].parameters()]
        theta = torch.zeros(4)
        before = given.estimate(name, theta, batch.u, batch.v)
        slopes = loss.slopes(name, before)
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                weight -= 0.01 * slope
        after = given.estimate(name, theta, batch.u, batch.v)
        assert after.square().mean() < before.square().mean()


def test_the_metric_tells_moments_and_draws_them(tmp_path: Path):
    lines = [{"step": step, "seconds": 0.0, "train/logits_relax_probability": 0.5 - step / 100} for step in (1, 2, 3)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = cast(Any, SimpleNamespace(folder=tmp_path))
    assert {name: series.value.tolist() for name, series in probabilities(run).items()} == {"relax": [0.49, 0.48, 0.47]}
    values = gradients(race(), made(UniformNoise), samples=2_000, run=run)
    assert {f"{name}_{what}" for name in ESTIMATORS for what in ("bias", "variance", "probability", "loss")} < {*values}
    assert values["deviation"] < 5
    assert values["race"].pixels.shape[2] == 3
    assert values["reinforce_loss"] == pytest.approx((0.501**2 + 0.499**2) / 2)


# --- policies ---------------------------------------------------------------------------------------------------------


def test_conditional_gumbels_are_gumbels_with_the_action_as_their_argmax():
    logp = torch.tensor([0.5, -1.0, 0.2]).log_softmax(0).expand(SAMPLES, 3)
    torch.manual_seed(3)
    action = torch.distributions.Categorical(logits=logp).sample()
    z = conditional_gumbel(logp, action, torch.rand(SAMPLES, 3))
    assert torch.equal(z.argmax(1), action)
    noise = (z - logp).flatten()  # over all actions again independent Gumbel noise
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    expected = -(-quantiles.log()).log()
    torch.testing.assert_close(noise.quantile(quantiles), expected, atol=0.03, rtol=0.02)
    correlation = torch.corrcoef((z - logp).T)
    assert (correlation - torch.eye(3)).abs().max() < 0.03


@pytest.fixture(scope="module")
def episode() -> tuple[RelaxedPolicy, Any]:
    torch.manual_seed(0)
    data = made(Episodes, id="CartPole-v0", environments=1)
    model = RelaxedPolicy(data.spec)  # type: ignore[arg-type]
    return model, next(iter(data.batches(model)))


def test_relax_keeps_the_contract(episode: tuple[RelaxedPolicy, Any]):
    model, batch = episode
    updates = check_loss(RelaxPolicy(model), batch)
    assert [update.part for update in updates] == ["actor", "control"]
    with pytest.raises(UserError, match="--model relaxed-policy"):
        RelaxPolicy(torch.nn.Linear(2, 2))


def test_the_gradient_of_a_policy_is_that_of_reinforce_on_average(episode: tuple[RelaxedPolicy, Any]):
    """The mean over the noise of z and z̃ for all actions of one observation is ∇ Σ_a π(a) R(a)."""
    model, _ = episode
    obs, rewards = torch.tensor([0.1, -0.2, 0.3, 0.4]), torch.tensor([1.0, -0.5])
    torch.manual_seed(5)
    count = 60_000
    seen = obs.expand(1, count, 4)
    loss = RelaxPolicy(model, gamma=0.9)
    actions = model.actions(seen)
    action = actions.sample()
    reward = rewards[action]
    z, again = loss.relaxed(actions.logp, action)
    value = model.control.value_of(seen).detach()
    with torch.no_grad():
        baseline = model.control(seen, again, value)
    c, c_again = model.control(seen, z, value), model.control(seen, again, value)
    gain = (actions.log_probability(action) * (reward - baseline) + c - c_again).mean()
    bias = [*model.actor.parameters()][-1]
    (estimate,) = torch.autograd.grad(gain, bias)
    expected_reward = (model.actions(obs[None]).logp.exp() * rewards).sum()
    (truth,) = torch.autograd.grad(expected_reward, bias)
    np.testing.assert_allclose(estimate.numpy(), truth.numpy(), atol=0.02)
    assert truth.abs().max() > 0.2


def test_episodes_to_solve_is_the_first_window_that_is_good_enough():
    returns = np.array([0.0] * 50 + [200.0] * 200)
    first = next(k for k in range(100, 251) if returns[k - 100 : k].mean() >= 195)
    assert episodes_to_solve(returns, 195.0) == first == 148
    assert episodes_to_solve(returns[:140], 195.0) is None
    assert episodes_to_solve(returns[:99], 0.0) is None
