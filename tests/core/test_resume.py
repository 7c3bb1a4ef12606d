"""Runs that were killed, interrupted or stopped go on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toys as toys_module
from safetensors.torch import load_file

import dlplug
from dlplug import UserError
from dlplug.host.plugins import load_host
from dlplug.testing import StopAt, assert_same
from dlplug.training import checkpoint

OPTIONS = ["--steps", "800", "--checkpoint-every", "40", "--log-every", "20", "--eval-every", "0",
           "--model.dropout", "0.2", "--optimizer.schedule", "cosine"]  # fmt: skip


def command(toys, *arguments):
    quiet = ["--device", "cpu", "--tensorboard", "off", "--wandb", "off"]
    return [sys.executable, "-m", "dlplug", "-p", str(toys), *arguments, *quiet]


def weights(folder):
    return load_file(checkpoint.newest(folder / "checkpoints", "last") / "weights.safetensors")


def wait_for_step(process, folder, step):
    deadline = time.monotonic() + 60
    while not (folder / "checkpoints").exists() or not checkpoint.find(folder / "checkpoints", "last"):
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while int(checkpoint.newest(folder / "checkpoints", "last").name[5:]) < step:
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.005)


def test_a_killed_run_goes_on_bit_for_bit(toys, in_tmp_path):
    straight, killed = in_tmp_path / "straight", in_tmp_path / "killed"
    subprocess.run(command(toys, "run", "toy-moons", "--out", str(straight), *OPTIONS), check=True)
    process = subprocess.Popen(command(toys, "run", "toy-moons", "--out", str(killed), *OPTIONS))
    wait_for_step(process, killed, 160)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "result.json").exists()
    subprocess.run([sys.executable, "-m", "dlplug", "-p", str(toys), "resume", str(killed)], check=True)
    assert_same(weights(killed), weights(straight), "weights of a killed and resumed run and of one in one piece")
    numbers = [[{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in path.open()]
               for path in (straight / "metrics.jsonl", killed / "metrics.jsonl")]  # fmt: skip
    assert numbers[0] == numbers[1]
    assert json.loads((killed / "result.json").read_text())["status"] == "finished"


def test_ctrl_c_saves_and_says_how_to_go_on(toys, in_tmp_path):
    out = in_tmp_path / "run"
    process = subprocess.Popen(
        command(toys, "run", "toy-moons", "--out", str(out), *OPTIONS[2:], "--steps", "1000000"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_step(process, out, 100)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"go on with: python -m dlplug resume {out}" in output
    assert "Traceback" not in errors
    result = json.loads((out / "result.json").read_text())
    assert result["status"] == "interrupted"
    assert checkpoint.newest(out / "checkpoints", "last").name == f"last-{result['steps']:09d}"


def test_a_finished_run_can_be_made_longer(host, quiet, in_tmp_path):
    run = dlplug.run("toy-moons", {**quiet, "steps": 100, "eval_every": 0}, out="run", host=host)
    longer = dlplug.resume("run", {"steps": 150}, host=host)
    assert run.result["steps"] == 100
    assert longer.result["steps"] == 150
    straight = dlplug.run("toy-moons", {**quiet, "steps": 150, "eval_every": 0}, out="straight", host=host)
    assert_same(weights(longer.folder), weights(straight.folder), "weights")


def test_resuming_a_finished_run_changes_nothing(host, quiet, in_tmp_path):
    run = dlplug.run("toy-dqn", {**quiet, "moves": 60}, out="run", host=host)
    before = (run.folder / "metrics.jsonl").read_text(), weights(run.folder)
    again = dlplug.resume("run", host=host)
    assert_same(weights(again.folder), before[1], "weights")
    assert again.result["steps"] == run.result["steps"]


def test_a_line_cut_off_by_a_crash_is_dropped_and_lines_after_the_checkpoint_too(host, quiet, in_tmp_path):
    host.manager.register(stopper := StopAt(20))
    run = dlplug.run("toy-moons", {**quiet, "steps": 40, "log_every": 10}, out="run", host=host)
    host.manager.unregister(stopper)
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "train/loss": 99.0}\n{"step": 31, "tra')
    dlplug.resume("run", host=host)
    steps = [json.loads(line)["step"] for line in (run.folder / "metrics.jsonl").open()]
    assert steps == [10, 20, 30, 40, 40]
    assert '"train/loss": 99.0' not in (run.folder / "metrics.jsonl").read_text()


def test_a_run_can_be_resumed_without_an_observer_that_it_began_with(host, toys, quiet, in_tmp_path):
    dlplug.run("toy-moons", {**quiet, "steps": 5}, out="run", host=host)
    assert "wandb.mode" in (in_tmp_path / "run" / "config.yaml").read_text()
    assert dlplug.resume("run", {"steps": 6}, host=load_host([toys, "no:wandb"])).result["steps"] == 6


@pytest.mark.parametrize(("name", "match"), [("nowhere", "neither a run folder"), ("empty", "neither a run folder")])
def test_what_is_no_run_is_refused(host, in_tmp_path, name, match):
    (in_tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=match):
        dlplug.resume(name, host=host)


def test_a_run_of_another_model_is_refused(host, quiet, in_tmp_path):
    run = dlplug.run("toy-moons", {**quiet, "steps": 5}, out="run", host=host)
    with pytest.raises(UserError, match="of another model"):
        dlplug.resume("run", {"steps": 10, "model.width": 9}, host=host)
    assert weights(run.folder)["0.weight"].shape == (32, 2)


def test_evaluation_reads_the_last_split_and_changes_nothing(host, quiet, in_tmp_path):
    dlplug.run("toy-moons", {**quiet, "steps": 200}, out="run", host=host)
    files = {path: path.stat().st_mtime_ns for path in (in_tmp_path / "run").rglob("*") if path.is_file()}
    values = dlplug.evaluate("run", host=host)
    assert values["test/accuracy"] > 0.85
    assert "val/accuracy" not in values
    assert all(path.stat().st_mtime_ns == changed for path, changed in files.items())
    assert os.path.exists(values["test/note"])


def test_a_run_keeps_what_was_measured_of_it_until_it_goes_on(host, quiet, in_tmp_path):
    dlplug.run("toy-moons", {**quiet, "steps": 200}, out="run", host=host)
    dlplug.evaluate("run", host=host)
    values = dlplug.evaluate("run", {"data.batch_size": 7}, host=host)
    kept = json.loads(Path("run/evaluation.json").read_text())
    assert kept["metrics"] == {name: value for name, value in values.items() if isinstance(value, float)}
    assert kept["options"] == {"data.batch_size": 7}
    dlplug.resume("run", host=host)
    assert Path("run/evaluation.json").exists()
    dlplug.resume("run", {"steps": 210}, host=host)
    assert not Path("run/evaluation.json").exists()


def test_a_recipes_name_stands_for_its_newest_run(host, quiet, in_tmp_path):
    first = dlplug.run("toy-moons", {**quiet, "steps": 3}, host=host)
    os.rename(first.folder, first.folder.parent / "20200101-000000-aaaa")
    second = dlplug.run("toy-moons", {**quiet, "steps": 4}, host=host)
    assert dlplug.resume("toy-moons", {"steps": 5}, host=host).folder == second.folder


BROKEN = """
import torch
from dlplug import Loss, Update, hookimpl

