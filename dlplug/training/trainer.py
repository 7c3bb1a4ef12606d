"""The shared trainer: builds data, model and loss, and the function that does one step."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from dlplug import distributed
from dlplug.contracts import Data, Loss, Update
from dlplug.ranges import Device, NonNegativeInt, PositiveInt
from dlplug.training import checkpoint
from dlplug.training.checkpoint import seed_everything
from dlplug.training.checks import check_batches, check_factories, check_parts, check_processes
from dlplug.training.compilation import Choice, CompiledStep, choose_compilation
from dlplug.training.device import choose_device, describe, set_up
from dlplug.training.graph import GraphedStep
from dlplug.training.job import Job
from dlplug.training.loop import learn_from
from dlplug.training.precision import Asked, Precision, acting_in_bf16, choose_precision, in_bf16
from dlplug.training.session import Training
from dlplug.training.stepper import Stepper

if TYPE_CHECKING:
    from dlplug.runs.run import Run

log = logging.getLogger("dlplug")


@dataclass(frozen=True)
class Cadence:
    """How often a run logs, evaluates and saves.

    log_every: steps between logged metrics.
    eval_every: steps between evaluations on the first split; 0 evaluates only at the end.
    checkpoint_every: steps between checkpoints; 0 saves every 30 seconds, or every 20 times as long as a save takes.
    keep: number of checkpoints to keep besides the best.
    """

    log_every: PositiveInt = 100
    eval_every: NonNegativeInt = 0
    checkpoint_every: NonNegativeInt = 0
    keep: PositiveInt = 1


class TorchTrainer:
    """Plain torch on one device, or on several under torchrun.

    device: auto, cpu, cuda, cuda:1 or mps.
    precision: fp32 (with TF32 on CUDA), bf16 autocast, or auto: bf16 where the recipe gains from it on this device.
    compile: compile what a training step computes with torch.compile; auto: where the recipe says that a run of this
        length gains from it.
    graph: capture the whole step as CUDA graphs; batches must have one shape.
    threads: number of torch's CPU threads; 0 leaves torch's choice.
    """

    def __init__(
        self,
        *,
        device: Device = "auto",
        precision: Asked = "fp32",
        compile: Literal["auto"] | bool = "auto",
        graph: bool = False,
        threads: NonNegativeInt = 0,
        cadence: Cadence = Cadence(),
    ) -> None:
        self.device, self.graph = device, graph
        self.compile: Literal["auto"] | bool = compile
        self.precision: Asked = precision
        self.threads, self.cadence = threads, cadence
        self.chosen, self.compiled = Precision("fp32"), Choice(False)  # for the device, once that is known

    def train(self, run: Run) -> None:
        """Trains to the run's length, or until it is stopped; saves and evaluates at the end."""
        device = choose_device(self.device)
        self.compiled = choose_compilation(self.compile, device, run.definition.compile_from, run.config)
        job = self.build(run)
        run.device = ", ".join(filter(None, [run.device, str(self.compiled)]))
        mixed = acting_in_bf16(job.device) if self.chosen.name == "bf16" else contextlib.nullcontext()
        try:
            with mixed:
                Training(self, run, job).train()
        finally:
            job.data.close()

    def load(self, run: Run) -> Job:
        """The trained job of a run, from its best checkpoint or else its last."""
        job = self.build(run)
        path = checkpoint.newest(run.folder / "checkpoints", "best", "last")
        learner = checkpoint.load_learner(path)
        checkpoint.load_weights(path, job.model)
        job.loss.load_state_dict(learner["loss"])
        run.step = learner["step"]
        return job

    def build(self, run: Run) -> Job:
        check_factories(run, {f"metric {name}": run.host.get("metrics", name).load() for name in run.metrics})
        device = choose_device(self.device)
        set_up(device, self.threads)
        distributed.start(device)
        seed_everything(run.seed)
        data: Data = run.make("data")
        check_processes(run, data)
        model: nn.Module = run.make("model", data.spec).to(device)
        distributed.share_weights(model)
        loss: Loss = run.make("loss", model)
        check_batches(data, loss, (run.config["data"], run.config["loss"]))
        check_parts(loss, run.config["loss"])
        data.meet(model)
        seed_everything(run.seed + distributed.rank())
        self.chosen = choose_precision(self.precision, device, run.definition.bf16)
        run.device = f"{describe(device)}, {self.chosen}"
        run.protocol = data.protocol
        run.parameters = sum(p.numel() for p in model.parameters())
        return Job(data, model, loss, device)

    def step_function(self, job: Job, steppers: Mapping[str, Stepper]) -> Callable[[Any], list[Update]]:
        """The function of one step: `learn_from`, with the options' precision, compilation and graph capture."""
        mixed = in_bf16(job.device) if self.chosen.name == "bf16" else iter
        learn = functools.partial(learn_from, job.loss, steppers, mixed=mixed)
        if self.compiled.compiles:
            learn = CompiledStep(learn, job.loss)
        if self.graph and job.device.type != "cuda":
            log.info(f"--graph needs a CUDA device: steps run eagerly on {job.device}")
        elif self.graph:
            for stepper in steppers.values():
                stepper.make_capturable()
            return GraphedStep(learn, job.loss)
        return learn
