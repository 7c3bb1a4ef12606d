"""Actors with a critic: their memory is that of the episode, and PPO's updates are what the paper says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dlplug_play.on_policy.actor_critic import ActorCritic, Branch, spans
from dlplug_play.on_policy.ppo import PPO, Returns, Terms
from dlplug_play.on_policy.rollout import Rollout
from dlplug_play.on_policy.standardise import Running, Standardise
from dlplug_play.specs import PlaySpec
from torch import nn

from dlplug import UserError, acting
from dlplug.testing import check_loss


def model(memory: int = 0, *, branches: int = 2, continuous: bool = False, running: bool = False) -> ActorCritic:
    torch.manual_seed(0)
    spec = PlaySpec(input=(3,), output=2, continuous=continuous)
    torsos = [Branch(nn.Sequential(nn.Linear(3, 8), nn.Tanh()), 8, memory) for _ in range(branches)]
    made = ActorCritic(spec, torsos, Running((3,)) if running else Standardise())
    with torch.no_grad():
        made.actor.weight.mul_(100)  # beyond the near uniform policy of the start
    return made


def played(policy: ActorCritic, length: int = 12, count: int = 4) -> Rollout:
    """Random observations, acted upon one step at a time; episodes begin at random."""
    rng = np.random.default_rng(1)
    obs = rng.normal(size=(length + 1, count, 3)).astype(np.float32)
    first = rng.random((length + 1, count)) < 0.25
    first[0] = [True, False, True, False]
    state = policy.start(count)
    if state.shape[1]:
        state = torch.randn(state.shape, generator=torch.Generator().manual_seed(2))
    begun, actions, logps, values = state, [], [], []
    with acting(policy):
        for t in range(length + 1):
            action, state, extras = policy.act(obs[t], state, first[t], greedy=False)
            actions.append(torch.from_numpy(action))
            logps.append(extras["log_probability"])
            values.append(extras["value"])
    ended = torch.from_numpy(first[1:]).float()
    weight = torch.from_numpy(~first[1:]).float()
    reward = torch.from_numpy(rng.normal(size=(length, count)).astype(np.float32))
    return Rollout(
        torch.from_numpy(obs), torch.from_numpy(first), torch.stack(actions[:-1]), torch.stack(logps[:-1]),
        torch.stack(values), reward, ended, ended, weight, begun,
    )  # fmt: skip


KINDS = [{}, {"branches": 1}, {"memory": 5}, {"memory": 5, "branches": 1}, {"continuous": True}]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_rollout_read_again_gives_the_same_log_probabilities_values_and_state(kind):
    """States are recomputed from the rollout's first: in one pass over T steps as one step at a time."""
    policy = model(**kind)
    rollout = played(policy)
    judged = policy(rollout.obs, rollout.first, rollout.state)
    logp = policy.actions(judged.policy[:-1]).log_probability(rollout.action)
    torch.testing.assert_close(logp, rollout.log_probability, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(judged.value, rollout.value, rtol=1e-4, atol=1e-5)


def test_memory_ends_before_the_first_step_of_an_episode():
    """What came before an episode changes nothing in it, and what came before within it does."""
    policy = model(memory=5)
    rollout = played(policy)
    obs, first = rollout.obs, rollout.first
    t, n = next((t, n) for t, n in torch.nonzero(first).tolist() if t >= 4 and not first[t + 1 : t + 2, n].any())
    changed = obs.clone()
    changed[t - 1, n] += 5  # the step before
    before, after = policy(obs, first, rollout.state), policy(changed, first, rollout.state)
    assert not torch.equal(before.value[t - 1, n], after.value[t - 1, n])
    assert torch.equal(before.value[t:, n], after.value[t:, n])
    changed = obs.clone()
    changed[t, n] += 5  # the first step
    after = policy(changed, first, rollout.state)
    assert not torch.allclose(before.value[t + 1, n], after.value[t + 1, n], atol=1e-6)
    # an environment that begins at the first row ignores the state; one that goes on reads it
    other = policy(obs, first, rollout.state + 1)
    assert torch.equal(other.value[0, [0, 2]], before.value[0, [0, 2]])
    assert not torch.isclose(other.value[0, [1, 3]], before.value[0, [1, 3]]).any()


def test_spans_begin_where_any_episode_does():
    first = torch.zeros(6, 2, dtype=torch.bool)
    first[2, 1] = first[5, 0] = first[5, 1] = True
    assert spans(first) == [(0, 2), (2, 5), (5, 6)]
    assert spans(first[:1]) == [(0, 1)]


def test_acting_greedily_takes_the_mode():
    policy, obs, first = model(), np.ones((50, 3), np.float32), np.ones(50, bool)
    with acting(policy):
        greedy, _, extras = policy.act(obs, policy.start(50), first, greedy=True)
        sampled, _, _ = policy.act(obs, policy.start(50), first, greedy=False)
    assert set(greedy) == {int(extras["values"][0].argmax())}
    assert set(sampled) == {0, 1}
    assert extras["values"].sum(1).tolist() == pytest.approx([1.0] * 50)


def naive_ppo(policy: ActorCritic, rollout: Rollout, advantage: torch.Tensor, clip: float) -> float:
    """-E[min(r A, clip(r) A)] + ½ E[(V - G)²] - 0.1 E[H], one step at a time."""
    rows = torch.nonzero(rollout.weight).tolist()
    each = [float(advantage[t, n]) for t, n in rows]
    mean, deviation = np.mean(each), np.std(each)
    total = 0.0
    with torch.no_grad():
        judged = policy(rollout.obs, rollout.first, rollout.state)
    for t, n in rows:
        p = judged.policy[t, n].softmax(0)
        ratio = float(p[rollout.action[t, n]]) / float(rollout.log_probability[t, n].exp())
        a = (float(advantage[t, n]) - mean) / (deviation + 1e-8)
        gain = min(ratio * a, min(max(ratio, 1 - clip), 1 + clip) * a)
        goal = float(advantage[t, n] + rollout.value[t, n])
        entropy = -sum(float(q) * float(q.log()) for q in p)
        total += -gain + 0.5 * (float(judged.value[t, n]) - goal) ** 2 - 0.1 * entropy
    return float(total / len(rows))


@pytest.mark.parametrize("memory", [0, 5])
def test_a_whole_rollout_s_update_is_the_paper_s(memory):
    policy = model(memory)
    rollout = played(policy)
    with torch.no_grad():  # the policy has moved since
        policy.actor.weight.add_(0.3 * torch.randn_like(policy.actor.weight))
    loss = PPO(policy, returns=Returns(0.9, 0.0), terms=Terms(entropy=0.1), epochs=1, minibatches=1)
    (update,) = loss.updates(rollout)
    advantage = rollout.reward + 0.9 * (1 - rollout.terminated) * rollout.value[1:] - rollout.value[:-1]
    assert update.loss.item() == pytest.approx(naive_ppo(policy, rollout, advantage, 0.2), rel=1e-4)
    assert 0 < float(update.values["clipped"]) < 1
    assert float(update.values["kl"]) > 0


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_first_update_has_ratio_1_and_all_weights_learn(kind):
    policy = model(**kind)
    updates = check_loss(PPO(policy, epochs=2, minibatches=2), played(policy))
    assert len(updates) == 4
    for update in updates[:2]:
        assert float(update.values["kl"]) == pytest.approx(0, abs=1e-6)
        assert float(update.values["clipped"]) == 0


def test_clip_and_entropy_fall_with_the_progress():
    policy = model()
    rollout = played(policy)
    with torch.no_grad():
        policy.actor.bias.add_(torch.tensor([0.2, -0.2]))
    terms = Terms(entropy=0.5, entropy_course="linear", value_weight=0.0)
    loss = PPO(policy, terms=terms, epochs=1, minibatches=1, clip_course="linear")
    clipped, rewards = [], []
    for fraction in (0.0, 0.5, 0.999):
        loss.progress.set(fraction)
        (update,) = loss.updates(rollout)
        clipped.append(float(update.values["clipped"]))
        rewards.append(float(update.values["policy_loss"] - update.loss.detach()) / float(update.values["entropy"]))
    assert clipped == sorted(clipped)
    assert clipped[0] < clipped[1] <= clipped[2] == 1
    assert rewards == pytest.approx([0.5, 0.25, 0.0005], abs=1e-5)


def test_observations_are_counted_after_the_epochs():
    policy = model(running=True)
    rollout = played(policy)
    for update in PPO(policy, epochs=2, minibatches=2).updates(rollout):
        assert update.loss.isfinite()
        assert isinstance(policy.standardise, Running)
        assert policy.standardise.count == 0
    assert policy.standardise.count == rollout.weight.sum()


def test_a_model_that_does_not_act_is_refused():
    with pytest.raises(UserError, match="needs an actor with a critic, got a Linear: --model actor-critic"):
        PPO(nn.Linear(2, 2))
