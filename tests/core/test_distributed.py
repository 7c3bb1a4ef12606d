"""Two processes with half the batch each learn as one process with the whole batch."""

import os
import socket
import subprocess
import sys

import torch
from safetensors.torch import load_file

PROGRAM = """
import sys, dlplug
from dlplug.plugins import load_host
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
