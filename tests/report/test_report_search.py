"""Searches by Optuna, with its storage beside the runs; and sweeps for W&B's agents."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from dlplug_report.sweep import command as sweep_command
from dlplug_report.sweep import runs as sweep_runs
from dlplug_report.sweep.plan import read
from dlplug_report.sweep.search import Search
from dlplug_report.sweep.wandb import configuration

from dlplug.cli import launching
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.reading import arguments

pytest.importorskip("optuna")
CHILD = str(Path(__file__).with_name("child.py"))
RATE = ("--optimizer.learning-rate", "1e-3:1:log")


@pytest.fixture(autouse=True)
def stand_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launching, "PROGRAM", (sys.executable, CHILD))


@pytest.fixture(scope="module")
def host():
    return load_host()


@pytest.fixture
def search(host):
    def call(*words, trials, method="tpe"):
        own = ["--search", method, "--trials", str(trials), "--json"]
        return sweep_command.sweep(["mlp-digits", *words, *own], host)

    return call


@pytest.fixture
def plan(host):
    return lambda *words: read(
        sweep_command.sweep_parser().parse_args(["mlp-digits", *words, "--search", "random"]), host
    )


def rates():
    called = Path("called.txt").read_text().splitlines()
    return [float(call.partition("learning-rate ")[2].split()[0]) for call in called if "learning-rate " in call]


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_a_search_stays_in_its_range_and_goes_on_where_it_was(method, search, capsys):
    assert search(*RATE, trials=3, method=method) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert search(*RATE, trials=5, method=method) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told) == len(rates()) == len(set(rates())) == 5
    assert all(1e-3 <= rate <= 1 for rate in rates())
    assert told[0]["mean"] == max(row["mean"] for row in told)
    assert search(*RATE, trials=5, method=method) == 0
    assert len(rates()) == 5


def test_the_estimator_looks_where_it_was_good(plan):
    made = Search(plan(*RATE), "tpe", 30)
    distances = []
    for (job,) in made.plans():
        distances.append(abs(job.tried["optimizer.learning_rate"] - 0.1))
        made.finish([sweep_runs.Outcome(job, "finished", {"metrics": {"val/accuracy": 1 - distances[-1]}})])
    assert sum(distances[20:]) < sum(distances[:10])


def test_a_trial_is_the_mean_of_its_seeds_and_whole_numbers_stay_whole(search, plan, capsys):
    assert search("--model.width", "4:8", "--seed", "0..2", trials=2) == 0
    for row in json.loads(capsys.readouterr().out):
        assert isinstance(row["options"]["model.width"], int)
        assert row["seeds"] == ["0", "1", "2"]
        assert row["mean"] == pytest.approx(0.99)  # 1.00, 0.99 and 0.98
    study = Search(plan("--model.width", "4:8", "--seed", "0..2"), "tpe", 2).study
    assert [trial.value for trial in study.trials] == pytest.approx([0.99, 0.99])


def test_a_trial_that_failed_counts_and_says_why(search, plan, monkeypatch):
    monkeypatch.setenv("FAIL", "run")
    assert search(*RATE, trials=2) == 1
    trials = Search(plan(*RATE), "tpe", 2).study.trials
    assert [trial.state.name for trial in trials] == ["FAIL", "FAIL"]
    assert [trial.user_attrs["failed"] for trial in trials] == ["dlplug: it went wrong"] * 2
    monkeypatch.delenv("FAIL")
    assert search(*RATE, trials=3) == 0
    assert len(rates()) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_trial_that_diverged_counts(value, plan):
    made = Search(plan(*RATE), "tpe", 1)
    (job,) = next(made.plans())
    made.finish([sweep_runs.Outcome(job, "finished", {"metrics": {"val/accuracy": value}})])
    (trial,) = made.study.trials
    assert (trial.state.name, trial.user_attrs["failed"]) == ("FAIL", "val/accuracy is not finite")
    assert made.left == 0


def test_a_trial_that_was_stopped_is_made_another_time(plan):
    before = Search(plan(*RATE), "tpe", 2)
    (job,) = next(before.plans())
    before.finish([sweep_runs.Outcome(job, "interrupted", {})])
    after = Search(plan(*RATE), "tpe", 2)
    assert after.left == 2
    assert next(after.plans()) == [job]


def test_the_same_drawn_twice_at_a_time_is_run_once(search):
    assert search("--model.activation", "relu,elu", trials=8, method="random") == 0
    assert search("--model.activation", "relu,elu", "--jobs", "4", trials=12, method="random") == 0
    assert len(Path("called.txt").read_text().splitlines()) == 2


# For W&B's agents


def test_a_sweep_for_wandb_has_its_distributions(plan):
    told = configuration(
        plan(*RATE, "--model.width", "4:8", "--model.activation", "relu,elu", "--model.depth", "2"), "tpe"
    )
    assert (told["method"], told["metric"]) == ("bayes", {"name": "val/accuracy", "goal": "maximize"})
    assert told["parameters"] == {
        "optimizer.learning-rate": {"distribution": "log_uniform_values", "min": 1e-3, "max": 1.0},
        "model.width": {"distribution": "int_uniform", "min": 4, "max": 8},
        "model.activation": {"values": ["relu", "elu"]},
        "seed": {"values": [0]},
    }
    assert "run_cap" not in told


def test_what_an_agent_runs_is_dlplug_run_with_options_that_it_takes(plan, host):
    sweeps = pytest.importorskip("wandb.sdk.launch.sweeps.utils")
    told = configuration(plan(*RATE, "--model.width", "4:8", "--model.depth", "2", "--model.batch-norm"), "tpe")
    drawn = {"optimizer.learning-rate": 0.012, "model.width": 5, "seed": 3}
    made = sweeps.create_sweep_command_args({"args": {k: {"value": v} for k, v in drawn.items()}})
    words = [word for part in told["command"] for word in (made["args"] if part == "${args}" else [part])]
    assert words[:4] == ["${env}", "${program}", "run", "mlp-digits"]
    config = resolve(host, "mlp-digits", [arguments(words[4:])])
    assert (config["optimizer.learning_rate"], config["model.width"], config["seed"]) == (0.012, 5, 3)
    assert (config["model.depth"], config["model.batch_norm"]) == (2, True)
    assert told["program"] == "dlplug"


def test_the_file_is_written_and_nothing_run(capsys):
    words = ["--seed", "0..2", "--trials", "7", "--wandb-config", "here/sweep.yaml"]
    assert main(["sweep", "mlp-digits", *words]) == 0
    assert "`wandb sweep here/sweep.yaml`" in capsys.readouterr().out
    told = yaml.safe_load(Path("here/sweep.yaml").read_text())
    assert (told["method"], told["parameters"]["seed"]) == ("grid", {"values": [0, 1, 2]})
    assert (told["run_cap"], told["program"], told["project"]) == (7, "dlplug", "dlplug")
    assert not Path("called.txt").exists()
