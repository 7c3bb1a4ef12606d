"""Data for off-policy learning: plays with the model, stores the steps in a replay buffer, and yields batches of them.

A player sends actions, yields the batches that are due while the emulator steps in its own threads, and only then
receives observations: learning and emulation overlap without further threads.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from dlplug import Fraction, NonNegativeInt, PositiveInt, UserError
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.interface import Environments, TimeStep
from dlplug_rl.players.actor import Actor, Exploration, linear
from dlplug_rl.players.stages import STACK, AtariGame, Stage, atari_stage, gym_stage, own_seed
from dlplug_rl.replay.buffer import Replay, Transition, fits
from dlplug_rl.replay.prioritised import PrioritisedReplay

log = logging.getLogger("dlplug")

ReplayDevice = Literal["auto", "ram", "gpu"]


@dataclass(frozen=True)
class Pace:
    """The ratio of updates to steps.

    batch_size: transitions per batch
    learning_starts: steps before the first update
    train_every: steps per update
    """

    batch_size: PositiveInt = 32
    learning_starts: NonNegativeInt = 20_000
    train_every: PositiveInt = 4


@dataclass(frozen=True)
class Sampling:
    """How transitions are sampled from the replay buffer.

    n_step: n of n-step returns: rewards summed before the bootstrap
    gamma: discount γ per step
    priority: exponent α of prioritised replay; 0 samples uniformly
    importance: initial exponent β of prioritised replay's importance weights
    importance_steps: steps over which β rises linearly to 1
    """

    n_step: PositiveInt = 3
    gamma: Fraction = 0.99
    priority: Fraction = 0.0
    importance: Fraction = 0.4
    importance_steps: NonNegativeInt = 10_000_000

    def buffer(self, environments: Environments, capacity: int, stack: int, seed: int) -> Replay:
        channels, *size = environments.spec.input
        frame = (channels // stack, *size)
        dtype = torch.uint8 if environments.dtype == np.uint8 else torch.float32
        count, options = environments.count, {"stack": stack, "n_step": self.n_step, "gamma": self.gamma, "seed": seed}
        if self.priority:
            return PrioritisedReplay(capacity, count, frame, dtype=dtype, exponent=self.priority, **options)
        return Replay(capacity, count, frame, dtype, **options)


class Player(Actor):
    """Yields a batch of sampled transitions for every `train_every` steps.

    stack: frames that the replay buffer stacks to an observation; 1 where observations are stored whole.
    life_loss_terminates: whether the bootstrap stops at a lost life.
    """

    remembers = (*Actor.remembers, "owed")
    training_options = (
        "size", "environments", "threads", "replay", "replay_device", "batch_size", "learning_starts", "train_every",
        "n_step", "gamma", "priority", "importance", "importance_steps", "epsilon_start", "epsilon_end",
        "epsilon_steps", "clip_reward",
    )  # fmt: skip

    def __init__(
        self,
        environments: Environments,
        stage: Stage,
        pace: Pace,
        sampling: Sampling,
        exploration: Exploration,
        *,
        replay: int,
        replay_device: ReplayDevice = "auto",
        stack: int = 1,
        life_loss_terminates: bool = False,
        clip_reward: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(environments, stage, exploration, own_seed(seed))
        self.life_loss_terminates, self.clip_reward = life_loss_terminates, clip_reward
        self.pace, self.sampling, self.replay_device = pace, sampling, replay_device
        self.owed = 0  # batches that are due
        self.replay = sampling.buffer(environments, replay, stack, own_seed(seed))

    def batches(self, model: nn.Module) -> Iterator[Transition]:
        device = next(model.parameters()).device
        self.replay.place(self._home(device))
        timestep = self.environments.reset()
        self.replay.begin(self._newest(timestep))
        if self.steps < self.pace.learning_starts:
            log.info(self._start_message(self.pace.learning_starts - self.steps))
        while True:
            stop_if_asked()
            actions = self.act(model, timestep.obs, device)
            self.environments.send(actions)
            self.replay.importance = linear(self.sampling.importance, 1.0, self.sampling.importance_steps, self.steps)
            for batch in self.replay.draw(self.owed, self.pace.batch_size, device):
                self.owed -= 1
                yield batch
            if self.limit is not None and self.count >= self.limit:
                return  # every batch that was due has been yielded
            timestep = self.environments.receive()
            self.remember(timestep, actions)

    def remember(self, timestep: TimeStep, actions: np.ndarray) -> None:
        """Stores the steps in the replay buffer, and counts them."""
        terminal = timestep.terminated | timestep.life_lost if self.life_loss_terminates else timestep.terminated
        reward = np.sign(timestep.reward) if self.clip_reward else timestep.reward
        self.replay.add(self._newest(timestep), actions, reward, terminal, timestep.first)
        before, starts, every = self.steps, self.pace.learning_starts, self.pace.train_every
        self.note(timestep)
        if self.steps > starts:
            self.owed += self.steps // every - max(before, starts) // every

    def _start_message(self, wait: int) -> str:
        """The message about the steps before the first update, or about a length without any update."""
        if self.limit is not None:
            left = -(-(self.limit - self.count) // self.environments.frames_per_step)
            if left + self.environments.count - 1 <= wait:  # the last step is taken by all environments
                starts = f"the first update comes after {wait:,} steps (--data.learning-starts)"
                return f"nothing will be learnt within this length: it ends after {left:,} steps, and {starts}"
        return f"playing {wait:,} steps before the first update"

    def _newest(self, timestep: TimeStep) -> np.ndarray:
        return timestep.obs[:, -self.replay.frame[0] :]

    def _home(self, device: torch.device) -> torch.device:
        """The device of the replay buffer: the model's if it fits there."""
        choice = self.replay_device
        if device.type != "cuda":
            if choice == "gpu":
                raise UserError(f"--data.replay-device gpu: the model is on {device}; use ram or auto")
            return torch.device("cpu")
        if choice == "gpu" or (choice == "auto" and fits(self.replay.bytes, device)):
            return device
        return torch.device("cpu")


