"""Checks that a plugin keeps the contract; for the tests of whoever writes one. Each raises AssertionError.

from dlplug.testing import check_plugin, check_recipe, check_sampler

def test_plugin():
    check_plugin("my-plugin")
    check_recipe("my-recipe", {"data.size": 100})
    check_sampler("my-recipe", "my-sampler", {"data.size": 100}, {"count": 4})
"""

from __future__ import annotations

import difflib
import functools
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from dlplug.host.hookspecs import hookimpl
from dlplug.host.plugins import Host, Plugin, load_host
from dlplug.host.signatures import inspected, read_signature
from dlplug.options.layers import resolve
from dlplug.recipes import as_use
from dlplug.runs.run import Run
from dlplug.runs.runner import open_run, resume, run
from dlplug.runs.samples import sample, sampler_of
from dlplug.testing_contract import assert_same, attributes, check_data, check_loss, check_nothing_lost, through_a_file
from dlplug.testing_options import check_options
from dlplug.testing_parts import QUIET, check_command, check_metric, check_observer, check_trainer
from dlplug.training import checkpoint
from dlplug.training.loop import fit
from dlplug.training.session import Training

__all__ = [
    "assert_same",
    "check_command",
    "check_data",
    "check_loss",
    "check_metric",
    "check_observer",
    "check_options",
    "check_plugin",
    "check_recipe",
    "check_sampler",
    "check_trainer",
    "through_a_file",
]


def check_plugin(name: str, host: Host | None = None) -> None:
    """An installed plugin works, imports no torch to be listed, and every name it gives loads; its options read
    from the source are those that the objects have, and each recipe and preset resolves."""
    host = host or load_host()
    plugin = next((p for p in host.plugins if p.name == name), None)
    assert plugin is not None, f"no plugin {name!r}; there are {[p.name for p in host.plugins]}"
    assert plugin.state == "works", f"plugin {name} is {plugin.state}: {plugin.error}"
    assert not host.clashes, "; ".join(host.clashes.values())
    check_imports_no_torch(plugin)
    for kind in plugin.provides:
        for entry in (e for e in host.entries(kind) if e.plugin is plugin):
            loaded = entry.load()
            if kind == "recipes":
                for preset in ("", *loaded.presets):
                    resolve(host, entry.name, [loaded.evaluation], preset, partly=True)
                for used in map(as_use, loaded.samplers):
                    known = {option.name for option in sampler_of(host, entry.name, used.name)[1]}
                    assert used.options.keys() <= known, f"{entry.name}: {used} has options that its sampler has not"
            elif kind != "commands":
                read, real = read_signature(entry.target), inspected(loaded)
                assert read == real, f"{kind} {entry.name}: options read as {read}, but they are {real}"
                assert real.summary, f"{kind} {entry.name} has no docstring to list it by"
                check_options(f"{kind} {entry.name}", real.options)


def check_watch(run: Run) -> None:
    """What the recipe watches is logged: a name that was not, and that is nearly one that was, is a mistake."""
    for name in run.definition.watch:
        near = difflib.get_close_matches(name, run.latest.keys() - {*run.definition.watch}, n=1, cutoff=0.8)
        assert name in run.latest or not near, f"{run.recipe} watches {name!r}, which is not logged; {near[0]} is"


def check_imports_no_torch(plugin: Plugin) -> None:
    """Listing and help of an installed plugin leave torch unimported (a file given by -p may import it)."""
    if plugin.origin.startswith("entry point") and plugin.provides:
        _list_everything(plugin.name)


