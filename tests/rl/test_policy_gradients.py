"""REINFORCE and A2C, against their definitions in loops; and whole episodes as batches."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_play.on_policy.actor_critic import ActorCritic
from dlplug_play.on_policy.ppo import Returns, Terms
from dlplug_play.on_policy.rollout import Rollout
from dlplug_rl.losses.a2c import A2C
from dlplug_rl.losses.reinforce import Reinforce
from dlplug_rl.networks.actor_critic import actor_critic
from dlplug_rl.players.on_policy import GymRollouts
from dlplug_rl.players.whole_episodes import RECENT, Episodes
from made import made

import dlplug
from dlplug import UserError
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.testing import check_data, check_loss

QUIET = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cpu", "threads": 1}
GAMMA = 0.9


def network(data: Any, **options: Any) -> ActorCritic:
    torch.manual_seed(0)
    return actor_critic(data.spec, hidden=8, depth=1, **options)


@pytest.fixture(scope="module")
def episodes() -> tuple[Episodes, ActorCritic, Rollout]:
    data = made(Episodes, environments=4)
    model = network(data)
    return data, model, next(iter(data.batches(model)))


def test_a_batch_is_one_episode_in_each_environment(episodes: tuple[Episodes, ActorCritic, Rollout]):
    data, _, batch = episodes
    lengths = batch.weight.sum(0).long().tolist()
    assert len(set(lengths)) > 1
    assert max(lengths) == len(batch.weight)
    for n, length in enumerate(lengths):
        assert batch.weight[:length, n].all()
        assert batch.reward[:, n].tolist() == [float(t < length) for t in range(len(batch.reward))]
        assert batch.ended[:length, n].tolist() == [float(t == length - 1) for t in range(length)]
    assert batch.first[0].all()
    assert data.count == data.steps == sum(lengths)
    assert sorted(data.recent) == sorted(lengths)


def test_every_batch_starts_otherwise_and_a_resumed_one_as_it_would_have(episodes: Any):
    _, model, batch = episodes
    again = made(Episodes, environments=4)
    one, two = itertools.islice(again.batches(model), 2)
    assert torch.equal(one.obs[0], batch.obs[0])
    assert not torch.equal(two.obs[0], batch.obs[0])
    torch.manual_seed(1)
    check_data(made(Episodes, environments=2), FixedActions(model), fresh=made(Episodes, environments=2))


class FixedActions(torch.nn.Module):
    """Acts without chance, so that batches after a restart can be compared."""

    def __init__(self, model: ActorCritic) -> None:
        super().__init__()
        self.inner = model

    def start(self, count: int) -> torch.Tensor:
        return self.inner.start(count)

    def act(self, obs: Any, state: Any, first: Any, *, greedy: bool) -> Any:
        return self.inner.act(obs, state, first, greedy=True)


def test_a_run_ends_when_the_last_hundred_episodes_are_good_enough():
    data = made(Episodes, environments=16, solved=12.0)
    batches = sum(1 for _ in itertools.islice(data.batches(network(data)), 50))
    assert RECENT / 16 <= batches < 50
    assert np.mean(data.recent) >= 12


def naive_returns(batch: Rollout, n: int) -> list[float]:
    rewards = batch.reward[: int(batch.weight[:, n].sum()), n].tolist()
    return [sum(GAMMA**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]


@pytest.mark.parametrize("baseline", ["none", "batch", "leave-one-out"])
def test_reinforce_is_log_pi_times_the_return_minus_its_baseline(baseline: Any, episodes: Any):
    _, model, batch = episodes
    returns = [naive_returns(batch, n) for n in range(4)]
    everything = [g for one in returns for g in one]
    with torch.no_grad():
        logp = model(batch.obs[:-1], batch.first[:-1], batch.state).policy.log_softmax(-1)
    total = 0.0
    for n, one in enumerate(returns):
        for t, g in enumerate(one):
            others = [other[t] if t < len(other) else 0.0 for m, other in enumerate(returns) if m != n]
            a = {
                "none": g,
                "batch": (g - np.mean(everything)) / np.std(everything),
                "leave-one-out": g - sum(others) / 3,
            }[baseline]
            total -= float(logp[t, n, batch.action[t, n]]) * a
    (update,) = Reinforce(model, gamma=GAMMA, baseline=baseline).updates(batch)
    assert update.loss.item() == pytest.approx(total / len(everything), rel=1e-4, abs=1e-5)


def test_reinforce_with_a_critic_fits_it_to_the_returns(episodes: Any):
    data, _, batch = episodes
    model = network(data)
    with torch.no_grad():
        value = model(batch.obs, batch.first, batch.state).value
    batch = batch._replace(value=value)
    loss = Reinforce(model, gamma=GAMMA, baseline="value", terms=Terms(value_weight=0.7))
    (update,) = loss.updates(batch)
    errors = [
        (g - float(value[t, n])) ** 2 for n in range(4) for t, g in enumerate(naive_returns(batch, n))
    ]  # fmt: skip
    assert float(update.values["value_loss"]) == pytest.approx(np.mean(errors), rel=1e-4)
    assert update.loss.item() == pytest.approx(
        float(update.values["policy_loss"] + 0.7 * update.values["value_loss"]), rel=1e-5
    )
    check_loss(Reinforce(network(data), baseline="value"), batch)
    check_loss(Reinforce(network(data), baseline="batch"), batch)  # its critic is frozen


def test_one_episode_cannot_be_left_out():
    data = made(Episodes, environments=1)
    model = network(data)
    batch = next(iter(data.batches(model)))
    with pytest.raises(UserError, match="needs two episodes or more in a batch"):
        list(Reinforce(model, baseline="leave-one-out").updates(batch))


@pytest.mark.parametrize("memory", [0, 4])
def test_a2c_is_log_pi_times_the_advantage(memory: int):
    data = made(GymRollouts, environments=3, rollout=20)
    model = network(data, memory=memory)
    batch = next(iter(data.batches(model)))
    loss = A2C(model, returns=Returns(GAMMA, 1.0), terms=Terms(value_weight=0.25, entropy=0.1))
    (update,) = check_loss(loss, batch)
    with torch.no_grad():
        judged = model(batch.obs, batch.first, batch.state)
        logp = judged.policy.log_softmax(-1)
    policy, value, entropy, count = 0.0, 0.0, 0.0, 0
    for t, n in torch.nonzero(batch.weight).tolist():
        goal, factor, at = 0.0, 1.0, t
        while True:
            goal, factor = goal + factor * float(batch.reward[at, n]), factor * GAMMA
            if batch.ended[at, n] or at + 1 == 20:
                goal += 0.0 if batch.terminated[at, n] else factor * float(judged.value[at + 1, n])
                break
            at += 1
        advantage = goal - float(judged.value[t, n])
        policy -= float(logp[t, n, batch.action[t, n]]) * advantage
        value += advantage**2
        entropy -= float((logp[t, n].exp() * logp[t, n]).sum())
        count += 1
    assert update.loss.item() == pytest.approx((policy + 0.25 * value - 0.1 * entropy) / count, rel=1e-3)


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_atari_s_settings_are_the_zoo_s_and_those_of_stable_baselines3_s_recipes():
    host = load_host()
    for name, length in (("ppo", 128), ("a2c", 5)):
        ours, theirs = (dict(resolve(host, recipe, [])) for recipe in (f"{name}-atari", f"sb3-{name}-atari"))
        same = {
            "frames": "frames", "data.game": "data.game", "data.protocol": "data.protocol",
            "data.environments": "data.environments", "data.rollout": "model.n_steps",
            "optimizer.learning_rate": "model.learning_rate", "optimizer.clip_norm": "model.max_grad_norm",
            "loss.gamma": "model.gamma", "loss.trace": "model.gae_lambda", "loss.entropy": "model.ent_coef",
            "loss.value_weight": "model.vf_coef",
        }  # fmt: skip
        if name == "ppo":
            same |= {"loss.epochs": "model.n_epochs", "loss.clip": "model.clip_range"}
            rollout = ours["data.rollout"] * ours["data.environments"]
            assert rollout / ours["loss.minibatches"] == theirs["model.batch_size"]
        assert {key: ours[key] for key in same} == {key: theirs[other] for key, other in same.items()}
        assert ours["data.rollout"] == length


def test_pendulum_s_settings_are_those_of_its_baseline():
    host = load_host()
    ours, theirs = (dict(resolve(host, name, [])) for name in ("ppo-pendulum", "sb3-ppo-pendulum"))
    same = {
        "data.id": "data.id", "data.environments": "data.environments", "data.rollout": "model.n_steps",
        "optimizer.learning_rate": "model.learning_rate", "optimizer.clip_norm": "model.max_grad_norm",
        "loss.gamma": "model.gamma", "loss.trace": "model.gae_lambda", "loss.entropy": "model.ent_coef",
        "loss.value_weight": "model.vf_coef", "loss.epochs": "model.n_epochs", "loss.clip": "model.clip_range",
        "metrics.episodes.count": "metrics.sb3-episodes.count", "frames": "steps",
    }  # fmt: skip
    assert {key: ours[key] for key in same} == {key: theirs[other] for key, other in same.items()}
    assert 4 * ours["data.rollout"] / ours["loss.minibatches"] == theirs["model.batch_size"]


@pytest.mark.parametrize("recipe", ["ppo-atari", "a2c-atari"])
def test_every_atari_recipe_starts(recipe: str, tmp_path: Path):
    options = {**QUIET, "data.game": "freeway", "data.environments": 2, "data.rollout": 8, "metrics": [], "steps": 2}
    run = dlplug.run(recipe, options, out=str(tmp_path / "run"))
    assert (run.result["status"], run.result["frames"]) == ("finished", 2 * 2 * 8 * 4)


LEARNERS: dict[str, dict[str, Any]] = {
    "reinforce-cartpole": {"optimizer.learning_rate": 0.01, "data.environments": 16, "frames": 20_000},
    "ppo-cartpole": {"optimizer.learning_rate": 3e-3, "loss.epochs": 4},
    "a2c": {"loss": "a2c", "loss.gamma": 0.9, "optimizer.learning_rate": 1e-2},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_every_method_learns_to_catch(name: str, small_catch: str, tmp_path: Path):
    options = {**QUIET, "data.id": small_catch, "data.hidden": (), "model.scaling": "standardise", "frames": 6_000}
    recipe = "ppo-cartpole" if name == "a2c" else name
    run = dlplug.run(recipe, {**options, **LEARNERS[name]}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] > 0.9


@pytest.mark.parametrize("memory", [0, 8])
def test_what_was_shown_once_is_recalled_by_memory_alone(memory: int, recall: str, tmp_path: Path):
    options = {"data.id": recall, "data.rollout": 20, "loss.epochs": 4, "loss.minibatches": 2, "frames": 8_000}
    options |= {"model.memory": memory, "model.hidden": 16, "model.shared": True, "optimizer.learning_rate": 1e-2}
    run = dlplug.run("ppo-cartpole", {**QUIET, **options}, out=str(tmp_path / "run"))
    found = run.result["metrics"]["eval/return"]
    assert found == 1 if memory else abs(found) < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["reinforce-cartpole", "ppo-cartpole", "ppo-cartpole-hidden"])
def test_the_pole_is_balanced(recipe: str, tmp_path: Path):
    run = dlplug.run(recipe, {**QUIET, "seed": 100}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["eval/return"] == 500