class Atari(Player):
    """Plays an Atari game.

    replay: size of the replay buffer in transitions; a frame is stored once, 7.1 GB for a million of 84x84
    replay_device: memory of the replay buffer: ram, gpu, or auto (the model's device if it fits there)
    clip_reward: clip rewards to their sign for learning; reported returns are raw
    """

    def __init__(
        self,
        *,
        game: AtariGame = AtariGame(),
        replay: PositiveInt = 1_000_000,
        replay_device: ReplayDevice = "auto",
        pace: Pace = Pace(),
        sampling: Sampling = Sampling(),
        exploration: Exploration = Exploration(),
        clip_reward: bool = True,
        seed: int = 0,
    ) -> None:
        environments, stage, rules = atari_stage(game, seed)
        super().__init__(
            environments,
            stage,
            pace,
            sampling,
            exploration,
            replay=replay,
            replay_device=replay_device,
            stack=STACK,
            life_loss_terminates=rules.life_loss_terminates,
            clip_reward=clip_reward,
            seed=seed,
        )


class Gym(Player):
    """Plays any Gymnasium environment with Box observations and discrete actions.

    id: Gymnasium's id; `module:id` first imports a module, from the current folder or installed
    environments: number of parallel environments
    replay: size of the replay buffer in transitions
    """

    def __init__(
        self,
        *,
        id: str = "CartPole-v1",
        environments: PositiveInt = 8,
        replay: PositiveInt = 50_000,
        pace: Pace = Pace(batch_size=64, learning_starts=1_000, train_every=2),
        sampling: Sampling = Sampling(n_step=1, importance_steps=50_000),
        exploration: Exploration = Exploration(epsilon_end=0.05, epsilon_steps=10_000),
        seed: int = 0,
    ) -> None:
        played, stage = gym_stage(id, environments, seed)
        super().__init__(played, stage, pace, sampling, exploration, replay=replay, seed=seed)
