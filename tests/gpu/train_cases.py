"""Trains cases on "cuda" in a process of its own: `python train_cases.py RESULTS CASE…` writes a line of JSON for each.

With the virtual runtime preloaded "cuda" is virtual; else it is the machine's GPU. Each case is a list of complaints.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from gpu_cases import CASES, DRAWS_ON_THE_DEVICE, FOLDER, PAIRS, RESUMED, TEXT, Case
from tiny import write_bars

import dlplug
from dlplug import UserError
from dlplug.host.plugins import load_host
from dlplug.testing import StopAt
from dlplug.training import checkpoint
from dlplug.training.trainer import TorchTrainer

NAMED = (TEXT, PAIRS, FOLDER)
ROOT = str(Path(dlplug.__file__).parents[1]) + "/"
QUIET: dict[str, Any] = {
    "console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cuda", "log_every": 1,
    "eval_every": 0, "metrics": [], "steps": 9,
}  # fmt: skip
VIRTUAL = "LD_PRELOAD" in os.environ
Row = dict[str, Any]

# what data have that act with the model, and so wait for the actions that it chooses
PLAYED = ("environments", "arena", "game")


class Watched:
    """A GPU, virtual or real, whose every step is watched: no wait of the host, no warning of torch's, one pool of
    memory, no graph that reads what was freed."""

    def __init__(self) -> None:
        self.graphs: list[Any] = []
        self.gpu: Any = contextlib.nullcontext()
        if VIRTUAL:
            from virtual import VirtualGpu

            self.gpu = VirtualGpu(ROOT)
        self._watch_steps()
        self._watch_graphs()

    def _watch_steps(self) -> None:
        make = TorchTrainer.step_function

        def step_function(trainer: TorchTrainer, job: Any, steppers: Any) -> Callable[[Any], Any]:
            learn = make(trainer, job, steppers)
            if not any(hasattr(job.data, name) for name in PLAYED):
                job.data.batches = functools.partial(self.batches, job.data.batches)

            def watched(batch: Any) -> Any:
                with self.watch():
                    return learn(batch)

            return watched

        TorchTrainer.step_function = step_function

    def batches(self, make: Callable[[Any], Iterator[Any]], model: Any) -> Iterator[Any]:
        """The data's, watched from the second on: before the first they are sent to the device."""
        stream = make(model)
        yield next(stream)
        while True:
            with self.watch():
                batch = next(stream)
            yield batch

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """On a real GPU torch itself warns of what waits."""
        if VIRTUAL:
            self.gpu.listening = True
        elif torch.cuda.is_available():
            torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            if VIRTUAL:
                self.gpu.listening = False
            elif torch.cuda.is_available():
                torch.cuda.set_sync_debug_mode("default")

    def _watch_graphs(self) -> None:
        begin = torch.cuda.graph.__init__

        def checked(graph: Any, cuda_graph: Any, *args: Any, **kwargs: Any) -> None:
            self.graphs.append(cuda_graph)
            begin(graph, cuda_graph, *args, **{**kwargs, "check_input_liveness": True})

        torch.cuda.graph.__init__ = checked
        torch.utils.get_cpp_backtrace = lambda *args, **kwargs: ""  # of each tensor that lives on: slow, and not read

    def complaints(self, run: Callable[[], Any]) -> tuple[Any, list[str]]:
        """What `run` returns, and what was seen meanwhile."""
        self.graphs.clear()
        if VIRTUAL:
            self.gpu.heard.clear()
        with self.gpu, warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            result = run()
        seen = {f"warns: {w.message}"[:300] for w in warned if "torch" in w.filename and _worth(w)}
        if VIRTUAL:
            heard = self.gpu.heard.items()
            seen |= {
                f"{n}x {what}{' in a capture' * held}: {' <- '.join(lines[::-1])}" for (what, held, lines), n in heard
            }
        pools = {tuple(graph.pool()) for graph in self.graphs}
        if len(pools) > 1:
            seen.add(f"{len(self.graphs)} graphs in {len(pools)} pools of memory")
        return result, sorted(seen)


