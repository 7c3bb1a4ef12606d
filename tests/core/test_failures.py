"""What fails after something was learnt never takes it along: the checkpoint is there, and the message says why."""

import itertools
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dlplug
from dlplug import Image, UserError, hookimpl
from dlplug.host.plugins import Entry
from dlplug.observers.console import Console, closing
from dlplug.training import checkpoint
from dlplug.training.meter import Meter

STEPS = {"steps": 20, "log_every": 5}


def saved(kind="last"):
    return [path.name for path in sorted(Path("run/checkpoints").glob(f"{kind}-*"))]


def result():
    text = Path("run/result.json").read_text()
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"result.json holds {word}"))


@pytest.fixture
def metric(host):
    """Puts a function in the place of the toy's metric."""

    def put(function, name="accuracy-toy"):
        host._entries["metrics"][name] = Entry("metrics", name, function, host.plugins[-1])

    return put


def math_range(product, data):
    raise OverflowError("math range error")


def no_number(product, data):
    return {"accuracy": [0.5]}


class Unwritable(Image):
    def write(self, path):
        path.write_bytes(b"half of")
        raise OverflowError("a side is odd")


def odd_picture(product, data):
    return {"accuracy": 0.5, "picture": Unwritable(np.zeros((4, 7), dtype=np.uint8))}


@pytest.mark.parametrize(
    ("broken", "says"), [(math_range, "OverflowError: math range error"), (no_number, "TypeError")]
)
def test_a_metric_that_raises_at_the_end_costs_nothing(host, quiet, metric, in_tmp_path, broken, says):
    metric(broken)
    with pytest.raises(UserError, match=f"metric accuracy-toy: {says}"):
        dlplug.run("toy-moons", {**quiet, **STEPS, "eval_every": 0}, out="run", host=host)
    assert saved() == ["last-000000020"]
    assert result()["status"] == "failed"
    assert "metric accuracy-toy" in result()["message"]
    assert "eval run" in result()["message"]
    metric(lambda product, data: {"accuracy": 1.0})
    assert dlplug.evaluate("run", host=host) == {"test/accuracy": 1.0}
    assert dlplug.resume("run", host=host).result["status"] == "finished"


def test_a_metric_that_raises_in_the_middle_costs_nothing(host, quiet, metric, in_tmp_path):
    metric(math_range)
    with pytest.raises(UserError, match="metric accuracy-toy"):
        dlplug.run("toy-moons", {**quiet, **STEPS, "eval_every": 10}, out="run", host=host)
    assert saved() == ["last-000000010"]
    assert result()["steps"] == 10
    assert "resume run" in result()["message"]


def test_what_was_measured_before_a_metric_failed_counts(host, quiet, metric, in_tmp_path):
    metric(math_range, "second")
    options = {**quiet, **STEPS, "metrics": ["accuracy-toy", "second"]}
    with pytest.raises(UserError, match="metric second"):
        dlplug.run("toy-moons", options, out="run", host=host)
    assert result()["metrics"]["val/accuracy"] > 0
    assert saved("best") == ["best-000000020"]


@pytest.mark.parametrize("at", ["train/loss", "val/accuracy"])
def test_an_observer_that_raises_costs_nothing(host, quiet, in_tmp_path, at):
    class Raises:
        @hookimpl
        def logged(self, run, step, values):
            if at in values:
                raise OSError("no space left on device")

    host.manager.register(Raises())
    with pytest.raises(OSError, match="no space"):
        dlplug.run("toy-moons", {**quiet, **STEPS, "log_every": 20, "eval_every": 0}, out="run", host=host)
    assert saved() == ["last-000000020"]
    assert result()["status"] == "failed"


def test_a_medium_that_cannot_be_written_costs_nothing(host, quiet, metric, in_tmp_path):
    metric(odd_picture)
    with pytest.raises(OverflowError, match="a side is odd"):
        dlplug.run("toy-moons", {**quiet, **STEPS}, out="run", host=host)
    assert saved() == ["last-000000020"]
    assert list(Path("run/media").iterdir()) == []


