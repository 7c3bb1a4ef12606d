"""The checks of a recipe and its samplers, by short runs."""

from __future__ import annotations

import difflib
import math
import shutil
import tempfile
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from dlplug.host.hookspecs import hookimpl
from dlplug.host.plugins import Host, load_host
from dlplug.runs.run import Run
from dlplug.runs.runner import open_run, resume, run
from dlplug.runs.samples import sample
from dlplug.testing.contract import assert_same, attributes, check_nothing_lost, through_a_file
from dlplug.testing.parts import quiet
from dlplug.testing.plugin import check_imports_no_torch
from dlplug.training import checkpoint
from dlplug.training.loop import fit
from dlplug.training.session import Training


def check_recipe(name: str, options: Mapping[str, Any] | None = None, host: Host | None = None) -> None:
    """Checks that a recipe trains, and that 20 steps equal 10 steps, a resume and 10 more: bit for bit or, where the
    data are not `exact`, in everything that is saved.

    options: options that make the recipe small enough for a test.
    """
    host = host or load_host()
    check_imports_no_torch(host.get("recipes", name).plugin)
    overlay = {"metrics": [], "log_every": 5, "checkpoint_every": 10, "keep": 2, "steps": 20}
    overlay = quiet(host, name, overlay | dict(options or {}))
    with tempfile.TemporaryDirectory() as folder:
        straight = run(name, overlay, out=f"{folder}/straight", host=host)
        assert straight.result["steps"] == 20, f"a run of 20 steps ended at {straight.result['steps']}"
        check_watch(straight)
        killed = Path(shutil.copytree(straight.folder, f"{folder}/killed"))
        (killed / "result.json").unlink()
        shutil.rmtree(checkpoint.newest(killed / "checkpoints", "last"))
        exact = _check_restored(killed, host, _contents(killed))
        resumed = resume(str(killed), host=host)
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
    """Trains a recipe for three steps and checks that its sampler returns files that are not empty, with the same
    content for the same seed, and finite numbers.

    what: the sampler's name, by default the recipe's first. options: options that make the recipe small enough for a
    test. sampling: the sampler's options.
    """
    host = host or load_host()
    overlay = quiet(host, name, {"metrics": [], "steps": 3} | dict(options or {}))
    with tempfile.TemporaryDirectory() as folder:
        trained = run(name, overlay, out=f"{folder}/run", host=host)
        first = sample(str(trained.folder), sampling, what=what, host=host)
        again = sample(str(trained.folder), sampling, what=what, host=host)
        assert first, f"sampler {what} of {name} returns nothing"
        assert first.keys() == again.keys(), f"sampler {what} of {name} returns {set(first)}, then {set(again)}"
        for key, value in first.items():
            if isinstance(value, (int, float)):
                assert math.isfinite(value), f"{key} of sampler {what} is {value}"
            elif Path(value).is_file():
                assert Path(value).stat().st_size, f"{key} of sampler {what} is an empty file"
                assert _same_file(Path(value), Path(again[key])), f"{key} of sampler {what} differs with the same seed"


def _same_file(one: Path, other: Path) -> bool:
    """Equal bytes; videos are compared by frame with a tolerance, as the encoder is not deterministic."""
    if one.suffix != ".mp4":
        return one.read_bytes() == other.read_bytes()
    from imageio.v3 import imiter

    pairs = zip_longest(*(imiter(path, plugin="pyav") for path in (one, other)), fillvalue=np.empty(0))
    return all(a.shape == b.shape and np.abs(a.astype(int) - b).mean() < 1 for a, b in pairs)


class StopAt:
    """An observer that stops a run at a step, as Ctrl-C does."""

    def __init__(self, step: int) -> None:
        self.step = step

    @hookimpl
    def logged(self, run: Run, step: int) -> None:
        run.stopping = run.stopping or step >= self.step


def _contents(folder: Path) -> dict[str, Any]:
    """Everything in a run's last checkpoint except its duration."""
    last = checkpoint.newest(folder / "checkpoints", "last")
    learner = checkpoint.load_learner(last)
    weights = {name: tensor.clone() for name, tensor in checkpoint.read_weights(last).items()}
    return {"weights": weights, "data": checkpoint.load_state(last / "data.pt")} | {
        key: value for key, value in learner.items() if key != "seconds"
    }


def _check_restored(folder: Path, host: Host, before: Mapping[str, Any]) -> bool:
    """Checks that a newly built run restores everything in the checkpoint. Returns whether the data are `exact`."""
    run = open_run(str(folder), host=host, resumed=True)
    trainer = run.make("trainer")
    job = trainer.build(run)
    built = [(holder, attributes(holder)) for holder in (job.data, job.loss)]
    training = Training(trainer, run, job)
    training.restore()
    weights = training.job.model.state_dict()  # a file holds tied weights once
    now = training.learner() | {"weights": {name: weights[name] for name in before["weights"]}}
    now |= {"data": through_a_file(training.job.data.state_dict())}
    for key in ("step", "weights", "loss", "steppers", "data", "best"):
        assert_same(now[key], before[key], f"{key} after a resume")
    if training.steppers:  # a trainer without the shared loop has none
        fit(job.data, job.loss, training.steppers, 2)
        for holder, as_built in built:
            check_nothing_lost(holder, as_built)
    job.data.close()
    return job.data.exact


def check_watch(run: Run) -> None:
    """Checks for misspelt names in `Recipe.watch`: one that was not logged and resembles one that was."""
    for name in run.definition.watch:
        near = difflib.get_close_matches(name, run.latest.keys() - {*run.definition.watch}, n=1, cutoff=0.8)
        assert name in run.latest or not near, f"{run.recipe} watches {name!r}, which is not logged; {near[0]} is"
