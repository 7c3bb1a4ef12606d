"""A notebook's own classes and functions train, and the run shows itself."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dlplug
from dlplug import Data, Labelled, Spec, UserError
from dlplug.host.plugins import load_host


class Net(nn.Module):
    """Takes nothing: it knows its sizes."""

    def __init__(self, hidden: int = 8) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, 2))

    def forward(self, x):
        return self.layers(x)


class Sized(nn.Linear):
    def __init__(self, spec: Spec, *, bias: bool = True) -> None:
        super().__init__(spec.input[0], spec.output, bias)


class Points(Data):
    def __init__(self, *, size: int = 16) -> None:
        self.size, self.spec = size, Spec(input=(2,), output=2)

    def batches(self, model):
        while True:
            yield self.split("train")

    def split(self, name):
        x = torch.linspace(-1, 1, 2 * self.size).view(self.size, 2)
        return Labelled(x, (x[:, 0] > 0).long())


def squared(model, batch, *, scale: float = 1.0):
    return scale * F.cross_entropy(model(batch.x), batch.y)


def share(product, data):
    return {"share": (product(data.x).argmax(1) == data.y).float().mean()}


def test_own_classes_and_functions_are_used_directly(quiet, host):
    own = {"model": Net, "data": Points, "loss": squared, "metrics": [share], "data.size": 8, "loss.scale": 2.0}
    run = dlplug.run("toy-moons", {**quiet, **own, "steps": 30, "log_every": 10}, host=host)
    assert run.result["metrics"].keys() >= {"eval/share", "train/loss"}
    config = Path(run.folder, "config.yaml").read_text()
    for key, value in {"model": Net, "data": Points, "loss": squared}.items():
        assert f"{key}: {__name__}:{value.__qualname__}\n" in config
    assert isinstance(run.model, Net)
    assert not run.model.training
    assert run.product is run.model
    assert dlplug.evaluate(run)["eval/share"] == run.result["metrics"]["eval/share"]
    assert dlplug.resume(run, {"steps": 40}).result["steps"] == 40
    for made, parameters in ((lambda: Net(5), 27), (functools.partial(Net, 5), 27), (Sized, 6)):
        assert dlplug.run("toy-moons", {**quiet, "model": made, "steps": 1}, host=host).parameters == parameters


def test_a_run_of_own_things_is_opened_by_its_folder_where_they_can_be_imported(quiet, host, toys, monkeypatch):
    class Local(Net):
        pass

    local = dlplug.run("toy-moons", {**quiet, "model": Local, "steps": 1}, host=host)
    with pytest.raises(UserError) as caught:
        dlplug.resume(local.folder, {"steps": 2}, host=load_host([toys]))
    assert "the model" in str(caught.value)
    assert "cannot be imported here" in str(caught.value)
    assert 'dlplug.resume(RUN, {"model": Local})' in str(caught.value)
    assert dlplug.resume(str(local.folder), {"model": Local, "steps": 2}, host=load_host([toys])).step == 2
    Path("mine.py").write_text("from torch import nn\ndef Net(): return nn.Linear(2, 2)")
    run = dlplug.run("toy-moons", {**quiet, "model": "mine:Net", "steps": 1}, host=host)
    monkeypatch.delitem(sys.modules, "mine")
    assert "test/accuracy" in dlplug.evaluate(run.folder, host=load_host([toys]))


def test_what_is_not_a_class_or_a_function_is_refused(host, quiet):
    with pytest.raises(UserError, match="a class or function that builds it, got a Net"):
        dlplug.run("toy-moons", {**quiet, "model": Net()}, host=host)
    with pytest.raises(UserError, match=r"Python's own"):
        dlplug.run("toy-moons", {**quiet, "model": "os:system"}, host=host)


def test_a_run_shows_itself(quiet, host):
    run = dlplug.run("toy-moons", {**quiet, "steps": 100}, host=host)
    assert repr(run).startswith("<Run toy-moons: finished after 100 steps, val/accuracy ")
    page = run._repr_html_()
    for said in ("toy-moons", "finished after 100 steps", "val/accuracy", "<polyline", "train/loss", str(run.folder)):
        assert said in page


def test_the_functions_that_open_a_run_take_it(quiet, host):
    run = dlplug.run("toy-moons", {**quiet, "steps": 2}, host=host)
    for where in (run, run.folder, str(run.folder), "toy-moons"):
        assert dlplug.evaluate(where, {"device": "cpu"}, host=host)["test/accuracy"] > 0
    with pytest.raises(UserError, match="has no sampler"):
        dlplug.sample(run)


class Shell:
    """What IPython gives a kernel, as far as it is asked."""

    kernel = None
    shown: list[str] = []


@pytest.fixture
def kernel(monkeypatch):
    import types

    from dlplug.runs import notebook

    ipython = types.SimpleNamespace(get_ipython=lambda: Shell())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(notebook, "say_by_default", lambda: None)
    return ipython


class Interrupts:
    @dlplug.hookimpl
    def logged(self, step: int) -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)


def test_a_cell_that_is_interrupted_saves_and_raises(quiet, host, kernel, tmp_path):
    host.manager.register(Interrupts())
    with pytest.raises(KeyboardInterrupt) as caught:
        dlplug.run("toy-moons", {**quiet, "log_every": 10}, out="here", host=host)
    assert str(caught.value) == "saved at step 10; go on with: dlplug.resume('here')"
    assert [path.name for path in (tmp_path / "here/checkpoints").glob("last-*")] == ["last-000000010"]


def test_progress_in_a_cell_is_one_line_that_is_replaced(quiet, host, kernel, monkeypatch):
    from dlplug.runs import notebook

    shown: list[str] = []

    class Handle:
        def update(self, data, raw):
            shown.append(data["text/plain"])

    kernel.display = type("display", (), {"display": staticmethod(lambda *_, **__: Handle())})
    monkeypatch.setitem(sys.modules, "IPython.display", kernel.display)
    monkeypatch.setattr(notebook, "PAUSE", 0.0)
    dlplug.run("toy-moons", {**quiet, "console.show": "live", "steps": 20, "log_every": 10, "eval_every": 0}, host=host)
    assert "10 steps" in shown[0]
    assert "train/loss" in shown[-1]


@pytest.mark.slow
def test_a_notebook(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "import dlplug, torch\nfrom torch import nn\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
        "    def forward(self, x): return self.layers(x)",
        "run = dlplug.run('digits', {'model': Net, 'steps': 200, 'wandb': 'off'})\nrun",
        "type(run.model).__name__, dlplug.evaluate(run)['test/accuracy'] > 0.5, repr(run)",
        "dlplug.resume(run, {'steps': 250})",
        "import _thread, threading\nthreading.Timer(3.0, _thread.interrupt_main).start()\n"
        "dlplug.run('digits', {'model': Net, 'steps': '1M', 'wandb': 'off'})",
        "after = True",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(client.exceptions.CellExecutionError, match="KeyboardInterrupt"):
        client.NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in book.cells]
    printed = "".join(output.get("text", "") for output in outputs[1])
    assert "digits, seed 0" in printed
    assert "finished after 200 steps" in printed
    pages = [output["data"].get("text/html", "") for output in outputs[1] if "data" in output]
    assert any("train/loss" in page and "<pre>" in page for page in pages)
    assert "<polyline" in pages[-1]
    assert outputs[2][-1]["data"]["text/plain"].startswith("('Net',\n True,\n '<Run digits: finished after 200 steps")
    assert "finished after 250 steps" in outputs[3][-1]["data"]["text/html"]
    assert not outputs[5]