class FiniteLossOfNanGradient(Loss):
    \"\"\"Its gradient is NaN at one batch.

    at: the batch.
    \"\"\"

    remembers = ("seen",)

    def __init__(self, model, *, at: int = 10):
        super().__init__(model)
        self.at, self.seen = at, 0

    def updates(self, batch):
        self.seen += 1
        loss = self.model(batch.x).square().mean()
        yield Update(loss + (0 * loss).sqrt() if self.seen == self.at else loss)

@hookimpl
def register_losses():
    return {"nan-gradient": FiniteLossOfNanGradient}
"""


def test_weights_that_diverged_are_not_saved_over_good_ones(toys, quiet, in_tmp_path):
    """The loss of the last step is finite; its gradient, and so the weights, are not."""
    Path("broken.py").write_text(BROKEN)
    options = {**quiet, "loss": "nan-gradient", "steps": 10, "checkpoint_every": 5, "metrics": []}
    with pytest.raises(UserError, match=r"the weight 0\.weight is not finite at step 10"):
        dlplug.run("toy-moons", options, out="run", host=load_host([toys, "broken.py"]))
    assert [path.name for path in checkpoint.find(Path("run/checkpoints"), "last")] == ["last-000000005"]
    assert all(tensor.isfinite().all() for tensor in weights(Path("run")).values())
    assert json.loads(Path("run/result.json").read_text())["status"] == "failed"


def rates(folder):
    learner = checkpoint.load_learner(checkpoint.newest(folder / "checkpoints", "last"))
    return [(group["lr"], group["betas"], group["weight_decay"]) for group in learner["steppers"][""]["param_groups"]]


def test_a_resume_may_change_the_optimizers_options(host, quiet, in_tmp_path):
    short = {**quiet, "eval_every": 0, "metrics": []}
    run = dlplug.run("toy-moons", {**short, "steps": 5}, out="run", host=host)
    changed = {"optimizer.learning_rate": 1e-6, "optimizer.beta1": 0.5, "optimizer.weight_decay": 0.1}
    before = weights(run.folder)
    dlplug.resume("run", {"steps": 6, **changed}, host=host)
    assert rates(run.folder) == [(1e-6, (0.5, 0.999), 0.1)]
    moved = max((tensor - before[name]).abs().max().item() for name, tensor in weights(run.folder).items())
    assert 0 < moved < 2e-5  # Adam's steps are about as long as the rate, which was 0.01


def test_an_abandoned_best_goes_only_for_a_new_one(host, quiet, in_tmp_path):
    """Killed after best-000000030 was written and before the last of that step."""
    options = {**quiet, "eval_every": 10, "checkpoint_every": 20, "steps": 20}
    run = dlplug.run("toy-moons", options, out="run", host=host)
    folder = run.folder / "checkpoints"
    best = checkpoint.newest(folder, "best")
    learner = {k: v for k, v in checkpoint.load_learner(best).items() if k != "format"} | {"best": 2.0}
    model = toys_module.Mlp(toys_module.Moons(seed=0).spec)
    checkpoint.save(folder, "best", 30, model, learner | {"step": 30})
    dlplug.resume("run", {"steps": 25, "eval_every": 25, "checkpoint_every": 25}, host=host)
    found = [checkpoint.step_of(path) for path in checkpoint.find(folder, "best")]
    assert found == [25]
