"""The auxiliary tasks against loops over cells and transitions."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from dlplug_rl.losses.dqn import DQN
from dlplug_rl.losses.unreal import GAMMA, Unreal, balanced, pixel_change, reward_classes
from dlplug_rl.networks.q_network import GRID, q_network
from dlplug_rl.replay.buffer import Transition

from dlplug import Spec, UserError

B = 4
SPEC = Spec(input=(2, 42, 42), output=3, mean=10.0, deviation=5.0)


def batch() -> Transition:
    torch.manual_seed(0)
    obs = torch.randint(0, 256, (2, B, 2, 42, 42), dtype=torch.uint8)
    numbers = torch.tensor([[1.0, 0, 0, -2], [0, 1, 0, 0], [0.9, 0.9, 0.9, 0.9], [1, 0.5, 1, 1]])
    reward, terminated, discount, weight = numbers
    action = torch.tensor([0, 2, 1, 1])
    return Transition(obs[0], action, reward, terminated, obs[1], discount, weight, lambda td_error: None)


def network(**options: Any) -> Any:
    torch.manual_seed(1)
    return q_network(SPEC, torso="small", hidden=16, auxiliary=True, **options)


def test_the_change_of_pixels_is_a_mean_over_each_cell() -> None:
    data = batch()
    change = pixel_change(data.obs, data.next_obs, 14, torch.tensor(5.0))
    for b, i, j in ((0, 0, 0), (1, 3, 7), (3, 13, 13)):
        total = 0.0
        for y in range(3 * i, 3 * i + 3):
            for x in range(3 * j, 3 * j + 3):
                total += abs(int(data.next_obs[b, -1, y, x]) - int(data.obs[b, -1, y, x])) / 5.0
        assert change[b, i, j].item() == pytest.approx(total / 9, rel=1e-5)


def test_rewards_are_rare_and_weigh_as_much_as_their_absence() -> None:
    classes = reward_classes(torch.tensor([0.0, 0, 0, -0.3, 0, 2, 0, 0]))
    assert classes.tolist() == [1, 1, 1, 0, 1, 2, 1, 1]
    weights = balanced(classes)
    assert weights.sum().item() == pytest.approx(8)
    assert weights[[3, 5]].sum().item() == pytest.approx(4)
    assert balanced(torch.ones(5, dtype=torch.int64)).tolist() == [1.0] * 5


def test_the_loss_is_dqn_s_and_the_tasks_by_loops() -> None:
    model, data = network(), batch()
    loss = Unreal(model, pixel_control=0.3, reward_prediction=0.7)
    plain = DQN(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    (update,) = loss.updates(data)
    plain.target.load_state_dict(loss.target.state_dict())
    with torch.no_grad():
        expected = plain.compare(data, plain.goal(data)).error
        change = pixel_change(data.obs, data.next_obs, GRID, torch.tensor(5.0))
        later = loss.target.module.auxiliary.control(loss.target.module.features(data.next_obs))  # type: ignore
        control = model.auxiliary.control(model.features(data.obs))
        logits = model.auxiliary.foresee(model.features(data.obs))
        pixels, rewards = [], []
        for b in range(B):
            squares = []
            for i in range(GRID):
                for j in range(GRID):
                    best = max(float(later[b, a, i, j]) for a in range(3))
                    goal = float(change[b, i, j]) + (0.0 if data.terminated[b] else GAMMA * best)
                    squares.append((float(control[b, data.action[b], i, j]) - goal) ** 2)
            kind = [2, 1, 1, 0][b]
            foreseen = -math.log(float(logits[b].softmax(0)[kind]))  # two with, two without: all weigh 1
            pixels.append(sum(squares) / len(squares))
            rewards.append(foreseen)
            expected[b] += 0.3 * pixels[b] + 0.7 * rewards[b]
    torch.testing.assert_close(update.loss, (data.weight * expected).mean())
    assert float(update.values["pixel_control"]) == pytest.approx(sum(pixels) / B, rel=1e-4)
    assert float(update.values["reward_prediction"]) == pytest.approx(sum(rewards) / B, rel=1e-4)
    update.loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_tasks_can_be_learnt() -> None:
    """One batch, over and over: the torso sees the reward and the change."""
    model, data = network(), batch()
    loss = Unreal(model, pixel_control=1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    errors = []
    for _ in range(60):
        pixels, reward = loss.tasks(data, model.features(data.obs))
        optimizer.zero_grad()
        (pixels.mean() + reward.mean()).backward()
        optimizer.step()
        errors.append((pixels.mean().item(), reward.mean().item()))
    assert errors[-1][0] < 0.3 * errors[0][0]
    assert errors[-1][1] < 0.1 * errors[0][1]


def test_a_network_without_the_heads_is_refused() -> None:
    with pytest.raises(UserError, match=r"--model\.auxiliary"):
        Unreal(q_network(SPEC, torso="small"))
