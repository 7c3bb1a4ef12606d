"""Stable-Baselines3 as a trainer: its algorithms run their own loop; the trainer logs, evaluates and saves between
rollouts."""

from __future__ import annotations

import dataclasses
import logging
import math
import sys
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from dlplug import Device, NonNegativeInt, Run, UserError, distributed
from dlplug.errors import Diverged
from dlplug.training.device import choose_device, describe, set_up
from dlplug.training.session import Training
from dlplug.training.trainer import Cadence, Job, TorchTrainer, seed_everything
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.model import Algorithm, Learner, Memory, export

log = logging.getLogger("dlplug")

RENAMED = {"exploration_rate": "epsilon", "n_updates": "updates"}  # the names that other recipes log


class Sb3Trainer(TorchTrainer):
    """Runs Stable-Baselines3's algorithms with their own loop. A step is one action in one environment.

    device: auto, cpu, cuda, cuda:1 or mps.
    threads: number of torch's CPU threads; 0 leaves torch's choice.
    eval_every: steps between evaluations; 0 evaluates only at the end.
    """

    def __init__(
        self, *, device: Device = "auto", threads: NonNegativeInt = 0, cadence: Cadence = Cadence(log_every=1000)
    ) -> None:
        super().__init__(device=device, threads=threads, cadence=cadence)

    def train(self, run: Run) -> None:
        job = self.build(run)
        try:
            Playing(self, run, job).train()
        finally:
            job.data.close()

    def build(self, run: Run) -> Job:
        device = choose_device(self.device)
        set_up(device, self.threads)
        distributed.start(device)
        if distributed.world_size() > 1:
            raise UserError("the trainer sb3 supports one process only: run it without torchrun")
        for key in ("loss", "optimizer"):
            if run.config.get(key):
                raise UserError(f"the trainer sb3 takes no --{key} {run.config[key]}: its algorithms have their own")
        seed_everything(run.seed)
        data = run.make("data")
        if not isinstance(data, Sb3Data):
            raise UserError(f"the trainer sb3 needs --data sb3-atari or --data sb3-gym, not {run.config['data']}")
        model = run.make("model", dataclasses.replace(data.spec, device=str(device)))
        if not isinstance(model, Algorithm):
            raise UserError(f"the trainer sb3 trains a --model named sb3 or sb3-…, not {run.config['model']}")
        if isinstance(model.sb3, OffPolicyAlgorithm) and model.sb3.replay_buffer is not None:
            data.memory = Memory(model.sb3.replay_buffer)
        run.device = describe(device)
        run.protocol = data.protocol
        run.parameters = sum(p.numel() for name, p in model.named_parameters() if "target" not in name)
        return Job(data, model, Learner(model), device)


class Playing(Training):
    """Runs an algorithm's loop, and logs, evaluates and saves between rollouts."""

    def __init__(self, trainer: TorchTrainer, run: Run, job: Job) -> None:
        super().__init__(trainer, run, job)
        assert isinstance(job.model, Algorithm)
        assert isinstance(job.data, Sb3Data)
        self.sb3, self.data = job.model.sb3, job.data
        self.scalars = Scalars()
        self.sb3.set_logger(Logger(None, [self.scalars]))
        self.checked = 0

    def loop(self) -> None:
        if self.limit_count is not None:
            self.limit_steps = -(-self.limit_count // self.data.frames_per_step)
        if isinstance(self.sb3, OffPolicyAlgorithm) and self.limit_steps <= self.sb3.learning_starts:
            starts = f"the first update comes after {self.sb3.learning_starts:,} (--model.learning-starts)"
            log.info(
                f"nothing will be learnt within this length: it ends after {self.limit_steps:,} steps, and {starts}"
            )
        self.sb3.learn(
            self.limit_steps - self.step,
            callback=Between(self),
            log_interval=sys.maxsize,  # never: `between_rollouts` logs
            reset_num_timesteps=False,
        )

    def after_step(self, infos: list[dict[str, Any]]) -> bool:
        """Called after each step of all environments. Returns whether to continue."""
        self.step = self.sb3.num_timesteps
        self.data.count = self.step * self.data.frames_per_step
        self.data.remember(infos)
        return not self.run.stopping

    def between_rollouts(self) -> None:
        """Called after an update, before the next rollout: logs, evaluates and saves if due."""
        before, self.checked = self.checked, self.step
        with self.between_steps():
            if passed(self.trainer.cadence.log_every, before, self.step):
                self.log()
            every = self.trainer.cadence.checkpoint_every
            if passed(every, before, self.step) if every else self.time_to_save():
                self.save()
            if passed(self.trainer.cadence.eval_every, before, self.step) and not self.over():
                self.measure()

    def log(self) -> None:
        """Logs the values that the algorithm recorded since the last call, and the ended episodes."""
        self.sb3.logger.dump(self.step)
        values = {**self.scalars.take(), **self.data.values()}
        for name, value in values.items():
            if "loss" in name and not math.isfinite(value):
                raise Diverged(f"{name} became {value} at step {self.step}")
        self.run.step, self.run.count = self.step, self.data.count
        if values:
            self.run.log(self.step, self.data.count, values, "train")

    def save(self) -> None:
        """Saves a checkpoint, and Stable-Baselines3's own file for use without dlplug."""
        if self.saved_step != self.step:
            super().save()
            export(self.sb3, self.folder / "sb3.zip")

    def restore(self) -> None:
        super().restore()
        self.checked = self.step
        if self.data.memory is not None:
            self.data.memory.end_episodes()
        self.data.environments.seed(self.run.seed + self.step)  # not the episodes of the run's beginning


class Between(BaseCallback):
    """Stable-Baselines3's callback, which calls `Playing`."""

    def __init__(self, playing: Playing) -> None:
        super().__init__()
        self.playing = playing

    def _on_step(self) -> bool:
        return self.playing.after_step(self.locals["infos"])

    def _on_rollout_start(self) -> None:
        self.playing.between_rollouts()


class Scalars(KVWriter):
    """Collects the numbers that Stable-Baselines3's logger writes, by their plain names."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """`train/value_loss` becomes value_loss; times and values that are no numbers are left out."""
        for key, value in key_values.items():
            group, _, name = key.rpartition("/")
            if group != "time" and isinstance(value, (int, float, np.number)):
                self.values[RENAMED.get(name, name)] = float(value)

    def take(self) -> dict[str, float]:
        values, self.values = self.values, {}
        return values

    def close(self) -> None: ...


def passed(every: int, before: int, now: int) -> bool:
    """Whether there is a multiple of `every` in (before, now]; False for 0."""
    return every > 0 and now // every > before // every