@functools.cache
def _list_everything(name: str) -> None:
    code = (
        "import sys; from dlplug.cli.main import main; from dlplug.host.plugins import load_host\n"
        "kinds = 'recipes', 'data', 'models', 'losses', 'metrics', 'samplers', 'observers'\n"
        "for kind in kinds: main(['list', kind])\n"
        f"names = [e.name for e in load_host().entries('recipes') if e.plugin.name == {name!r}]\n"
        "for name in names: main(['show', name]), main(['run', name, '--help']), main(['sample', name, '--help'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"plugin {name} imports torch to be listed: {done.stderr[-500:]}"


def check_recipe(name: str, options: Mapping[str, Any] | None = None, host: Host | None = None) -> None:
    """Builds from the registry, learns three steps, and 20 steps equal 10 and, after a resume, 10 more: bit for bit,
    or, where the data cannot be saved exactly, in everything that was saved.

    options: an overlay that makes the recipe small enough for a test.
    """
    host = host or load_host()
    check_imports_no_torch(host.get("recipes", name).plugin)
    overlay = {"wandb.mode": "off"} if "wandb" in host.names("observers") else {}
    overlay |= {**QUIET, "metrics": [], "log_every": 5, "steps": 20, **(options or {})}
    with tempfile.TemporaryDirectory() as folder:
        short = run(name, overlay | {"steps": 3}, out=f"{folder}/short", host=host)
        assert short.result["steps"] == 3
        straight = run(name, overlay, out=f"{folder}/straight", host=host)
        check_watch(straight)
        stopper = StopAt(10)
        host.manager.register(stopper)
        broken = run(name, overlay, out=f"{folder}/broken", host=host)
        host.manager.unregister(stopper)
        assert broken.result["status"] == "interrupted", f"stopping at step 10 gave {broken.result}"
        exact = _check_restored(broken.folder, host, _contents(broken.folder))
        resumed = resume(str(broken.folder), host=host)
        assert resumed.result["steps"] == 20, f"resuming ended at step {resumed.result['steps']} of 20"
        if exact:
            assert_same(_contents(resumed.folder), _contents(straight.folder), "20 steps and 10 + resume + 10")


def check_sampler(
    name: str,
    what: str = "",
    options: Mapping[str, Any] | None = None,
    sampling: Mapping[str, Any] | None = None,
    host: Host | None = None,
) -> None:
    """A recipe's sampler shows something after three steps: files that are not empty, with the same contents for the
    same seed; numbers that are finite.

    options: an overlay that makes the recipe small enough for a test; sampling: the same for the sampler.
    """
    host = host or load_host()
    overlay = {"wandb.mode": "off"} if "wandb" in host.names("observers") else {}
    with tempfile.TemporaryDirectory() as folder:
        trained = run(
            name, overlay | QUIET | {"metrics": [], "steps": 3} | dict(options or {}), out=f"{folder}/run", host=host
        )
        made = sample(str(trained.folder), sampling, what=what, host=host)
        again = sample(str(trained.folder), sampling, what=what, host=host)
        assert made, f"sampler {what} of {name} gives nothing"
        assert made.keys() == again.keys(), f"sampler {what} of {name} gives {set(made)}, then {set(again)}"
        for key, value in made.items():
            if isinstance(value, (int, float)):
                assert math.isfinite(value), f"{key} of sampler {what} is {value}"
            elif Path(value).is_file():
                assert Path(value).stat().st_size, f"{key} of sampler {what} is an empty file"
                assert _same_file(Path(value), Path(again[key])), f"{key} of sampler {what} differs with the same seed"


def _same_file(one: Path, other: Path) -> bool:
    """Equal bytes; videos frame by frame and nearly, for the encoder rounds otherwise from one time to the next."""
    if one.suffix != ".mp4":
        return one.read_bytes() == other.read_bytes()
    from imageio.v3 import imiter

    pairs = zip_longest(*(imiter(path, plugin="pyav") for path in (one, other)), fillvalue=np.empty(0))
    return all(a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 1 for a, b in pairs)


class StopAt:
    """Asks a run to stop at a step, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    @hookimpl
    def logged(self, run: Run, step: int) -> None:
        run.stopping = run.stopping or step >= self.step


def _contents(folder: Path) -> dict[str, Any]:
    """Everything in a run's last checkpoint but the seconds that it took."""
    last = checkpoint.newest(folder / "checkpoints", "last")
    learner = checkpoint.load_learner(last)
    weights = {name: tensor.clone() for name, tensor in checkpoint.read_weights(last).items()}
    return {"weights": weights, "data": checkpoint.load_state(last / "data.pt")} | {
        key: value for key, value in learner.items() if key != "seconds"
    }


def _check_restored(folder: Path, host: Host, before: Mapping[str, Any]) -> bool:
    """A new process's learner and data hold what the checkpoint holds. Tells whether the data call themselves exact."""
    run = open_run(str(folder), host=host, resumed=True)
    trainer = run.make("trainer")
    job = trainer.build(run)
    built = [(holder, attributes(holder)) for holder in (job.data, job.loss)]
    training = Training(trainer, run, job)
    training.restore()
    weights = training.job.model.state_dict()  # of tied ones, the file has one
    now = training.learner() | {"weights": {name: weights[name] for name in before["weights"]}}
    now |= {"data": through_a_file(training.job.data.state_dict())}
    for key in ("step", "weights", "loss", "steppers", "data", "best"):
        assert_same(now[key], before[key], f"{key} after a resume")
    if job.steppers:  # which a trainer of another kind has none of
        fit(job.data, job.loss, job.steppers, 2)
        for holder, as_built in built:
            check_nothing_lost(holder, as_built)
    job.data.close()
    return job.data.exact
