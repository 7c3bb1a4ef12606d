"""A training session: restoring a checkpoint, the loop, and logging, evaluating and saving between its steps."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dlplug import distributed
from dlplug.contracts import Update
from dlplug.errors import Diverged, MetricFailed
from dlplug.stop import Stopped, stop_if_asked
from dlplug.training import checkpoint
from dlplug.training.compilation import uncompiled
from dlplug.training.counters import Progress, attributes_of
from dlplug.training.job import Job
from dlplug.training.loop import fit
from dlplug.training.measuring import check_metrics, measure
from dlplug.training.meter import Meter

if TYPE_CHECKING:
    from dlplug.runs.run import Run
    from dlplug.training.trainer import TorchTrainer

log = logging.getLogger("dlplug")


class Training:
    """Runs the loop, and logs, evaluates, saves and stops between its steps."""

    def __init__(self, trainer: TorchTrainer, run: Run, job: Job) -> None:
        self.trainer, self.run, self.job = trainer, run, job
        self.steppers = {part: run.parts.make_stepper(part, job.model.get_submodule(part)) for part in job.loss.parts}
        self.meter = Meter()
        self.progresses = [*attributes_of(job.loss, Progress), *attributes_of(job.data, Progress)]
        for progress in self.progresses:
            progress.place(job.device)
        self.step, self.alone = 0, distributed.world_size() == 1
        self.saved_at, self.save_seconds, self.saved_step = time.monotonic(), 0.0, -1

    def train(self) -> None:
        run, job = self.run, self.job
        self.learn = self.trainer.step_function(job, self.steppers)
        if run.resumed:
            self.restore()
        check_metrics(run, job, job.data.splits[0])
        stop_if_asked()  # before anything is begun
        run.start(job.data.unit, self.step, job.data.count)
        self.limit_steps, self.limit_count = run.limits(job.data)
        job.data.limit = self.limit_count
        try:
            if not self.over():
                self.loop()
        except Stopped:
            run.stopping = True
        with self.between_steps():
            self.save()
            if not run.stopping:
                self.measure()

    def loop(self) -> None:
        """Trains to the run's length, or until a stop is requested."""
        job = self.job
        job.model.train()
        fit(job.data, job.loss, self.steppers, self.limit_steps, start=self.step, learn=self.learn,
            before=self.before, after=self.after)  # fmt: skip

    @contextlib.contextmanager
    def between_steps(self) -> Iterator[None]:
        """Saves a checkpoint before it re-raises an error of a metric or an observer."""
        try:
            yield
        except (Stopped, Diverged):
            raise
        except Exception:
            with contextlib.suppress(Diverged):
                self.meter.flush(self.step)
                self.write()
            raise

    def progress(self) -> float:
        if self.limit_count is not None:
            return min(1.0, self.job.data.count / max(1, self.limit_count))
        return self.step / max(1, self.limit_steps)

    def over(self) -> bool:
        counted_out = self.limit_count is not None and self.job.data.count >= self.limit_count
        return counted_out or self.step >= self.limit_steps

    def before(self, step: int) -> None:
        """Called before a batch is drawn: sets the progress, which is 0 for the first batch and below 1 for the
        last."""
        fraction = self.progress()
        for stepper in self.steppers.values():
            stepper.set_progress(fraction)
        for progress in self.progresses:
            progress.set(fraction)

    def after(self, step: int, updates: list[Update]) -> bool:
        self.step = step
        self.run.step, self.run.count = step, self.job.data.count
        self.meter.add(updates)
        cadence = self.trainer.cadence
        logging = step % cadence.log_every == 0
        saving = cadence.checkpoint_every and step % cadence.checkpoint_every == 0
        evaluating = cadence.eval_every and step % cadence.eval_every == 0
        if logging or saving or evaluating:
            with self.between_steps():
                if logging:
                    self.log()
                if saving or (logging and not cadence.checkpoint_every and self.time_to_save()):
                    self.save()
                if evaluating and not self.over():
                    self.measure()
        return self.over() or self.stop_wanted()

    def stop_wanted(self) -> bool:
        """Whether to stop. Several processes must agree, which costs a message, so they ask only when they log."""
        if self.alone:
            return self.run.stopping
        due = self.step % self.trainer.cadence.log_every == 0
        return due and distributed.any_process(self.run.stopping, self.job.device)

    def log(self) -> None:
        """Logs the means of losses and values since the last call. Raises Diverged where a loss is not finite."""
        values = self.meter.flush(self.step)
        self.run.step, self.run.count = self.step, self.job.data.count  # even where there is nothing to log
        if values:
            self.run.log(self.step, self.job.data.count, {**values, **self.job.data.values()}, "train")

    def measure(self) -> None:
        """Evaluates the metrics on the first split, and saves a `best` checkpoint where the recipe's first target
        improves. Values measured before a metric fails are logged; an interrupted evaluation is discarded."""
        if not self.run.metrics or distributed.rank() != 0:
            return
        split = self.job.data.splits[0]
        values: dict[str, Any] = {}
        try:
            with uncompiled() if self.trainer.compiled.compiles else contextlib.nullcontext():
                measure(self.run, self.job, split, values)
        except Stopped:
            self.run.stopping = True
            return
        except MetricFailed:
            self.record(split, values)
            raise
        self.record(split, values)

    def record(self, split: str, values: dict[str, Any]) -> None:
        self.run.log(self.step, self.job.data.count, values, split)
        if self.run.update_best(split, values):
            self.log()
            checkpoint.save(self.folder, "best", self.step, self.job.model, self.learner())

    def time_to_save(self) -> bool:
        wait = max(30.0, 20.0 * self.save_seconds)
        return distributed.any_process(time.monotonic() - self.saved_at > wait, self.job.device)

    def save(self) -> None:
        """Saves everything that `resume` needs. Checks the losses first: a diverged run is never saved."""
        if self.saved_step == self.step:
            return
        self.log()
        started = time.monotonic()
        self.write(distributed.of_all(checkpoint.random_state())[1:])
        distributed.wait()
        self.saved_at, self.saved_step = time.monotonic(), self.step
        self.save_seconds = self.saved_at - started

    def write(self, others: Sequence[Any] = ()) -> None:
        learner = self.learner() | {"others": list(others)}
        if distributed.rank() == 0:
            data = self.job.data.state_dict()
            checkpoint.save(self.folder, "last", self.step, self.job.model, learner, data, self.trainer.cadence.keep)
        else:
            checkpoint.check_finite(self.job.model, learner)  # every process stops where the first one does

    @property
    def folder(self) -> Any:
        return self.run.folder / "checkpoints"

    def learner(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "seconds": self.run.seconds(),
            "loss": self.job.loss.state_dict(),
            "steppers": {part: stepper.state_dict() for part, stepper in self.steppers.items()},
            "random": checkpoint.random_state(),
            "best": self.run.best,
        }

    def restore(self) -> None:
        path = checkpoint.newest(self.folder, "last")
        learner = checkpoint.load_learner(path)
        checkpoint.load_weights(path, self.job.model)
        self.job.loss.load_state_dict(learner["loss"])
        for part, stepper in self.steppers.items():
            stepper.load_state_dict(learner["steppers"][part])
        self.job.data.load_state_dict(checkpoint.load_state(path / "data.pt"))
        states = [learner["random"], *learner.get("others", ())]
        checkpoint.set_random_state(states[min(distributed.rank(), len(states) - 1)])
        self.step = self.saved_step = learner["step"]
        bests = [best for best in checkpoint.find(self.folder, "best") if checkpoint.step_of(best) <= self.step]
        best = checkpoint.load_learner(bests[-1])["best"] if bests else learner["best"]
        self.run.restore(learner["seconds"], best)
        afresh = "" if self.job.data.exact else "; the environment cannot be saved, so episodes start afresh"
        log.info(f"resumed at step {self.step:,} from {path}{afresh}")
