"""Q-learning losses against loops over single transitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from dlplug_rl.losses import distributional
from dlplug_rl.losses.distributional import C51, IQN, QuantileRegression
from dlplug_rl.losses.dqn import DQN
from dlplug_rl.losses.q_learning import Munchausen
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.replay.buffer import Transition
from torch import Tensor, nn

from dlplug import Spec, UserError

B, A = 7, 3
SOFT = Munchausen(munchausen=0.9, temperature=0.3, lowest=-1.0)


def batch(update_priorities: Callable[[Tensor], None] = lambda td_error: None) -> Transition:
    generator = torch.Generator().manual_seed(0)
    return Transition(
        obs=torch.rand(B, 4, generator=generator),
        action=torch.randint(0, A, (B,), generator=generator),
        reward=torch.randn(B, generator=generator) * 3,
        terminated=torch.tensor([0.0, 1, 0, 0, 1, 0, 0]),
        next_obs=torch.rand(B, 4, generator=generator),
        discount=torch.tensor([0.9, 0.9, 0.81, 0.729, 0.9, 0.9, 0.729]),
        weight=torch.tensor([1.0, 0.5, 1, 0.25, 1, 1, 0.75]),
        update_priorities=update_priorities,
    )


def model(**options: Any) -> Any:
    torch.manual_seed(1)
    return q_network(Spec(input=(4,), output=A), torso="mlp", hidden=16, **options)


def moved(loss: Any) -> Any:
    """The learner away from the target network."""
    with torch.no_grad():
        for parameter in loss.model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return loss


def next_action(bootstrap: str, online: nn.Module, target: nn.Module, obs: Tensor) -> int:
    q = (online if bootstrap == "double" else target)(obs)[0].tolist()
    return max(range(A), key=lambda a: q[a])


def log_policy(q: list[float], temperature: float) -> list[float]:
    total = sum(math.exp(value / temperature) for value in q)
    return [value / temperature - math.log(total) for value in q]


def bootstrapped(
    bootstrap: str, loss: Any, data: Transition, b: int, outputs: list[list[float]], q: list[float]
) -> list[float]:
    """The goals of one transition, from what the target network says of the next observation: outputs[a][k]."""
    reward, discount = float(data.reward[b]), 0.0 if data.terminated[b] else float(data.discount[b])
    if bootstrap != "munchausen":
        best = next_action(bootstrap, loss.model, loss.target, data.next_obs[b : b + 1])
        return [reward + discount * value for value in outputs[best]]
    now = log_policy(loss.target(data.obs[b : b + 1])[0].tolist(), 0.3)
    reward += 0.9 * min(0.0, max(-1.0, 0.3 * now[int(data.action[b])]))
    logs = log_policy(q, 0.3)
    later = [sum(math.exp(logs[a]) * (outputs[a][k] - 0.3 * logs[a]) for a in range(A)) for k in range(len(outputs[0]))]
    return [reward + discount * value for value in later]


@pytest.mark.parametrize("bootstrap", ["greedy", "double", "munchausen"])
@pytest.mark.parametrize("error", ["huber", "squared"])
def test_dqn_and_its_gradient_are_those_of_a_loop(bootstrap: Any, error: Any) -> None:
    told: list[Tensor] = []
    loss, data = moved(DQN(model(), bootstrap=bootstrap, error=error, munchausen=SOFT)), batch(told.append)
    (update,) = loss.updates(data)
    expected = torch.zeros(())
    for b in range(B):
        q_next = loss.target(data.next_obs[b : b + 1])[0].tolist()
        (goal,) = bootstrapped(bootstrap, loss, data, b, [[value] for value in q_next], q_next)
        difference = loss.model(data.obs[b : b + 1])[0, data.action[b]] - goal
        assert told[0][b].item() == pytest.approx(abs(difference.item()), rel=1e-4)
        if error == "squared":
            expected = expected + data.weight[b] * difference**2
        elif abs(difference) < 1:
            expected = expected + data.weight[b] * 0.5 * difference**2
        else:
            expected = expected + data.weight[b] * (abs(difference) - 0.5)
    same_gradients(update.loss, expected / B, loss.model)


@pytest.mark.parametrize("bootstrap", ["greedy", "double"])
def test_c51_is_that_of_a_loop(bootstrap: Any) -> None:
    told: list[Tensor] = []
    loss = moved(C51(model(returns="categorical", atoms=11, low=-5.0, high=5.0), bootstrap=bootstrap))
    data, z = batch(told.append), [-5.0 + i for i in range(11)]
    (update,) = loss.updates(data)
    expected = torch.zeros(())
    for b in range(B):
        best = next_action(bootstrap, loss.model, loss.target, data.next_obs[b : b + 1])
        p = loss.target.module.outputs(data.next_obs[b : b + 1])[0, best].softmax(0).tolist()
        goal = [0.0] * 11
        for j in range(11):
            bellman = float(data.reward[b]) + (0.0 if data.terminated[b] else float(data.discount[b])) * z[j]
            place = min(max(bellman, -5.0), 5.0) + 5.0
            low = min(int(place), 9)
            goal[low] += p[j] * (low + 1 - place)
            goal[low + 1] += p[j] * (place - low)
        log_p = loss.model.outputs(data.obs[b : b + 1])[0, data.action[b]].log_softmax(0)
        entropy = -sum(goal[i] * log_p[i] for i in range(11))
        assert told[0][b].item() == pytest.approx(entropy.item(), rel=1e-4)
        expected = expected + data.weight[b] * entropy
    same_gradients(update.loss, expected / B, loss.model)


@pytest.mark.parametrize("bootstrap", ["greedy", "double", "munchausen"])
@pytest.mark.parametrize("kind", ["quantile", "implicit"])
def test_quantile_losses_are_those_of_a_loop(bootstrap: Any, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tau = torch.rand(B, 5) if kind == "implicit" else ((torch.arange(5) + 0.5) / 5).expand(B, 5)
    monkeypatch.setattr(distributional, "_fractions", lambda batch, count: tau)
    if kind == "quantile":
        loss = moved(QuantileRegression(model(returns=kind, atoms=5), bootstrap=bootstrap, munchausen=SOFT))
    else:
        options = {"fractions": 5, "goal_fractions": 5, "munchausen": SOFT}
        loss = moved(IQN(model(returns=kind, atoms=8), bootstrap=bootstrap, **options))
    data = batch()
    (update,) = loss.updates(data)
    expected = torch.zeros(())
    for b in range(B):
        fractions = tau[b : b + 1] if kind == "implicit" else None
        outputs = loss.target.module.outputs(data.next_obs[b : b + 1], fractions)[0].tolist()
        q = loss.target(data.next_obs[b : b + 1])[0].tolist()
        goals = bootstrapped(bootstrap, loss, data, b, outputs, q)
        quantiles = loss.model.outputs(data.obs[b : b + 1], fractions)[0, data.action[b]]
        for i in range(5):
            for goal in goals:
                u = goal - quantiles[i]
                huber = 0.5 * u**2 if abs(u) <= 1 else abs(u) - 0.5
                expected = expected + data.weight[b] * abs(float(tau[b, i]) - float(u < 0)) * huber / 5
    same_gradients(update.loss, expected / B, loss.model)


def same_gradients(mine: Tensor, theirs: Tensor, network: nn.Module) -> None:
    torch.testing.assert_close(mine, theirs)
    parameters = [p for p in network.parameters() if p.requires_grad]
    pairs = zip(torch.autograd.grad(mine, parameters), torch.autograd.grad(theirs, parameters), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_target_network_is_copied_every_so_many_updates() -> None:
    loss = DQN(model(), target_every=3)
    optimizer = torch.optim.SGD(loss.model.parameters(), lr=0.1)
    same = []
    for _ in range(7):
        for update in loss.updates(batch()):
            optimizer.zero_grad()
            update.loss.backward()
            optimizer.step()
        mine, theirs = loss.model.state_dict(), loss.target.module.state_dict()
        same.append(all(mine[name].equal(theirs[name]) for name in mine))
    assert same == [False, False, True, False, False, True, False]


def test_the_product_is_the_greedy_policy() -> None:
    loss = DQN(model())
    obs = batch().obs
    assert loss.product().values(obs.numpy()).argmax(1).tolist() == loss.model(obs).argmax(1).tolist()


@pytest.mark.parametrize(("loss", "kind"), [(C51, "categorical"), (QuantileRegression, "quantile"), (IQN, "implicit")])
def test_a_network_that_does_not_speak_of_returns_as_the_loss_needs_is_refused(loss: Any, kind: str) -> None:
    with pytest.raises(UserError, match=f"--model.returns {kind}"):
        loss(model())
    with pytest.raises(UserError, match=f"--model.returns {kind}"):
        loss(nn.Linear(4, 3))


def test_saved_state_does_not_hold_the_model_twice() -> None:
    state = IQN(model(returns="implicit")).state_dict()
    assert list(state) == ["target"]