def test_a_metrics_options_are_checked_before_the_first_step(host, quiet, metric, in_tmp_path):
    def check(product, data, *, of):
        if of not in "ab":
            raise UserError(f"--metrics.accuracy-toy.of expects a or b, got {of}")

    @dlplug.checked_by(check)
    def picky(product, data, *, of: str = "a"):
        """Picky."""
        return {"accuracy": len(of)}

    metric(picky)
    with pytest.raises(UserError, match="expects a or b, got c"):
        dlplug.run("toy-moons", {**quiet, **STEPS, "metrics.accuracy-toy.of": "c"}, out="run", host=host)
    assert not Path("run").exists()
    dlplug.run("toy-moons", {**quiet, **STEPS}, out="run", host=host)
    before = Path("run/config.yaml").read_text()
    with pytest.raises(UserError, match="expects a or b, got c"):
        dlplug.resume("run", {"metrics.accuracy-toy.of": "c"}, host=host)
    assert Path("run/config.yaml").read_text() == before


def test_nothing_is_said_of_a_checkpoint_that_is_not_there(host, quiet, in_tmp_path):
    class Explodes:
        @hookimpl
        def logged(self, run, step, values):
            raise KeyboardInterrupt

    host.manager.register(Explodes())
    with pytest.raises(KeyboardInterrupt):
        dlplug.run("toy-moons", {**quiet, **STEPS}, out="run", host=host)
    assert saved() == []
    assert result()["status"] == "interrupted"
    assert result()["message"] == "stopped at once; no checkpoint was saved"


def test_a_second_signal_while_the_result_is_written_leaves_a_result(host, quiet, in_tmp_path, monkeypatch):
    flush, interrupted = os.fsync, []

    def interrupt(descriptor):
        flush(descriptor)
        if not interrupted and Path("run/.result.json.partial").exists():
            interrupted.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        dlplug.run("toy-moons", {**quiet, **STEPS}, out="run", host=host)
    assert interrupted
    assert result()["status"] == "interrupted"
    assert result()["message"].startswith("stopped at once; the last checkpoint is of step 20")


@pytest.mark.parametrize("nan", [float("nan"), float("inf"), torch.tensor(float("nan")), np.float32("nan")])
def test_a_metric_that_is_not_finite_is_null_and_never_the_best(host, quiet, metric, in_tmp_path, nan):
    values = iter([nan, 0.5, nan, 0.25])
    metric(lambda product, data: {"accuracy": next(values)})
    run = dlplug.run("toy-moons", {**quiet, "steps": 40, "eval_every": 10}, out="run", host=host)
    assert saved("best") == ["best-000000020"]
    assert run.best == 0.5
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [line["val/accuracy"] for line in lines if "val/accuracy" in line] == [None, 0.5, None, 0.25]
    values = iter([nan, nan])
    assert dlplug.resume("run", {"steps": 50}, host=host).result["metrics"]["val/accuracy"] is None
    assert result()["metrics"]["val/accuracy"] is None


def test_numbers_have_the_digits_that_they_have(host, quiet, metric, in_tmp_path):
    values = {"accuracy": torch.tensor(0.968), "narrow": np.float32(0.968), "exact": np.float64(0.1) + 0.2, "count": 3}
    metric(lambda product, data: dict(values))
    dlplug.run("toy-moons", {**quiet, **STEPS, "eval_every": 0}, out="run", host=host)
    wanted = {"accuracy": 0.968, "narrow": 0.968, "exact": 0.1 + 0.2, "count": 3}
    assert {name: result()["metrics"][f"val/{name}"] for name in values} == wanted
    line = json.loads(Path("run/metrics.jsonl").read_text().splitlines()[-1])
    assert {name: line[f"val/{name}"] for name in values} == wanted
    assert dlplug.evaluate("run", host=host) == {f"test/{name}": value for name, value in wanted.items()}
    assert json.loads(Path("run/evaluation.json").read_text())["metrics"]["test/accuracy"] == 0.968
    assert len(str(result()["metrics"]["train/loss"])) < 12