def _worth(warning: warnings.WarningMessage) -> bool:
    """Whether a warning of torch's speaks of what we do."""
    return issubclass(warning.category, UserWarning) and "debug mode is a prototype" not in str(warning.message)


class Tests:
    """The cases, by name; each returns complaints."""

    def __init__(self, watched: Watched, folder: Path) -> None:
        self.watched, self.folder, self.files = watched, folder, written(folder)

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return {**options, **{key: self.files[value] for key, value in options.items() if value in NAMED}}

    def train(self, name: str) -> list[str]:
        """Eagerly and with --graph: no complaint, equal losses, equal state of the loss, equal metrics; samples."""
        case = CASES[name]
        eager, complaints = self.trained(name, case, graph=False)
        with self.watched.gpu:
            for what in case.samplers:
                dlplug.sample(str(eager), {}, what=what)
        try:
            graphed, more = self.trained(name, case, graph=True)
        except UserError as error:
            if case.refused and case.refused in str(error) and "\n" not in str(error):
                return complaints
            raise
        if case.refused:
            return [*complaints, f"--graph trains, though it should be refused: {case.refused}"]
        complaints += [f"with --graph {complaint}" for complaint in more]
        if not self.watched.graphs:
            complaints.append("nothing was captured: the case needs more steps")
        complaints += different(rows_of(eager), rows_of(graphed)) + unequal("loss", state_of(eager), state_of(graphed))
        if case.options.get("metrics"):
            with self.watched.gpu:
                complaints += unequal("", *(dlplug.evaluate(str(folder)) for folder in (eager, graphed)))
        return complaints

    def trained(self, name: str, case: Case, graph: bool) -> tuple[Path, list[str]]:
        out = self.folder / f"{name}-{graph}"
        overlay = QUIET | self.options(case.options) | {"graph": graph}
        run = functools.partial(dlplug.run, case.recipe, overlay, preset=case.preset, out=str(out))
        return out, self.watched.complaints(run)[1]

    def resume(self, name: str) -> list[str]:
        """11 steps equal 5 of one kind and 6 of another: on the GPU, in a graph, on the CPU."""
        recipe, options = RESUMED[name]
        overlay = QUIET | self.options(options) | {"steps": 11}
        kinds = {"eager": {"graph": False}, "graph": {"graph": True}, "cpu": {"graph": True, "device": "cpu"}}
        straight = self.folder / f"resumed-{name}"
        _, complaints = self.watched.complaints(lambda: dlplug.run(recipe, overlay, out=str(straight)))
        for first, second in (("eager", "graph"), ("graph", "eager"), ("cpu", "graph"), ("graph", "cpu")):
            out = self.folder / f"resumed-{name}-{first}-{second}"
            begin, rest = overlay | kinds[first], {"device": "cuda"} | kinds[second]
            try:
                wrong = self.watched.complaints(functools.partial(stopped, recipe, begin, str(out)))[1]
                wrong += self.watched.complaints(functools.partial(dlplug.resume, str(out), rest))[1]
            except Exception as error:
                wrong = [told(error)]
            else:
                if "cpu" not in (first, second) or recipe not in DRAWS_ON_THE_DEVICE:
                    wrong += different(rows_of(straight), rows_of(out))
                    wrong += unequal("loss", state_of(straight), state_of(out))
            complaints += [f"{first}, then {second}: {complaint}" for complaint in wrong]
        return complaints

    def refuse(self, name: str) -> list[str]:
        """A loss that looks at its number cannot be held in a graph; that is one line, and the next run is well."""
        host = load_host([str(Path(__file__).parent / "looking.py")])
        out = str(self.folder / "looking")
        try:
            with self.watched.gpu:
                dlplug.run("mlp-moons", QUIET | {"loss": "looking", "graph": True}, out=out, host=host)
        except UserError as error:
            clear = "--graph" in str(error) and "\n" not in str(error)
            return [] if clear else [f"it says: {error}"]
        return ["it trains"]


