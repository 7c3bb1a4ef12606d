"""Grids: what is run, what is not run again, what is told, and how it stops. The runs are those of `child.py`."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dlplug_report.sweep import command as sweep_command
from dlplug_report.sweep.command import sweep_parser
from dlplug_report.sweep.goal import Goal, goal_of
from dlplug_report.sweep.plan import read
from dlplug_report.sweep.table import rows, table

from dlplug import UserError
from dlplug.cli import launching
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.parsing import words_of
from dlplug.options.reading import arguments
from dlplug.recipes import Recipe, Target

CHILD = str(Path(__file__).with_name("child.py"))


@pytest.fixture(autouse=True)
def stand_in(tmp_path, monkeypatch):
    """Each test in a folder of its own, where `child.py` is what a sweep runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launching, "PROGRAM", (sys.executable, CHILD))
    return tmp_path


@pytest.fixture(scope="module")
def host():
    return load_host()


@pytest.fixture
def sweep(host):
    return lambda *words: sweep_command.sweep(["mlp-digits", *words], host)


def calls():
    """The words of every run so far, sorted, the folder as its name."""
    return sorted(Path("called.txt").read_text().splitlines()) if Path("called.txt").exists() else []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs a RECIPE"),
        (["no-such"], "unknown recipe 'no-such'"),
        (["mlp-digits", "--model.widht", "3,4"], "Did you mean --model.width"),
        (["mlp-digits", "--model.width", "3,x"], "--model.width: expected a whole number"),
        (["mlp-digits", "--model.width", "3,,4"], "a value between the commas is missing"),
        (["mlp-digits", "--model.width", "3,3"], "3 is given twice"),
        (["mlp-digits", "--model.width", "3:9"], "is a range: give values"),
        (["mlp-digits", "--seed", "4..0"], "expected whole numbers from a lower to a higher one"),
        (
            ["mlp-digits", "--seed", "0:4", "--search", "tpe", "--trials", "2"],
            "the option takes values here, as in 0..4",
        ),
        (
            ["mlp-digits", "--model.width", "9:3", "--search", "tpe", "--trials", "2"],
            "expected low:high with low < high",
        ),
        (
            ["mlp-digits", "--optimizer.weight-decay", "0:3:log", "--search", "tpe", "--trials", "2"],
            "with 0 < low < high",
        ),
        (["mlp-digits", "--model.width", "1:3:lin", "--search", "tpe", "--trials", "2"], "only `log` may follow"),
        (["mlp-digits", "--search", "tpe", "--trials", "2"], "a search needs an option to vary"),
        (["mlp-digits", "--search", "tpi", "--trials", "2"], "Did you mean tpe?"),
        (["mlp-digits", "--model.width", "3,4", "--trials", "2"], "belong together"),
        (["mlp-digits", "--model.width", "3:9", "--search", "tpe"], "belong together"),
        (["mlp-digits", "--jobs", "0"], "--jobs: expected a whole number from 1, got '0'"),
        (["mlp-digits", "--jobs"], "--jobs needs a value"),
        (["mlp-digits", "--model.depth", "1,2", "--model.width", "1..6000"], "that is 12,000 combinations"),
        (["mlp-moons", "--model.width", "3:9", "--search", "tpe", "--trials", "2"], "states no target"),
        (["mlp-digits", "--maximize", "a/b", "--minimize", "c/d"], "give one of --maximize a/b and --minimize c/d"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_run(words, message, host):
    with pytest.raises(UserError, match=re.escape(message)) as raised:
        sweep_command.sweep(words, host)
    assert "\n" not in str(raised.value)
    assert calls() == []


def test_options_are_written_as_the_command_line_reads_them(host):
    options = {"model.batch_norm": True, "loss.ridge": 1e-05, "model.activation": "relu", "seed": "3"}
    assert resolve(host, "mlp-digits", [arguments(words_of(options))]) == resolve(host, "mlp-digits", [options])


def test_what_is_looked_for_is_never_measured_on_the_test_set():
    def target(metric, **bar):
        return Recipe("", "d", "1 steps", "", targets=[Target(metric, "", "", **bar)])

    assert goal_of(target("test/accuracy", at_least=1), "") == Goal("val/accuracy", True)
    assert goal_of(target("test/return", at_least=1), "", watched="eval") == Goal("eval/return", True)
    assert goal_of(target("eval/return", at_least=1), "") == Goal("eval/return", True)
    assert goal_of(target("val/loss", at_most=1), "") == Goal("val/loss", False)
    assert goal_of(target("val/loss", at_most=1), "", "val/top5") == Goal("val/top5", True)
    assert goal_of(Recipe("", "d", "1 steps", ""), "") is None


# Running


def test_a_grid_is_every_combination_with_every_seed(sweep, capsys):
    assert sweep("--optimizer.learning-rate", "0.1,0.2", "--model.activation", "relu,elu", "--seed", "0..1",
                 "--steps", "40", "--jobs", "2") == 0  # fmt: skip
    expected = {
        f"run mlp-digits --steps 40 --optimizer.learning-rate {rate} --model.activation {name} --seed {seed} --out"
        for rate, name, seed in itertools.product(("0.1", "0.2"), ("relu", "elu"), "01")
    }
    assert {call.rpartition(" ")[0] for call in calls()} == expected
    assert len(calls()) == 8
    said = capsys.readouterr().out
    assert "8 of 8: " in said
    best = next(line for line in said.splitlines() if line.startswith("the best: "))
    assert best == "the best: dlplug run mlp-digits --steps 40 --optimizer.learning-rate 0.1 --model.activation relu"


def test_the_table_holds_means_over_seeds_the_best_first(sweep, capsys):
    assert sweep("--optimizer.learning-rate", "0.3,0.1", "--seed", "0..2", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["options"] == {"optimizer.learning_rate": "0.1"}
    assert first["values"] == pytest.approx([1.0, 0.99, 0.98])
    assert (first["mean"], second["mean"]) == (pytest.approx(0.99), pytest.approx(0.79))
    assert (first["finished"], first["seconds"], first["seeds"]) == (3, 4.5, ["0", "1", "2"])
    assert all(Path(folder, "result.json").is_file() for folder in first["folders"])


def test_what_has_finished_is_not_run_again_and_more_can_be_asked_for(sweep, capsys):
    sweep("--optimizer.learning-rate", "0.1,0.2")
    capsys.readouterr()
    assert sweep("--optimizer.learning-rate", "0.1,0.2,0.3") == 0
    assert len(calls()) == 3
    assert capsys.readouterr().out.count("finished before") == 2
    assert sweep("--optimizer.learning-rate", "0.1,0.2", "--steps", "7") == 0  # another length is another run
    assert len(calls()) == 5


def test_a_file_of_options_is_part_of_a_run(sweep):
    Path("more.yaml").write_text("model.width: 8\n")
    sweep("--config", "more.yaml", "--seed", "0,1")
    assert all("--config more.yaml" in call for call in calls())
    Path("more.yaml").write_text("model.width: 9\n")
    sweep("--config", "more.yaml", "--seed", "0,1")
    assert len(calls()) == 4


def test_a_failure_is_told_with_its_last_words_and_run_again(sweep, monkeypatch, capsys):
    monkeypatch.setenv("FAIL", "learning-rate 0.2")
    assert sweep("--optimizer.learning-rate", "0.1,0.2,0.3") == 1
    said = capsys.readouterr().out
    assert "learning_rate 0.2, seed 0: failed, val/accuracy 0.9: dlplug: it went wrong" in said
    assert len(calls()) == 3
    monkeypatch.delenv("FAIL")
    assert sweep("--optimizer.learning-rate", "0.1,0.2,0.3") == 0
    assert [call.split()[0] for call in calls()] == ["run"] * 4


def test_a_live_run_is_left_alone(sweep, monkeypatch, capsys):
    """Its sweep was killed, say, and it goes on."""
    monkeypatch.setenv("FAIL", "learning-rate 0.2")
    assert sweep("--optimizer.learning-rate", "0.1,0.2") == 1
    monkeypatch.delenv("FAIL")
    (folder,) = Path("sweeps/mlp-digits").glob("*=0.2*")
    capsys.readouterr()
    with (folder / ".lock").open("w") as file:
        file.write("process 7 on pluto\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert sweep("--optimizer.learning-rate", "0.1,0.2") == 1
    assert len(calls()) == 2
    assert "not begun" in (said := capsys.readouterr().out)
    assert "is in use by process 7 on pluto" in said
    assert sweep("--optimizer.learning-rate", "0.1,0.2") == 0


def test_a_save_that_was_killed_is_no_checkpoint(sweep):
    sweep("--seed", "0,1")
    folder = next(Path("sweeps/mlp-digits").glob("seed=1*"))
    shutil.rmtree(folder)
    (folder / "checkpoints" / ".last-000000001.99.partial").mkdir(parents=True)
    assert sweep("--seed", "0,1") == 0
    assert [call.split()[0] for call in calls()] == ["run"] * 3


@pytest.mark.parametrize("diverged", ["NaN", "null", "-Infinity"])
def test_a_run_that_diverged_is_never_the_best_and_the_rest_is_sorted(diverged, tmp_path, host):
    asked = read(sweep_parser().parse_args(["mlp-digits", "--model.width", "1,2,3,4,5", "--seed", "0,1"]), host)
    accuracies = {"1": ("0.5", "0.5"), "2": (diverged, "0.99"), "3": ("0.9", "0.8"), "4": ("0.1", "0.2")}
    for job in asked.grid():
        for value in accuracies.get(job.tried["model.width"], ())[int(job.seed) :][:1]:
            job.folder.mkdir(parents=True)
            text = '{"status": "finished", "metrics": {"val/accuracy": ' + value + '}, "seconds": null}'
            (job.folder / "result.json").write_text(text)
    told = rows(asked.grid(), asked.goal)
    assert [row["options"]["model.width"] for row in told] == ["3", "1", "4", "2", "5"]
    assert told[4]["mean"] is None
    said = table(asked, told)
    assert said.splitlines()[-1].endswith("--model.width 3")
    assert said.splitlines()[4].split() == ["2", "nan", "nan", "2", "of", "2", "0"]


def test_without_a_target_the_table_has_what_was_measured(host, capsys):
    assert sweep_command.sweep(["mlp-moons", "--seed", "0,1"], host) == 0
    said = capsys.readouterr().out
    assert re.search(r"^ *val/accuracy +finished +seconds$", said, re.MULTILINE)
    assert re.search(r"^ +0.995 +2 of 2 +3$", said, re.MULTILINE)
    assert "the best" not in said
    assert "--maximize or --minimize METRIC" in said


def test_plugins_given_to_the_sweep_are_given_to_its_runs():
    Path("own.py").write_text('"""Nothing."""\n')
    assert main(["-p", "own.py", "-p", "no:sb3", "sweep", "mlp-digits", "--seed", "0,1"]) == 0
    assert all(call.startswith("-p own.py -p no:sb3 run mlp-digits ") for call in calls())


def start(*words, **environ):
    code = f"import sys; from dlplug.cli import launching; launching.PROGRAM = (sys.executable, {CHILD!r})\n" \
           "from dlplug.cli.main import main; sys.exit(main(sys.argv[1:]))"  # fmt: skip
    command = [sys.executable, "-c", code, "sweep", "mlp-digits", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | environ)


def ready(count):
    deadline = time.monotonic() + 60
    while len(list(Path("sweeps").rglob("ready"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_runs_which_save_and_go_on_another_time(number, sweep):
    words = ["--optimizer.learning-rate", "0.1,0.2,0.3,0.4", "--jobs", "2"]
    process = start(*words, WAIT="1")
    ready(2)
    live = sorted(Path("sweeps").rglob("ready"))
    with pytest.raises(UserError, match="sweeps/mlp-digits is in use by process"):
        sweep(*words)
    assert sorted(Path("sweeps").rglob("ready")) == live
    process.send_signal(number)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopping: runs save and end" in complaint
    assert said.count("interrupted") == 2
    assert len(calls()) == 2  # those that had not begun were not
    assert _living() == []
    assert sweep(*words) == 0
    assert [call.split()[0] for call in calls()] == ["resume", "resume", "run", "run", "run", "run"]


def _living():
    """Processes of these tests' runs that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            if CHILD in text and str(Path.cwd()) in os.readlink(path.with_name("cwd")) and "-c" not in text.split("\0"):
                found.append(text)
    return found


def test_a_folder_is_named_by_what_its_run_is_given(sweep):
    sweep("--model.activation", "relu,elu", "--seed", "1")
    names = sorted(path.name for path in Path("sweeps/mlp-digits").glob("*-*"))
    assert [re.sub(r"-[0-9a-f]{8}$", "", name) for name in names] == [
        "model.activation=elu,seed=1",
        "model.activation=relu,seed=1",
    ]
