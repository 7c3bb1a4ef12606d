"""Rollouts of a policy: what reaches the learner is what the environments showed, and what was done in them."""

from __future__ import annotations

import itertools
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
import torch
from dlplug_play.on_policy.actor_critic import ActorCritic
from dlplug_play.on_policy.ppo import PPO
from dlplug_play.on_policy.rollout import Rollout
from dlplug_play.specs import PlaySpec
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import TimeStep
from dlplug_rl.evaluation.canvas import ROW, TAKEN, TOP, VALUE
from dlplug_rl.evaluation.episodes import episodes
from dlplug_rl.evaluation.film import Game, drawn, film
from dlplug_rl.networks.actor_critic import actor_critic
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.players.on_policy import AtariRollouts, GymRollouts, Rollouts
from gymnasium import spaces
from made import made

from dlplug import Spec, UserError, acting
from dlplug.testing import check_data


def network(data: Rollouts, **options: Any) -> ActorCritic:
    torch.manual_seed(0)
    assert isinstance(data.spec, PlaySpec)
    if isinstance(data, AtariRollouts):
        return actor_critic(data.spec, torso="small", hidden=16, shared=True, **options)
    return actor_critic(data.spec, hidden=16, depth=1, **options)


class Echo(gymnasium.Env[np.ndarray, np.ndarray]):
    """The reward is the first number of the action as it arrives, of which none is beyond ±2."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Box(-2, 2, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(3, np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)
        return np.zeros(3, np.float32), float(action[0]), False, False, {}


@pytest.fixture
def echo():
    gymnasium.register("Echo-v0", cast(Any, Echo), max_episode_steps=4)
    yield "Echo-v0"
    del gymnasium.registry["Echo-v0"]


def witnessed(data: Rollouts) -> list[tuple[Any, TimeStep]]:
    """The actions that are sent, and the time step that follows each, beginning with the reset."""
    log: list[tuple[Any, TimeStep]] = []
    send, receive, reset = data.environments.send, data.environments.receive, data.environments.reset
    sent: list[Any] = [None]

    def noting_send(actions: np.ndarray) -> None:
        sent[0] = actions.copy()
        send(actions)

    def noted(seen: TimeStep) -> TimeStep:
        log.append((sent[0], TimeStep(*(np.array(column) for column in seen))))
        return seen

    data.environments.send = noting_send  # type: ignore[method-assign]
    data.environments.receive = lambda: noted(receive())  # type: ignore[method-assign]
    data.environments.reset = lambda: noted(reset())  # type: ignore[method-assign]
    return log


def check_rollouts(given: list[Rollout], log: list[tuple[Any, TimeStep]], data: Rollouts) -> None:
    for number, rollout in enumerate(given):
        for t, n in itertools.product(range(data.rollout), range(data.environments.count)):
            at = number * data.rollout + t
            (_, before), (action, after) = log[at], log[at + 1]
            assert torch.equal(rollout.obs[t, n], torch.from_numpy(before.obs[n]))
            assert bool(rollout.first[t, n]) == before.first[n]
            assert torch.equal(rollout.action[t, n], torch.as_tensor(action[n]))
            assert rollout.weight[t, n] == (0 if after.first[n] else 1)
            reward = np.sign(after.reward[n]) if data.clip_reward else after.reward[n]
            assert rollout.reward[t, n] == reward
            terminated = after.terminated[n] or (data.life_loss_terminates and after.life_lost[n])
            assert rollout.terminated[t, n] == terminated
            assert rollout.ended[t, n] == (terminated or after.truncated[n])
        assert torch.equal(rollout.obs[-1], torch.from_numpy(log[(number + 1) * data.rollout][1].obs))


def test_rollouts_hold_what_the_environments_showed_and_go_on():
    data = made(GymRollouts, environments=3, rollout=16)
    log, model = witnessed(data), network(data)
    given = list(itertools.islice(data.batches(model), 4))
    check_rollouts(given, log, data)
    assert sum(rollout.terminated.sum() for rollout in given) > 3
    assert data.steps == data.count == sum(rollout.weight.sum() for rollout in given) < 4 * 16 * 3
    first = given[0]
    judged = model(first.obs, first.first, first.state)
    torch.testing.assert_close(judged.value, first.value)
    logp = model.actions(judged.policy[:-1]).log_probability(first.action)
    torch.testing.assert_close(logp, first.log_probability)


def test_a_truncated_episode_bootstraps_from_its_final_observation(echo: str):
    """The time limit after four steps is no end by the rules."""
    data = made(GymRollouts, id=echo, environments=2, rollout=11)
    rollout = next(iter(data.batches(network(data))))
    assert rollout.ended[:, 0].tolist() == [t in (3, 8) for t in range(11)]
    assert rollout.terminated.sum() == 0
    assert rollout.weight[:, 0].tolist() == [t not in (4, 9) for t in range(11)]
    assert rollout.first[:, 0].tolist() == [t in (0, 5, 10) for t in range(12)]


def test_memory_goes_on_with_the_next_rollout():
    data = made(GymRollouts, environments=3, rollout=8)
    model = network(data, memory=4)
    one, two = itertools.islice(data.batches(model), 2)
    after = model(one.obs[:-1], one.first[:-1], one.state).state
    assert one.state.abs().sum() == 0
    torch.testing.assert_close(two.state, after)


def test_atari_rollouts_stop_at_a_lost_life_and_clip_rewards():
    data = made(AtariRollouts, game="breakout", size=42, environments=2, rollout=48)
    log, model = witnessed(data), network(data)
    given = list(itertools.islice(data.batches(model), 2))
    check_rollouts(given, log, data)
    assert given[0].obs.dtype == torch.uint8
    assert sum(seen.life_lost.sum() for _, seen in log) > 0
    assert data.count == 4 * data.steps
    (*_, update) = PPO(model, epochs=1).updates(given[0])
    assert update.loss.isfinite()
    data.close()


@pytest.mark.parametrize("options", [{}, {"memory": 4}])
def test_the_data_keep_the_contract(options: dict[str, Any]):
    data = made(GymRollouts, environments=2, rollout=4)
    check_data(data, network(data, **options), fresh=made(GymRollouts, environments=2, rollout=4))


def test_hidden_numbers_are_left_out():
    data, whole = (made(GymRollouts, environments=2, hidden=hidden) for hidden in ((1, 3), ()))
    assert data.spec.input == (2,)
    np.testing.assert_array_equal(data.environments.reset().obs, whole.environments.reset().obs[:, [0, 2]])
    for hidden in ((4,), (0, 1, 2, 3)):
        with pytest.raises(UserError, match=r"CartPole-v1 has observations of the shape \(4,\), in which .* be hidden"):
            made(GymRollouts, hidden=hidden)


# --- continuous actions -----------------------------------------------------------------------------------------------


def test_continuous_actions_are_clipped_by_the_environment_alone(echo: str):
    data = made(GymRollouts, id=echo, environments=4, rollout=6)
    model, held_out = network(data), cast(Any, data.split("eval"))
    assert (model.continuous, data.spec.output) == (True, 2)
    assert model.log_deviation is not None
    torch.nn.init.constant_(model.log_deviation, 1.0)
    rollout = next(iter(data.batches(model)))
    assert rollout.action.shape == (6, 4, 2)
    assert rollout.action.abs().max() > 2
    played = rollout.weight > 0
    torch.testing.assert_close(rollout.reward[played], rollout.action[..., 0].clamp(-2, 2)[played])
    with acting(model):
        results = episodes(model, held_out, count=3, epsilon=0.0)
        sampled, again = (episodes(model, held_out, count=3, epsilon=0.0, sampled=True) for _ in range(2))
    assert results["protocol"] == "Echo-v0; 3 episodes of the greedy policy"
    assert abs(results["return"]) < 0.5
    assert sampled["protocol"] == "Echo-v0; 3 episodes of sampled actions"
    assert sampled["return"] == again["return"] != results["return"]
    with pytest.raises(UserError, match=r"ε 0.01 needs discrete actions"):
        episodes(model, held_out, count=3)


def test_a_continuous_action_space_is_refused_by_a_discrete_method(echo: str):
    with pytest.raises(UserError, match=r"Echo-v0 has the action space Box.*; a Discrete space is needed"):
        GymEnvironments(echo, count=1)


def test_a_model_that_does_not_act_is_refused():
    data = made(GymRollouts, environments=2)
    with pytest.raises(UserError, match="need a model that acts, got a QNetwork: --model actor-critic"):
        next(iter(data.batches(q_network(Spec(input=(4,), output=2), torso="mlp", hidden=4))))


def test_continuous_actions_are_filmed_without_a_choice():
    game = Game(np.array([[0.5], [-1.0]]), np.array([[0.6], [-2.0]]), np.ones(2))
    screens = [np.zeros((40, 60, 3), np.uint8)] * 3
    frames = list(drawn(screens, game, ("torque",), "Echo", 1))
    assert len(frames) == 3
    row = slice(TOP + 2, TOP + ROW - 6)
    assert not any((frame[row] == TAKEN).all(-1).any() for frame in frames)
    assert [(frame[row] == VALUE).all(-1).any() for frame in frames] == [True, True, False]


def test_a_policy_is_filmed():
    data = made(GymRollouts, id="dlplug_envs:dlplug/Catch-v0", environments=1)
    model = network(data)
    with acting(model):
        result = film(model, cast(Any, data.split("test")), epsilon=0.0, sampled=True)
    assert result["film"].caption.startswith("Catch-v0: a score of")
    assert len(list(result["film"].frames)) == 10