def stopped(recipe: str, overlay: dict[str, Any], out: str) -> None:
    """A run that is stopped after five steps."""
    host = load_host()
    host.manager.register(StopAt(5))
    dlplug.run(recipe, overlay, out=out, host=host)


def rows_of(folder: Path) -> list[Row]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def state_of(folder: Path) -> dict[str, Any]:
    """What the loss remembers after training."""
    return checkpoint.load_learner(checkpoint.newest(folder / "checkpoints", "last"))["loss"]


def different(one: list[Row], other: list[Row]) -> list[str]:
    """The first number of training that differs by more than what another order of sums does, or RAdam's ρ_t, which
    torch computes in float32 where a step can be captured."""
    if [row["step"] for row in one] != [row["step"] for row in other]:
        return [f"{len(one)} rows of numbers, and {len(other)}"]
    for row, same in zip(one, other, strict=True):
        for key, value in row.items():
            of_training = key.startswith("train/") and isinstance(value, float) and "second" not in key
            if of_training and not math.isclose(value, same[key], rel_tol=2e-3, abs_tol=1e-4):
                return [f"step {row['step']}: {key} is {value:.6g}, and {same[key]:.6g}"]
    return []


def unequal(name: str, one: Any, other: Any) -> list[str]:
    """Where two states differ: counters that stand still, curves that end."""
    if isinstance(one, Mapping):
        if one.keys() != other.keys():
            return [f"{name} has {sorted(map(str, one.keys() ^ other.keys()))} once only"]
        return [wrong for key in one for wrong in unequal(f"{name} {key}".strip(), one[key], other[key])]
    if isinstance(one, (list, tuple)):
        if len(one) != len(other):
            return [f"{name} has {len(one)} and {len(other)} parts"]
        return [
            wrong
            for place, pair in enumerate(zip(one, other, strict=True))
            for wrong in unequal(f"{name} {place}", *pair)
        ]
    if not isinstance(one, (int, float, torch.Tensor)) or "second" in name:
        return []
    x, y = (torch.as_tensor(value).double() for value in (one, other))
    same = x.shape == y.shape and torch.allclose(x, y, rtol=1e-2, atol=1e-3, equal_nan=True)
    return [] if same else [f"{name} differs"]


def told(error: BaseException) -> str:
    lines = [f"{f.filename.removeprefix(ROOT)}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
             if f.filename.startswith(ROOT) and "site-packages" not in f.filename]  # fmt: skip
    return f"{type(error).__name__}: {str(error)[:500]} ({' <- '.join(lines[:-4:-1])})"


def written(folder: Path) -> dict[str, str]:
    """Files that data read, by the names that stand for them in the cases."""
    text, pairs, pictures = folder / "verses.txt", folder / "pairs.tsv", folder / "pictures"
    text.write_text("the cat sat on the mat,\nand the rat ran from the cat.\n" * 100)
    pairs.write_text("".join(f"{'a' * (1 + n % 3)} {n}\t{'b' * (1 + n % 4)} {n}\n" for n in range(40)))
    for kind in ("MNIST", "FashionMNIST"):
        write_bars(folder / "data" / kind / "raw")
    for n in range(24):
        path = pictures / "ab"[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(np.full((28, 28), 10 * n, np.uint8)).save(path)
    os.environ["DLPLUG_DATA"] = str(folder / "data")
    return {TEXT: str(text), PAIRS: str(pairs), FOLDER: str(pictures)}


def main(results: str, names: list[str]) -> None:
    watched = Watched()
    with tempfile.TemporaryDirectory() as folder, open(results, "a") as file:
        tests = Tests(watched, Path(folder))
        for name in names:
            print(json.dumps({"begun": name}), file=file, flush=True)
            started, kind = time.process_time(), name.partition(":")[0]
            try:
                rest = name.partition(":")[2]
                complaints = {"train": tests.train, "resume": tests.resume, "refuse": tests.refuse}[kind](rest)
            except Exception as error:
                complaints = [told(error)]
            done = {"name": name, "complaints": complaints, "seconds": time.process_time() - started}
            print(json.dumps(done), file=file, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
