"""Whose a run folder is: who may remove it, who may write in it, and which of several is meant."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import dlplug
from dlplug import UserError

HOLDER = """
import sys, dlplug
from dlplug.host.plugins import load_host
from dlplug.host.hookspecs import hookimpl

class Slow:
    @hookimpl
    def logged(self, run, step, values):
        if step == 20:
            print("there", flush=True)
            sys.stdin.read()

host = load_host([sys.argv[1], "no:wandb"])
host.manager.register(Slow())
options = {"console.show": "off", "tensorboard.write": "off", "device": "cpu", "steps": 30, "log_every": 10,
           "checkpoint_every": 10}
dlplug.run("toy-moons", options, out="run", host=host)
"""


def test_a_process_that_is_not_the_first_removes_nothing(host, quiet, in_tmp_path, monkeypatch):
    earlier = in_tmp_path / "runs" / "toy-moons" / "20200101-000000-aaaa" / "result.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UserError, match="--device cuda:99"):
        dlplug.run("toy-moons", {**quiet, "device": "cuda:99"}, host=host)
    assert earlier.exists()


def test_a_folder_that_was_there_before_stays(host, quiet, in_tmp_path):
    Path("above/mine").mkdir(parents=True)
    with pytest.raises(UserError, match="--device cuda:99"):
        dlplug.run("toy-moons", {**quiet, "device": "cuda:99"}, out="above/mine", host=host)
    assert list(Path("above/mine").iterdir()) == []


def test_a_home_folder_is_expanded(host, quiet, in_tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(in_tmp_path / "home"))
    dlplug.run("toy-moons", {**quiet, "steps": 1}, out="~/mine", host=host)
    assert (in_tmp_path / "home" / "mine" / "result.json").exists()
    assert not Path("~").exists()


@pytest.mark.slow
def test_a_second_process_is_kept_out_of_a_run_and_a_killed_one_is_not_waited_for(host, toys, quiet, in_tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, toys], stdin=-1, stdout=-1, text=True)
    assert holder.stdout.readline() == "there\n"
    kept = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    for again in (
        lambda: dlplug.resume("run", host=host),
        lambda: dlplug.run("toy-moons", quiet, out="run", host=host),
    ):
        with pytest.raises(UserError, match=f"run is in use by process {holder.pid} on "):
            again()
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == kept
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert dlplug.resume("run", host=host).result["status"] == "finished"
    assert not Path("run/.lock").exists()


def test_one_process_at_a_time_in_a_folder(in_tmp_path):
    from dlplug.runs.lock import locked

    with locked(in_tmp_path):
        with pytest.raises(UserError, match=f"in use by process {os.getpid()} on "), locked(in_tmp_path):
            pass
        if not (child := os.fork()):  # a child of the holder lets go when it is left alone, and never before
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(UserError, match="in use"), locked(in_tmp_path):
            pass
    with locked(in_tmp_path):
        assert (in_tmp_path / ".lock").exists()
    assert list(in_tmp_path.iterdir()) == []


def test_what_a_resume_was_given_is_written_down(host, quiet, in_tmp_path):
    dlplug.run("toy-moons", {**quiet, "steps": 10}, out="run", host=host)
    began = json.loads(Path("run/environment.json").read_text())
    dlplug.resume("run", {"steps": 30, "optimizer.learning_rate": 0.5}, host=host)
    saved = yaml.safe_load(Path("run/config.yaml").read_text())
    assert (saved["steps"], saved["optimizer.learning_rate"]) == (30, 0.5)
    assert dlplug.resume("run", host=host).result["steps"] == 30
    environment = json.loads(Path("run/environment.json").read_text())
    assert began.items() <= environment.items()
    assert [(r["step"], r["options"]) for r in environment["resumes"]] == [
        (10, {"steps": 30, "optimizer.learning_rate": 0.5}),
        (30, {}),
    ]


def test_a_resume_that_is_refused_and_an_evaluation_write_nothing_down(host, quiet, in_tmp_path):
    dlplug.run("toy-moons", {**quiet, "steps": 10}, out="run", host=host)
    files = [Path("run/config.yaml"), Path("run/environment.json")]
    before = [path.read_bytes() for path in files]
    with pytest.raises(UserError, match="another model"):
        dlplug.resume("run", {"model.width": 9}, host=host)
    dlplug.evaluate("run", {"data.batch_size": 7}, host=host)
    assert [path.read_bytes() for path in files] == before


def test_a_resume_without_an_observer_keeps_its_options(host, toys, quiet, in_tmp_path):
    if "wandb" not in host.names("observers"):
        pytest.skip("needs an observer of a plugin")
    dlplug.run("toy-moons", {**quiet, "steps": 5}, out="run", host=host)
    from dlplug.host.plugins import load_host

    dlplug.resume("run", {"steps": 6}, host=load_host([toys, "no:wandb"]))
    saved = yaml.safe_load(Path("run/config.yaml").read_text())
    assert (saved["steps"], saved["wandb.mode"]) == (6, "off")


def test_a_recipes_name_stands_for_the_run_that_was_begun_last(host, quiet, in_tmp_path, cli, toys):
    first = dlplug.run("toy-moons", {**quiet, "steps": 1}, out="runs/toy-moons/baseline", host=host)
    second = dlplug.run("toy-moons", {**quiet, "steps": 2}, host=host)
    dlplug.resume(str(first.folder), {"steps": 3}, host=host)
    said = cli("eval", "toy-moons", "-p", toys, "-p", "no:wandb")
    assert said.out.count(f"toy-moons: its newest run, {second.folder}") == 1
    assert Path(second.folder, "evaluation.json").exists()
    for path in (first.folder / "environment.json", second.folder / "environment.json"):
        path.unlink()  # of a build that did not write the date
    os.utime(second.folder / "config.yaml", (1, 1))
    assert dlplug.resume("toy-moons", {"steps": 4}, host=host).folder == first.folder
