"""Players in the real emulator and in Gymnasium: what reaches the learner is what the environments showed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_rl.environments.interface import TimeStep
from dlplug_rl.evaluation.episodes import episodes
from dlplug_rl.networks.q_network import q_network
from dlplug_rl.players.replaying import Atari, Gym, Player
from dlplug_rl.policy import Greedy
from dlplug_rl.replay import buffer as replay_module
from made import made

import dlplug
from dlplug import UserError

QUIET = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cpu", "threads": 1}
QUICK: dict[str, Any] = {"size": 42, "environments": 2, "replay": 6000, "learning_starts": 60}


class Witness:
    """Stands before environments and writes down what they were sent and what they showed."""

    def __init__(self, environments: Any) -> None:
        self._environments, self.log = environments, list[Any]()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environments, name)

    def reset(self) -> TimeStep:
        return self._note(self._environments.reset(), None)

    def send(self, actions: np.ndarray) -> None:
        self.calls.append("send")
        self.sent = actions.copy()
        self._environments.send(actions)

    def receive(self) -> TimeStep:
        self.calls.append("receive")
        return self._note(self._environments.receive(), self.sent)

    def _note(self, seen: TimeStep, sent: Any) -> TimeStep:
        self.log.append((TimeStep(*(np.array(value) for value in seen)), sent))
        return seen

    def transitions(self, player: Player, gamma: float, n_step: int) -> dict[bytes, list[tuple]]:
        """Every transition shown so far, by the bytes of its observation: the naive way, one row at a time."""
        found: dict[bytes, list[tuple]] = {}
        for row in range(self._environments.count):
            for t in range(len(self.log) - 1):
                total, discount, at, terminal = 0.0, 1.0, t, False
                while at < min(t + n_step, len(self.log) - 1) and not terminal and not self.log[at + 1][0].first[row]:
                    seen = self.log[at + 1][0]
                    reward = float(seen.reward[row])
                    total += discount * (np.sign(reward) if player.clip_reward else reward)
                    lost = player.life_loss_terminates and bool(seen.life_lost[row])
                    terminal = bool(seen.terminated[row]) or lost
                    discount, at = discount * gamma, at + 1
                if at > t:
                    action = int(self.log[t + 1][1][row])
                    value = (action, total, terminal, discount, self.log[at][0].obs[row].tobytes())
                    found.setdefault(self.log[t][0].obs[row].tobytes(), []).append(value)
        return found


def witnessed(player: Player) -> tuple[Player, Witness]:
    witness = Witness(player.environments)
    player.environments = witness
    return player, witness


def network(player: Player) -> torch.nn.Module:
    torch.manual_seed(0)
    return q_network(player.spec, torso="small" if len(player.spec.input) == 3 else "mlp", hidden=16)


@pytest.mark.parametrize(
    ("protocol", "lives_count"), [("classic", True), ("machado", False)], ids=["classic", "machado"]
)
def test_batches_hold_what_the_emulator_showed_and_nothing_else(protocol: Any, lives_count: bool) -> None:
    """Breakout at random: a game lasts some 200 steps and five lives."""
    player, witness = witnessed(
        made(
            Atari,
            game="breakout",
            protocol=protocol,
            epsilon_steps=0,
            epsilon_end=1.0,
            train_every=4,
            gamma=0.9,
            **QUICK,
        )
    )
    assert player.life_loss_terminates == lives_count
    batches = list(itertools.islice(player.batches(network(player)), 500))
    truth = witness.transitions(player, 0.9, 3)
    ended = stopped = 0
    for batch in batches[-60:]:
        for row in range(32):
            options = truth[batch.obs[row].numpy().tobytes()]
            numbers = [float(batch.reward[row]), float(batch.discount[row])]
            next_obs = batch.next_obs[row].numpy().tobytes()
            assert any(
                (int(batch.action[row]), bool(batch.terminated[row]), next_obs) == (action, terminal, shown)
                and numbers == pytest.approx([total, discount])
                for action, total, terminal, discount, shown in options
            )
            stopped += int(batch.terminated[row])
            ended += int(batch.discount[row] > 0.9**3 + 1e-6)
    lost = sum(int(seen.life_lost.sum()) for seen, _ in witness.log)
    over = sum(int(seen.terminated.sum()) for seen, _ in witness.log)
    assert lost > over > 3
    assert stopped > 0
    assert ended >= stopped / 2
    assert batches[-1].obs.dtype == torch.uint8
    player.close()


def test_due_batches_are_given_while_the_emulator_steps() -> None:
    player, witness = witnessed(made(Atari, train_every=2, **QUICK))
    for given, _ in enumerate(itertools.islice(player.batches(network(player)), 30)):
        witness.calls.append("batch")
        assert given * 2 < player.steps - player.pace.learning_starts < (given + 3) * 2
    calls = "".join(call[0] for call in witness.calls)
    assert "sbr" in calls or "sbbr" in calls
    assert "rb" not in calls
    player.close()


def test_steps_and_frames_are_counted_without_the_rows_that_begin_episodes() -> None:
    player, witness = witnessed(made(Atari, game="breakout", **QUICK))
    next(itertools.islice(player.batches(network(player)), 300, None))
    played = sum(int((~seen.first).sum()) for seen, _ in witness.log)
    begun = sum(int(seen.first.sum()) for seen, _ in witness.log[1:])
    assert begun > 0
    assert player.steps == played
    assert player.count == 4 * played
    player.close()


def test_returns_are_raw_sums_of_whole_episodes() -> None:
    player, witness = witnessed(made(Gym, environments=4, learning_starts=50))
    player.clip_reward = True  # the learner's business alone
    stream = player.batches(network(player))
    next(itertools.islice(stream, 300, None))
    returns, lengths = [], []
    for row in range(4):
        total = length = 0
        for seen, _ in witness.log[1:]:
            total, length = (0, 0) if seen.first[row] else (total + seen.reward[row], length + 1)
            if seen.terminated[row] or seen.truncated[row]:
                returns.append(total)
                lengths.append(length)
    values = player.values()
    assert values["return"] == pytest.approx(np.mean(returns))
    assert values["episode_length"] == pytest.approx(np.mean(lengths))
    assert values["epsilon"] == pytest.approx(1 - 0.95 * player.steps / 10_000)
    assert player.values().keys() == {"epsilon"}


def test_exploration_falls_linearly_and_stays() -> None:
    player = made(Gym, epsilon_start=0.8, epsilon_end=0.2, epsilon_steps=100)
    seen = []
    for player.steps in (0, 50, 100, 5000):
        seen.append(player.epsilon)
    assert seen == pytest.approx([0.8, 0.5, 0.2, 0.2])


def test_actions_are_random_as_often_as_epsilon_says_and_else_greedy() -> None:
    player = made(Gym, epsilon_steps=0, epsilon_end=0.3, environments=500)
    model = network(player)
    obs = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    best = Greedy(model).values(obs).argmax(1).numpy()
    agreed = np.mean([player.act(model, obs, torch.device("cpu")) == best for _ in range(40)])
    assert agreed == pytest.approx(1 - 0.3 / 2, abs=0.01)  # a random action is the best one half the time


def test_a_restored_player_goes_on_with_its_replay_counters_and_random_numbers() -> None:
    options: dict[str, Any] = {"environments": 3, "learning_starts": 40, "replay": 300}
    one = made(Gym, **options, seed=1)
    next(itertools.islice(one.batches(network(one)), 200, None))
    saved = one.state_dict()
    two = made(Gym, **options, seed=2)
    two.load_state_dict(saved)
    stream = two.batches(network(two))
    batch = next(stream)
    assert len(one.replay) == 300
    assert (two.steps, two.count) >= (one.steps, one.count)
    shown = {row.numpy().tobytes() for row in saved["replay"]["frames"]}
    assert sum(row.numpy().tobytes() in shown for row in batch.obs) >= 60  # of 64: few are new
    three = made(Gym, **options, seed=3)
    three.load_state_dict(saved)
    assert three.random.integers(2**60) == one.random.integers(2**60)


@pytest.mark.parametrize("priority", [0.0, 0.5])
def test_a_run_stopped_in_the_middle_of_a_draw_resumes_with_the_batches_still_due(priority: float) -> None:
    options: dict[str, Any] = {"environments": 4, "learning_starts": 40, "train_every": 1, "priority": priority}
    one, states, shown = made(Gym, **options), [], []
    for given, batch in enumerate(itertools.islice(one.batches(network(one)), 9), 1):
        assert given + one.owed == one.steps - 40  # none is lost, none is given twice
        batch.update_priorities(torch.rand(64))
        states.append(one.state_dict())
        shown.append(batch.obs)
    assert [state["owed"] for state in states[:4]] == [3, 2, 1, 0]
    for state in states[:4]:
        two, witness = witnessed(made(Gym, **options))
        two.load_state_dict(state)
        for given, batch in enumerate(itertools.islice(two.batches(network(two)), 7), 1):
            witness.calls.append("batch")
            assert given + two.owed == state["owed"] + two.steps - state["steps"]
            assert not any(batch.obs.equal(obs) for obs in shown)
        assert witness.calls[: state["owed"] + 2] == ["send", *["batch"] * state["owed"], "receive"]


def test_the_stage_gives_fresh_environments_to_measure_in() -> None:
    player = made(Gym, environments=2)
    results = episodes(Greedy(network(player)), player.split("eval"), count=5, video=False)
    assert 5 < results["return"] <= 500
    atari = made(Atari, game="Space Invaders", protocol="machado", **QUICK)
    stage = atari.split("eval")
    assert (stage.game, stage.protocol.split(":")[0]) == ("space_invaders", "machado")
    assert atari.split("test").under("classic").starts == atari.split("test").starts != stage.starts
    environments = stage.make(2, 0)
    assert environments.reset().obs.shape == (2, 4, 42, 42)
    environments.close()
    atari.close()


def test_frames_are_standardised_by_the_game_s_own() -> None:
    pong, breakout = made(Atari, game="pong", **QUICK), made(Atari, game="breakout", **QUICK)
    means = [torch.as_tensor(player.spec.mean).mean().item() for player in (pong, breakout)]
    assert 70 < means[0] < 120
    assert means[0] > 2 * means[1]
    pong.close()
    breakout.close()


def test_what_a_user_can_get_wrong() -> None:
    with pytest.raises(UserError, match=r"no Atari game is called 'pongg'.*pong"):
        made(Atari, game="pongg")
    player = made(Gym)
    player.replay_device = "gpu"
    with pytest.raises(UserError, match="replay-device gpu"):
        next(player.batches(network(player)))


def test_a_replay_larger_than_memory_is_refused_before_it_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_module, "available", lambda device: 5_000_000)
    player = made(Atari, **QUICK)
    with pytest.raises(UserError, match=r"buffer of 6,000 needs 0\.01 GB of RAM, and there is 0\.00 GB: 2,5\d\d"):
        next(player.batches(network(player)))
    player.close()


def test_a_length_that_ends_before_learning_starts_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", "dlplug")
    run = dlplug.run("dqn-catch", {**QUIET, "frames": 100, "data.learning_starts": 5_000, "metrics": []})
    assert 100 <= run.result["frames"] < 100 + 8  # environments
    assert run.result["steps"] == 0
    said = [record.getMessage() for record in caplog.records]
    assert not [line for line in said if line.startswith("playing")]
    assert [line for line in said if line.startswith("nothing will be learnt within this length: it ends after 100 ")]


def test_a_length_that_ends_before_enough_is_remembered_is_kept() -> None:
    player = made(Gym, environments=2, learning_starts=0, n_step=40, train_every=1)
    player.limit = 60
    assert list(player.batches(network(player))) == []
    assert player.count in (60, 61)
