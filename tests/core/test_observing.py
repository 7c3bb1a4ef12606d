"""What goes wrong with a plugin's observer costs that observer, not the run; what goes wrong with the core's own stops
it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dlplug
from dlplug import UserError
from dlplug.host.plugins import load_host

SOURCE = """
from dlplug import hookimpl

class Fails:
    '''Fails.

    when: at which of its hooks.
    '''

    def __init__(self, *, when: str = "never") -> None:
        self.when = when
        self.fail("constructor")

    def fail(self, where):
        if self.when == where:
            raise KeyError(f"broken {where}")

    @hookimpl
    def run_started(self):
        self.fail("started")

    @hookimpl
    def logged(self, step):
        print("seen", step)
        self.fail("logged")

    @hookimpl
    def run_finished(self, run, result):
        self.fail("finished")

@hookimpl
def register_observers():
    return {"fails": Fails, LOST}
"""
LOST = "'lost': 'nowhere_at_all:Observer'"


def a_host(toys, lost="", environ=None):
    Path("watching.py").write_text(SOURCE.replace("LOST", lost))
    return load_host([toys, "watching.py"], environ)


def test_an_observer_that_leads_nowhere_is_left_out_and_said(toys, quiet, caplog):
    host = a_host(toys, LOST)
    assert dlplug.run("toy-lstm", {**quiet, "steps": 2}, host=host).result["status"] == "finished"
    (said,) = [record.getMessage() for record in caplog.records if "observer" in record.getMessage()]
    assert "observer 'lost' of watching.py does not load from 'nowhere_at_all:Observer'" in said
    with pytest.raises(UserError, match=r"observer .lost. of watching\.py does not load"):
        dlplug.run("toy-lstm", {**quiet, "steps": 2, "lost.mode": "x"}, host=host)
    with pytest.raises(UserError, match=r"observer .lost. of watching\.py does not load"):
        dlplug.run("toy-lstm", {**quiet, "steps": 2}, host=a_host(toys, LOST, {"DLPLUG_STRICT": "1"}))


def test_a_run_resumes_without_an_observer_that_broke_meanwhile(toys, quiet):
    host = a_host(toys, "'lost': Fails")
    dlplug.run("toy-lstm", {**quiet, "steps": 2, "lost.when": "nowhere"}, host=host, out="here")
    resumed = dlplug.resume("here", {"steps": 3}, host=a_host(toys, LOST))
    assert resumed.result["steps"] == 3


@pytest.mark.parametrize("when", ["constructor", "started", "logged", "finished"])
def test_an_observer_that_raises_is_said_once_and_costs_nothing(toys, quiet, when, caplog, capsys):
    options = {**quiet, "steps": 4, "log_every": 1, "fails.when": when}
    run = dlplug.run("toy-lstm", options, host=a_host(toys), out="here")
    assert run.result["status"] == "finished"
    assert len(Path("here/metrics.jsonl").read_text().splitlines()) == 4
    (said,) = [record.getMessage() for record in caplog.records if "goes on without an observer" in record.getMessage()]
    assert f"KeyError: 'broken {when}'" in said
    assert "watching.py" in said
    seen = {"constructor": 0, "started": 0, "logged": 1, "finished": 4}[when]
    assert capsys.readouterr().out.count("seen") == seen
    strict = a_host(toys, environ={"DLPLUG_STRICT": "1"})
    with pytest.raises(UserError, match=f"broken {when}"):
        dlplug.run("toy-lstm", options, host=strict, out="strict")


def test_a_plugins_own_hook_that_raises_costs_nothing_either(toys, quiet, caplog):
    Path("own.py").write_text("from dlplug import hookimpl\n@hookimpl\ndef logged(step): raise OSError('gone')\n")
    host = load_host([toys, "own.py"])
    for name in ("one", "other"):
        assert dlplug.run("toy-lstm", {**quiet, "steps": 2}, host=host, out=name).result["status"] == "finished"
    assert sum("logged of own.py: OSError: gone" in record.getMessage() for record in caplog.records) == 1


def test_what_the_core_itself_cannot_write_stops_the_run(host, quiet, monkeypatch):
    from dlplug.observers.jsonl import JsonLines

    def full(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlplug.observers.jsonl._plain", full)
    assert JsonLines
    with pytest.raises(OSError, match="No space left"):
        dlplug.run("toy-lstm", {**quiet, "steps": 2}, host=host, out="here")
    assert json.loads(Path("here/result.json").read_text())["status"] == "failed"


def test_doctor_loads_every_reference_and_says_which_lead_nowhere(cli, toys):
    a_host(toys, LOST)
    said = cli("-p", "watching.py", "doctor", "--json")
    (finding,) = [finding for finding in said.json if "nowhere_at_all:Observer" in finding["says"]]
    assert (said.code, finding["works"], finding["name"]) == (1, False, "plugin watching")
    assert "-p no:watching" in finding["advice"]


def test_doctor_has_one_verdict_on_each_plugin(cli, toys):
    ill = "\n@hookimpl\ndef diagnose(): raise OSError('no pulse')\n"
    lost = ", ".join(f"'lost{number}': 'nowhere_at_all:Observer'" for number in range(4))
    Path("watching.py").write_text(SOURCE.replace("LOST", lost) + ill)
    findings = cli("-p", toys, "-p", "watching.py", "doctor", "--json").json
    verdicts = [(finding["name"], finding["works"]) for finding in findings if finding["name"].startswith("plugin ")]
    assert len(verdicts) == len({name for name, _ in verdicts})
    assert {("plugin toys", True), ("plugin watching", False)} <= {*verdicts}
    (said,) = [finding["says"] for finding in findings if finding["name"] == "plugin watching"]
    assert (said.count("does not load from"), said[-12:]) == (3, "; and 2 more")