def test_two_metrics_with_one_key_are_refused_and_cost_nothing(host, quiet, in_tmp_path):
    def again(product, data):
        """Accuracy, once more."""
        return {"accuracy": 0.1}

    host._entries["metrics"]["again"] = Entry("metrics", "again", again, host.plugins[-1])
    overlay = {**quiet, **STEPS, "eval_every": 0, "metrics": ["accuracy-toy", "again"]}
    with pytest.raises(UserError, match="metrics accuracy-toy and again both give 'accuracy': leave one out"):
        dlplug.run("toy-moons", overlay, out="run", host=host)
    assert result()["metrics"]["val/accuracy"] > 0.5, "the first"
    assert len(checkpoint.find(Path("run/checkpoints"), "last")) == 1
    assert dlplug.evaluate("run", {"metrics": ["again"]}, host=host) == {"test/accuracy": 0.1}


def test_the_protocols_of_several_metrics_are_all_said(host, quiet, metric, in_tmp_path):
    for name in ("first", "second", "third"):
        metric(lambda product, data, name=name: {name: 1.0, "protocol": "seen once" if name == "third" else name}, name)
    metric(lambda product, data: {"fourth": 1.0, "protocol": "first"}, "fourth")
    overlay = {**quiet, **STEPS, "eval_every": 10, "metrics": ["first", "accuracy-toy", "second", "third", "fourth"]}
    dlplug.run("toy-moons", overlay, out="run", host=host)
    assert result()["protocol"] == "first; second; seen once"
    assert dlplug.evaluate("run", {"metrics": ["second"]}, host=host) == {"test/second": 1.0, "protocol": "second"}


def test_a_run_that_learnt_nothing_says_so(host, quiet, in_tmp_path, capsys):
    dlplug.run("toy-moons", {**quiet, "console.show": "plain", "steps": 0}, out="run", host=host)
    assert checkpoint.find(Path("run/checkpoints"), "last")
    run = dlplug.run("toy-dqn", {**quiet, "moves": 0}, host=host)
    assert "nothing was learnt: the length was reached before the first step" in closing(run, run.result)


def test_a_failed_run_says_how_many_steps_it_did(host, quiet, in_tmp_path, monkeypatch):
    add = Meter.add

    def failing(meter, updates):
        add(meter, updates)
        if next(steps) == 7:
            raise RuntimeError("no memory left")

    steps = itertools.count(1)
    monkeypatch.setattr(Meter, "add", failing)
    with pytest.raises(RuntimeError, match="no memory left"):
        dlplug.run("toy-moons", {**quiet, **STEPS}, out="run", host=host)
    assert result()["steps"] == 7


def test_no_protocol_of_a_measurement_that_was_not_made():
    result = {"status": "interrupted", "steps": 3, "seconds": 1.0, "protocol": "thirty games", "metrics": {}}
    run = SimpleNamespace(folder="runs/x", way_on=lambda: "go on")
    assert closing(run, result) == ["interrupted after 3 steps and 1 s: runs/x", "go on"]


def test_progress_ends_at_100_percent():
    run = SimpleNamespace(config={"frames": 50}, unit="frames", step=0, count=0)
    console = Console(show="off", run=run)
    console.run_started(run)
    run.count = 56
    assert console.progress(run, {}).startswith("100%  56 frames")


def test_the_rate_leaves_out_what_came_before_the_first_line(monkeypatch):
    clock = iter([0.0, 100.0, 101.0, 101.0, 102.0, *(float(200 + n) for n in range(40))])
    monkeypatch.setattr("dlplug.observers.console.time.monotonic", lambda: next(clock))
    run = SimpleNamespace(config={"steps": 10_000}, unit="images", step=0, count=0)
    console = Console(show="off", run=run)
    console.run_started(run)
    assert console.rate(100) == 1.0, "the first line, after 100 s of compilation"
    assert console.rate(200) == 100.0
    assert console.rate(200) == 100.0, "a measurement at the same step"
    assert console.rate(300) == 100.0
    rates = [console.rate(300 + 10 * n) for n in range(1, 41)]
    assert rates[0] == pytest.approx(210 / 100)
    assert rates[-1] == 10.0, "the slow time is too long ago"
