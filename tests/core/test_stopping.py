"""A signal is heard in every phase of a run: it saves and stops, and a second one stops at once."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import toys as toys_module

import dlplug
from dlplug import hookimpl
from dlplug.host.plugins import Entry
from dlplug.training import checkpoint

SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]
PHASES = ["begin", "warm-up", "step", "log", "evaluation", "save", "last evaluation"]
ENDLESS = 10_000


def send(name):
    os.kill(os.getpid(), getattr(signal, name))


def waiting():
    """What takes for ever unless it looks whether to stop, as the players and the metrics do."""
    from dlplug.stop import stop_if_asked

    for _ in range(ENDLESS):
        stop_if_asked()
    raise AssertionError("the wish to stop was not heard")


def result():
    return json.loads(Path("run/result.json").read_text())


def put(host, kind, name, target):
    host._entries[kind][name] = Entry(kind, name, target, host.plugins[-1])


class Interfering:
    """Sends a signal in one phase, once."""

    def __init__(self, phase, name):
        self.phase, self.name, self.sent = phase, name, False

    def at(self, phase):
        if phase == self.phase and not self.sent:
            self.sent = True
            send(self.name)
            return True
        return False

    @hookimpl
    def run_started(self, run):
        self.at("begin")

    @hookimpl
    def logged(self, run, step, values):
        if "train/loss" in values:
            self.at("log")


@pytest.fixture
def interfered(host, monkeypatch):
    """A host whose moons, metric and checkpoints let the interfering plugin know in which phase a run is."""

    def make(phase, name):
        plugin = Interfering(phase, name)

        class Moons(toys_module.Moons):
            """Moons."""

            def batches(self, model):
                if plugin.at("warm-up"):
                    waiting()
                for batch in super().batches(model):
                    plugin.at("step")
                    yield batch

        def accuracy(product, data):
            """Accuracy."""
            if plugin.at("evaluation" if plugin.seen < 30 else "last evaluation"):
                waiting()
            return {"accuracy": 0.5}

        def save(*arguments, **keywords):
            plugin.at("save")
            return saving(*arguments, **keywords)

        saving = checkpoint.save
        monkeypatch.setattr(checkpoint, "save", save)
        put(host, "data", "moons", Moons)
        put(host, "metrics", "accuracy-toy", accuracy)
        host.manager.register(plugin)
        plugin.seen = 0

        class Counts:
            @hookimpl
            def logged(self, run, step, values):
                plugin.seen = step

        host.manager.register(Counts())
        return host

    return make


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = {name: signal.getsignal(getattr(signal, name)) for name in SIGNALS}
    for name in SIGNALS[1:]:
        signal.signal(getattr(signal, name), lambda *_: None)  # unheard signals must not end the tests
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


OPTIONS = {"steps": 30, "log_every": 5, "eval_every": 10, "checkpoint_every": 10}


EACH = [
    pytest.param(phase, name, marks=() if (number + other) % 3 == 0 else pytest.mark.slow)
    for number, phase in enumerate(PHASES)
    for other, name in enumerate(SIGNALS)
]


@pytest.mark.parametrize(("phase", "name"), EACH)
def test_a_signal_saves_and_stops_in_every_phase(interfered, quiet, in_tmp_path, phase, name):
    host = interfered(phase, name)
    run = dlplug.run("toy-moons", {**quiet, **OPTIONS}, out="run", host=host)
    assert run.stopping
    assert result()["status"] == "interrupted"
    assert checkpoint.newest(Path("run/checkpoints"), "last").name == f"last-{result()['steps']:09d}"
    wanted = {"begin": (0, 1), "warm-up": (0, 0), "last evaluation": (30, 30)}.get(phase, (1, 20))
    assert wanted[0] <= result()["steps"] <= wanted[1]
    resumed = dlplug.resume("run", host=host)
    assert (resumed.stopping, result()["status"], result()["steps"]) == (False, "finished", 30)


def test_a_second_signal_stops_at_once_and_promises_nothing(interfered, host, quiet, in_tmp_path, capsys):
    class Twice:
        @hookimpl
        def logged(self, run, step, values):
            send("SIGINT")
            send("SIGINT")

    host.manager.register(Twice())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        dlplug.run("toy-moons", {**quiet, **OPTIONS, "console.show": "plain"}, out="run", host=host)
    assert result()["status"] == "interrupted"
    assert result()["message"] == "stopped at once; no checkpoint was saved"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_signal_leaves_the_last_good_checkpoint(interfered, host, quiet, in_tmp_path):
    class Twice:
        @hookimpl
        def logged(self, run, step, values):
            if step == 25:
                send("SIGTERM")
                send("SIGTERM")

    host.manager.register(Twice())
    with pytest.raises(KeyboardInterrupt):
        dlplug.run("toy-moons", {**quiet, **OPTIONS}, out="run", host=host)
    assert "the last checkpoint is of step 20; go on with: " in result()["message"]
    assert not list(Path("run").rglob("*.partial"))


def test_nohup_stays_nohup(host, quiet, in_tmp_path):
    class HangsUp:
        @hookimpl
        def logged(self, run, step, values):
            send("SIGHUP")

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    host.manager.register(HangsUp())
    assert dlplug.run("toy-moons", {**quiet, **OPTIONS}, out="run", host=host).result["status"] == "finished"


def test_a_worker_that_was_forked_can_be_ended(host, quiet, in_tmp_path):
    """Its parent's handler would only note the wish, and `terminate` would wait for ever."""
    ends = []

    class Forks:
        @hookimpl
        def run_started(self, run):
            ready, said = os.pipe()
            if not (child := os.fork()):
                os.write(said, b".")
                time.sleep(20)
                os._exit(0)
            os.read(ready, 1)  # Python forgets a signal that comes while it is still forking
            os.kill(child, signal.SIGTERM)
            ends.append(os.waitpid(child, 0)[1])

    host.manager.register(Forks())
    dlplug.run("toy-moons", {**quiet, "steps": 1}, out="run", host=host)
    assert [os.WTERMSIG(end) for end in ends] == [signal.SIGTERM]
