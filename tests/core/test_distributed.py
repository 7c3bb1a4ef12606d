"""Two processes with half the batch each learn as one process with the whole batch."""

import os
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

import dlplug
from dlplug import UserError, distributed

PROGRAM = """
import sys, dlplug
from dlplug.host.plugins import load_host
options = {"console.show": "off", "tensorboard.write": "off", "device": "cpu", "steps": 30, "log_every": 10}
host = load_host([sys.argv[1], "no:wandb"])
dlplug.run("toy-moons", options, out=sys.argv[2], host=host)
"""


def launch(toys, out, world):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = []
    for rank in range(world):
        environ = os.environ | {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world),
                                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}  # fmt: skip
        processes.append(subprocess.Popen([sys.executable, "-c", PROGRAM, str(toys), str(out)], env=environ))
    assert [process.wait(120) for process in processes] == [0] * world
    return load_file(next((out / "checkpoints").glob("last-*")) / "weights.safetensors")


def test_two_processes_learn_as_one(toys, tmp_path):
    one = launch(toys, tmp_path / "one", 1)
    two = launch(toys, tmp_path / "two", 2)
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("recipe", "options", "says"),
    [
        ("toy-dqn", {}, "walk acts with the model in one process alone"),
        ("toy-moons", {"data.batch_size": 31}, "--data.batch-size 31 does not divide among 2 processes"),
        ("toy-moons", {"points": 640}, "a length in --steps"),
    ],
)
def test_what_processes_cannot_learn_together_is_refused(host, quiet, in_tmp_path, monkeypatch, recipe, options, says):
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    with pytest.raises(UserError, match=says):
        dlplug.run(recipe, {**quiet, **options}, host=host)
    assert not (in_tmp_path / "runs").exists()


FAILS = """
import os
from dlplug import Loss, Update, hookimpl

class FailsElsewhere(Loss):
    \"\"\"Fails in the second process.\"\"\"

    def updates(self, batch):
        if os.environ["RANK"] == "1":
            raise MemoryError("out of memory in the second process")
        yield Update(self.model(batch.x).square().mean())

@hookimpl
def register_losses():
    return {"fails-elsewhere": FailsElsewhere}
"""


def torchrun(toys, *arguments):
    quiet = ["--device", "cpu", "--tensorboard", "off", "-p", toys, "-p", "no:wandb"]
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dlplug"]
    return subprocess.run([*start, *arguments, *quiet], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_a_process_that_fails_leaves_earlier_runs_alone(toys, in_tmp_path):
    earlier = in_tmp_path / "runs" / "toy-moons" / "20200101-000000-aaaa" / "result.json"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("{}")
    (in_tmp_path / "fails.py").write_text(FAILS)
    done = torchrun(toys, "run", "toy-moons", "-p", "fails.py", "--loss", "fails-elsewhere", "--steps", "50")
    assert done.returncode != 0
    assert "out of memory in the second process" in done.stderr
    assert earlier.exists()


@pytest.mark.slow
def test_a_player_under_torchrun_is_refused_in_one_line(toys, in_tmp_path):
    done = torchrun(toys, "run", "toy-dqn")
    assert done.returncode != 0
    assert "dlplug: --data walk acts with the model in one process alone: run without torchrun" in done.stderr
    assert "dlplug/" not in done.stderr, "no traceback of ours"
    assert not (in_tmp_path / "runs").exists()


@pytest.mark.slow
def test_each_process_goes_on_from_its_own_random_state(toys, in_tmp_path):
    """With dropout, whose masks are each process's own: 20 steps are 10 and, after a resume, 10 more."""
    options = ["--model.dropout", "0.5", "--eval-every", "0", "--metrics", "accuracy-toy"]
    for out, lengths in (("straight", ["20"]), ("broken", ["10", "20"])):
        for verb, steps in zip(["run", "resume"], lengths, strict=False):
            arguments = ["run", "toy-moons", "--out", out, *options] if verb == "run" else ["resume", out]
            done = torchrun(toys, *arguments, "--steps", steps)
            assert done.returncode == 0, done.stderr
    straight, broken = (
        load_file(in_tmp_path / out / "checkpoints" / "last-000000020" / "weights.safetensors")
        for out in ("straight", "broken")
    )
    for name, weight in straight.items():
        assert torch.equal(broken[name], weight), name
