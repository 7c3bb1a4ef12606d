"""Q-learning's arithmetic against loops over single transitions."""

from __future__ import annotations

import pytest
import torch
from dlplug_rl.dqn import DQN, chosen, double_value, greedy_value, td_target
from dlplug_rl.networks import mlp
from dlplug_rl.replay import Transition

from dlplug import Spec

B, A = 7, 3


def batch() -> Transition:
    generator = torch.Generator().manual_seed(0)
    return Transition(
        obs=torch.rand(B, 4, generator=generator),
        action=torch.randint(0, A, (B,), generator=generator),
        reward=torch.randn(B, generator=generator) * 3,
        terminated=torch.tensor([0.0, 1, 0, 0, 1, 0, 0]),
        next_obs=torch.rand(B, 4, generator=generator),
        discount=torch.tensor([0.9, 0.9, 0.81, 0.729, 0.9, 0.9, 0.729]),
    )


def model() -> torch.nn.Module:
    torch.manual_seed(1)
    return mlp(Spec(input=(4,), output=A), hidden=16)


def by_hand(
    online: torch.nn.Module, target: torch.nn.Module, data: Transition, double: bool, error: str
) -> torch.Tensor:
    """The loss, one transition at a time."""
    total = torch.zeros(())
    for b in range(B):
        q_next = target(data.next_obs[b : b + 1])[0].tolist()
        own = online(data.next_obs[b : b + 1])[0].tolist()
        best = max(range(A), key=lambda a: own[a] if double else q_next[a])
        goal = float(data.reward[b])
        if not data.terminated[b]:
            goal += float(data.discount[b]) * q_next[best]
        difference = online(data.obs[b : b + 1])[0, data.action[b]] - goal
        if error == "squared":
            total = total + difference**2
        elif abs(difference) < 1:
            total = total + 0.5 * difference**2
        else:
            total = total + abs(difference) - 0.5
    return total / B


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("error", ["huber", "squared"])
def test_the_loss_and_its_gradient_are_those_of_a_loop(double: bool, error: str) -> None:
    online = model()
    loss = DQN(online, double=double, error=error)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in online.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)  # away from the target network
    (update,) = loss.updates(batch())
    gradient = torch.autograd.grad(update.loss, list(online.parameters()))
    expected = by_hand(online, loss.target, batch(), double, error)
    torch.testing.assert_close(update.loss, expected)
    for mine, theirs in zip(gradient, torch.autograd.grad(expected, list(online.parameters())), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_values_of_actions() -> None:
    q, online = torch.tensor([[1.0, 5, 2], [7, 0, 3]]), torch.tensor([[0.0, 0, 9], [1, 8, 2]])
    assert chosen(q, torch.tensor([2, 0])).tolist() == [2, 7]
    assert greedy_value(q).tolist() == [5, 7]
    assert double_value(q, online).tolist() == [2, 0]


def test_the_bootstrap_stops_at_termination() -> None:
    goal = td_target(torch.tensor([1.0, 1]), torch.tensor([0.0, 1]), torch.tensor([0.5, 0.5]), torch.tensor([4.0, 4]))
    assert goal.tolist() == [3, 1]


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
    assert loss.product()(obs.numpy()).tolist() == loss.model(obs).argmax(1).tolist()
