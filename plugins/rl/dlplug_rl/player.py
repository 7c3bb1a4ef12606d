"""Data that acts: plays with the model, remembers what it saw in a replay, and gives batches of it.

Actions are sent, the batches that are due are given while the emulator steps in its own threads, and only then is its
answer received: learning and emulation overlap without a thread of ours.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from dlplug import Data, UserError
from dlplug_rl.atari import PROTOCOLS, AtariEnvironments, frame_statistics
from dlplug_rl.environments import Environments, GymEnvironments, Seen
from dlplug_rl.replay import Replay, Transition, fits

log = logging.getLogger("dlplug")

ReplayDevice = Literal["auto", "ram", "gpu"]
STACK = 4  # frames in an observation, as in Mnih et al. 2015


class Stage(NamedTuple):
    """Where a product is measured: fresh environments under the same protocol."""

    game: str
    protocol: str
    make: Callable[[int, int], Environments]  # (count, seed)


class Player(Data):
    """Plays N environments at once, epsilon-greedily by the model's values; all steps below are counted over all of
    them together, and a step is one action.

    stack: frames of an observation that the replay gathers; 1 where observations are stored whole.
    life_loss_terminates: whether the bootstrap stops at a lost life.
    The other options are those of `Atari`.
    """

    unit = "frames"
    exact = False
    remembers = ("count", "steps", "owed")

    def __init__(
        self,
        environments: Environments,
        stage: Stage,
        *,
        stack: int,
        life_loss_terminates: bool,
        clip_reward: bool,
        replay: int,
        replay_device: ReplayDevice,
        batch_size: int,
        learning_starts: int,
        train_every: int,
        n_step: int,
        gamma: float,
        epsilon_start: float,
        epsilon_end: float,
        epsilon_steps: int,
        seed: int,
    ) -> None:
        for name, value in {"batch_size": batch_size, "train_every": train_every, "n_step": n_step}.items():
            if value < 1:
                raise UserError(f"{name} must be at least 1, got {value}")
        self.environments, self.stage, self.spec = environments, stage, environments.spec
        self.protocol = f"{stage.game} {stage.protocol}".lstrip()
        self.life_loss_terminates, self.clip_reward = life_loss_terminates, clip_reward
        self.batch_size, self.learning_starts, self.train_every = batch_size, learning_starts, train_every
        self.epsilon_start, self.epsilon_end, self.epsilon_steps = epsilon_start, epsilon_end, epsilon_steps
        self.steps = 0  # transitions seen, ever
        self.owed = 0  # batches that are due
        self.random = np.random.default_rng(seed)
        obs = environments.reset().obs
        frame = (obs.shape[1] // stack, *obs.shape[2:])
        dtype = torch.uint8 if obs.dtype == np.uint8 else torch.float32
        self.replay = Replay(
            replay, environments.count, frame, dtype, stack=stack, n_step=n_step, gamma=gamma, seed=seed
        )
        self.replay_device: ReplayDevice = replay_device
        self.returns, self.lengths = np.zeros(environments.count), np.zeros(environments.count, np.int64)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def batches(self, model: nn.Module) -> Iterator[Transition]:
        device = next(model.parameters()).device
        self.replay.place(self._home(device))
        seen = self.environments.reset()
        self.replay.begin(self._newest(seen))
        if self.steps < self.learning_starts:
            log.info(f"playing {self.learning_starts - self.steps:,} steps before the first update")
        while True:
            actions = self.act(model, seen.obs, device)
            self.environments.send(actions)
            while self.owed > 0 and (batch := self.replay.sample(self.batch_size, device)) is not None:
                self.owed -= 1
                yield batch
            seen = self.environments.receive()
            self.remember(seen, actions)

    @torch.no_grad()
    def act(self, model: nn.Module, obs: np.ndarray, device: torch.device) -> np.ndarray:
        """(N,) int64 actions: with probability ε any, else argmax_a Q(s, a), in one forward pass for all."""
        explores = self.random.random(len(obs)) < self.epsilon
        anything = self.random.integers(self.spec.output, size=len(obs))
        if explores.all():
            return anything
        best = model(torch.from_numpy(obs).to(device)).argmax(1).cpu().numpy()
        return np.where(explores, anything, best)

    def remember(self, seen: Seen, actions: np.ndarray) -> None:
        """Stores what came of the actions, and counts."""
        terminal = seen.terminated | seen.life_lost if self.life_loss_terminates else seen.terminated
        reward = np.sign(seen.reward) if self.clip_reward else seen.reward
        self.replay.add(self._newest(seen), actions, reward, terminal, seen.first)
        self.returns = np.where(seen.first, 0, self.returns + seen.reward)
        self.lengths = np.where(seen.first, 0, self.lengths + 1)
        for row in np.flatnonzero(seen.terminated | seen.truncated):
            self.finished.append((float(self.returns[row]), int(self.lengths[row])))
        before, played = self.steps, int(np.count_nonzero(~seen.first))
        self.steps += played
        self.count += played * self.environments.frames_per_step
        if self.steps > self.learning_starts:
            self.owed += self.steps // self.train_every - max(before, self.learning_starts) // self.train_every

    @property
    def epsilon(self) -> float:
        """Falls linearly over the first `epsilon_steps` steps, then stays."""
        progress = min(1.0, self.steps / self.epsilon_steps) if self.epsilon_steps else 1.0
        return self.epsilon_start + progress * (self.epsilon_end - self.epsilon_start)

    def values(self) -> Mapping[str, float]:
        """Mean return and length of the episodes that ended since the last call, where any did; and ε."""
        values = {"epsilon": self.epsilon}
        if self.finished:
            mean_return, mean_length = np.mean(self.finished, axis=0)
            values |= {"return": float(mean_return), "episode_length": float(mean_length)}
        self.finished = []
        return values

    def split(self, name: str) -> Stage:
        return self.stage

    def close(self) -> None:
        self.environments.close()

    def _newest(self, seen: Seen) -> np.ndarray:
        return seen.obs[:, -self.replay.frame[0] :]

    def _home(self, device: torch.device) -> torch.device:
        """Where the replay lives: beside the model if it fits there."""
        if device.type != "cuda":
            if self.replay_device == "gpu":
                raise UserError(f"--data.replay-device gpu: the model is on {device}; use ram or auto")
            return torch.device("cpu")
        if self.replay_device == "gpu" or (self.replay_device == "auto" and fits(self.replay.bytes, device)):
            return device
        return torch.device("cpu")


class Atari(Player):
    """Plays an Atari game.

    game: any of ale-py's, by its plain name: pong, breakout, space-invaders, …
    protocol: classic (no sticky actions, a lost life ends the bootstrap) or machado (sticky actions, full episodes)
    size: height and width of the grey frames
    environments: how many are played at once
    threads: of the emulator; 0 takes as many as there are processors
    replay: transitions remembered; a frame is stored once, 7.1 GB for a million of 84x84
    replay_device: ram, gpu, or auto: beside the model if it fits there
    batch_size: transitions in a batch
    learning_starts: steps before the first update
    train_every: steps for each update
    n_step: rewards summed before the bootstrap
    gamma: discount of a step
    epsilon_start: exploration at first
    epsilon_end: exploration in the end
    epsilon_steps: steps over which it falls linearly
    clip_reward: learn from the sign of the reward; returns are raw in any case
    """

    def __init__(
        self,
        *,
        game: str = "pong",
        protocol: Literal["classic", "machado"] = "classic",
        size: int = 84,
        environments: int = 8,
        threads: int = 0,
        replay: int = 1_000_000,
        replay_device: Literal["auto", "ram", "gpu"] = "auto",
        batch_size: int = 32,
        learning_starts: int = 20_000,
        train_every: int = 4,
        n_step: int = 3,
        gamma: float = 0.99,
        epsilon_start: float = 1.0,
        epsilon_end: float = 0.01,
        epsilon_steps: int = 250_000,
        clip_reward: bool = True,
        seed: int = 0,
    ) -> None:
        def make(count: int, seed: int) -> AtariEnvironments:
            return AtariEnvironments(
                game, count=count, size=size, stack=STACK, protocol=protocol, threads=threads, seed=seed
            )

        rules = PROTOCOLS[protocol]
        played = make(environments, seed)
        mean, deviation = frame_statistics(played, seed=seed)
        played.spec = dataclasses.replace(played.spec, mean=torch.from_numpy(mean), deviation=deviation)
        log.info(f"{played.game} under {rules.text}; frames {mean.mean():.1f} ± {deviation:.1f}")
        super().__init__(
            played,
            Stage(played.game, rules.text, make),
            stack=STACK,
            life_loss_terminates=rules.life_loss_terminates,
            clip_reward=clip_reward,
            replay=replay,
            replay_device=replay_device,
            batch_size=batch_size,
            learning_starts=learning_starts,
            train_every=train_every,
            n_step=n_step,
            gamma=gamma,
            epsilon_start=epsilon_start,
            epsilon_end=epsilon_end,
            epsilon_steps=epsilon_steps,
            seed=seed,
        )


class Gym(Player):
    """Plays any Gymnasium environment that shows a vector or a grid and has discrete actions.

    id: as registered with Gymnasium; `module:id` imports the module first
    environments: how many are played at once
    replay: transitions remembered
    batch_size: transitions in a batch
    learning_starts: steps before the first update
    train_every: steps for each update
    n_step: rewards summed before the bootstrap
    gamma: discount of a step
    epsilon_start: exploration at first
    epsilon_end: exploration in the end
    epsilon_steps: steps over which it falls linearly
    """

    def __init__(
        self,
        *,
        id: str = "CartPole-v1",
        environments: int = 8,
        replay: int = 50_000,
        batch_size: int = 64,
        learning_starts: int = 1_000,
        train_every: int = 2,
        n_step: int = 1,
        gamma: float = 0.99,
        epsilon_start: float = 1.0,
        epsilon_end: float = 0.05,
        epsilon_steps: int = 10_000,
        seed: int = 0,
    ) -> None:
        def make(count: int, seed: int) -> GymEnvironments:
            return GymEnvironments(id, count=count, seed=seed)

        super().__init__(
            make(environments, seed),
            Stage("", id, make),
            stack=1,
            life_loss_terminates=False,
            clip_reward=False,
            replay=replay,
            replay_device="auto",
            batch_size=batch_size,
            learning_starts=learning_starts,
            train_every=train_every,
            n_step=n_step,
            gamma=gamma,
            epsilon_start=epsilon_start,
            epsilon_end=epsilon_end,
            epsilon_steps=epsilon_steps,
            seed=seed,
        )
