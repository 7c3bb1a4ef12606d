"""What the core itself registers, by the same door as any plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlplug.host.hookspecs import hookimpl
from dlplug.host.startup import lasting

if TYPE_CHECKING:
    from dlplug.runs.run import Run

VERBS = ("run", "resume", "eval")


@hookimpl
def register_commands() -> dict[str, str]:
    return {verb: f"dlplug.cli.verbs:{verb}_command" for verb in VERBS}


@hookimpl
def register_trainers() -> dict[str, str]:
    return {"torch": "dlplug.training.trainer:TorchTrainer"}


@hookimpl
def register_optimizers() -> dict[str, str]:
    return {
        name: f"dlplug.training.optimizers:{name}" for name in ("sgd", "adam", "adamw", "rmsprop", "radam", "lbfgs")
    }


@hookimpl
def register_observers() -> dict[str, str]:
    return {
        "jsonl": "dlplug.observers.jsonl:JsonLines",
        "console": "dlplug.observers.console:Console",
        "tensorboard": "dlplug.observers.tensorboard:TensorBoard",
    }


@hookimpl
def register_launchers() -> dict[str, str]:
    return {"local": "dlplug.cli.launching:Local"}


@hookimpl(trylast=True)
def train(run: Run) -> bool:
    with lasting():  # torch
        trainer = run.make("trainer")
    trainer.train(run)
    return True
