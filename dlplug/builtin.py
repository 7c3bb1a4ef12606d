"""What the core itself registers, by the same door as any plugin."""

from __future__ import annotations

from importlib import metadata

from dlplug.hookspecs import hookimpl

VERBS = ("list", "show", "run", "resume", "eval", "sample", "verify", "plugins", "doctor", "completion")


def version() -> str:
    return metadata.version("dlplug")


@hookimpl
def register_commands() -> dict[str, str]:
    return {verb: f"dlplug.cli:{verb}_command" for verb in VERBS}


@hookimpl
def register_trainers() -> dict[str, str]:
    return {"torch": "dlplug.trainer:TorchTrainer"}


@hookimpl
def register_optimizers() -> dict[str, str]:
    return {name: f"dlplug.optim:{name}" for name in ("sgd", "adam", "adamw", "rmsprop", "radam", "lbfgs")}


@hookimpl
def register_observers() -> dict[str, str]:
    return {
        "jsonl": "dlplug.logs:JsonLines",
        "console": "dlplug.console:Console",
        "tensorboard": "dlplug.logs:TensorBoard",
    }


@hookimpl
def register_launchers() -> dict[str, str]:
    return {"local": "dlplug.launching:Local"}
