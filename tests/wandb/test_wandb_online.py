"""A complete online run against a loopback server, its resumption, and servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import command, train
from datastore import history, of_kind, read_records
from server import Server


def test_a_complete_run_and_its_resumption(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = {"data": "atari", "data.game": "pong", "steps": 50}
    first = train(folder, online, steps=50, media=True, config=config)
    assert (first.code, first.said) == (0, "")
    (run,) = server.runs.values()
    assert run.name == json.loads((folder / "wandb.json").read_text())["id"]
    assert [row["step"] for row in run.history] == [10, 20, 30, 40, 50]
    assert [row["train/loss"] for row in run.history] == [1 / step for step in (10, 20, 30, 40, 50)]
    assert [row["frames"] for row in run.history] == [40, 80, 120, 160, 200]
    assert run.config["data/game"] == {"value": "pong"}
    assert (run.upserts[0]["project"], run.upserts[0]["groupName"], run.upserts[0]["tags"]) == (
        "dlplug",
        "toy",
        ["toy"],
    )
    assert run.exits == [0]
    assert run.summary["test/accuracy"] == 0.75
    for name, suffix in (("picture", ".png"), ("film", ".mp4")):
        drawn = run.history[-1][f"eval/{name}"]
        assert run.files[drawn["path"]] == (folder / "media" / f"eval-{name}{suffix}").read_bytes()
    assert server.artifacts["artifact-0"]["state"] == "COMMITTED"
    assert server.artifact_files["artifact-0/weights.safetensors"] == b"weights at 50"

    # The run was killed after step 50, say, and goes on from its checkpoint at 30 with a longer length. On the server
    # somebody has renamed and tagged it meanwhile.
    run.display_name, run.tags = "the good one", ["toy", "best"]
    second = train(folder, online, first=30, steps=80, status="interrupted", config=config | {"steps": 80})
    assert (second.code, second.said) == (0, "")
    assert list(server.runs) == [run.name]
    assert run.resumes == 1
    # Step 40 was there already; 50 may have been cut short, so that it comes again.
    assert [row["step"] for row in run.history] == [10, 20, 30, 40, 50, 50, 60, 70, 80]
    assert run.exits == [0, 1]
    assert run.config["steps"] == {"value": 80}
    assert run.summary["step"] == 80
    assert (run.display_name, run.tags) == ("the good one", ["toy", "best"])
    assert server.artifact_files["artifact-1/weights.safetensors"] == b"weights at 80"


def test_a_server_that_withholds_its_answers_never_holds_up_training(
    server: Server, online: dict[str, str], tmp_path: Path
) -> None:
    server.answering.clear()
    options = {"steps": 5000, "pause": True}
    process = _start(tmp_path / "run", options, online)
    assert process.stdout is not None
    assert process.stdout.readline() == "trained\n"  # 500 rows, and not one answer
    assert server.runs == {}
    server.answering.set()
    output, said = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert said == "" or said.startswith(
        "W&B is uploading"
    )  # on a busy machine the upload takes long enough to be said
    measured = json.loads(output.splitlines()[-1])
    assert measured["slowest"] < 0.25
    assert measured["median"] < 1e-3
    (run,) = server.runs.values()
    assert [row["step"] for row in run.history] == list(range(10, 5001, 10))


@pytest.mark.parametrize("trouble", ["refused", pytest.param("bad key", marks=pytest.mark.slow)])
def test_a_failed_start_goes_offline_and_loses_nothing(
    trouble: str, server: Server, online: dict[str, str], tmp_path: Path
) -> None:
    server.refusing = 401 if trouble == "refused" else 0
    environment = online | ({"WANDB_API_KEY": "short"} if trouble == "bad key" else {})
    done = train(tmp_path / "run", environment, steps=50)
    assert done.code == 0
    assert done.said.startswith("W&B could not start online, and logs offline")
    assert done.said.endswith(f"to upload this run: wandb sync {tmp_path}/run/wandb/offline-run-*")
    assert len(done.said.splitlines()) == 2
    _check_offline(tmp_path / "run", [10, 20, 30, 40, 50])


@pytest.mark.slow
def test_a_server_silent_from_the_start_is_given_up(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    server.answering.clear()
    started = time.monotonic()
    done = train(tmp_path / "run", online, steps=50)
    assert 15 < time.monotonic() - started < 45
    assert "W&B went offline" in done.said
    _check_offline(tmp_path / "run", [10, 20, 30, 40, 50])


@pytest.mark.slow
def test_a_server_that_falls_silent_is_given_up_at_the_end(
    server: Server, online: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    process = _start(folder, {"steps": 50, "pause": True, "limits": [15, 2]}, online)
    _wait_for(lambda: _written(folder) == 5)
    server.answering.clear()
    started = time.monotonic()
    _, said = process.communicate("\n", timeout=60)
    assert time.monotonic() - started < 15
    assert process.returncode == 0
    sync = f"wandb sync --include-online {folder}/wandb/*run-*"
    assert said.splitlines()[-1] == f"W&B has not uploaded everything; to upload the rest: {sync}"
    server.answering.set()
    environment = online | {"PATH": f"{Path(sys.executable).parent}:{online['PATH']}"}
    subprocess.run(sync, shell=True, env=environment, capture_output=True, timeout=60, check=True)
    (run,) = server.runs.values()
    assert [row["step"] for row in run.history] == [10, 20, 30, 40, 50]


def test_the_death_of_wandb_costs_one_line(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = _start(folder, {"steps": 50, "pause": True}, online)
    _wait_for(lambda: _written(folder) == 5)
    for pid in _children(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    output, said = process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert json.loads(output.splitlines()[-1])["finished"] < 20
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("W&B: ")
    assert said.endswith("training continues\n")


@pytest.mark.slow
def test_ctrl_c_ends_the_wait_for_uploads(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = _start(folder, {"steps": 50, "pause": True}, online)
    _wait_for(lambda: _written(folder) == 5)
    server.answering.clear()
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert "Ctrl-C stops it" in process.stderr.readline()
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - started < 10
    assert process.returncode == 0
    assert said.startswith("W&B has not uploaded everything")


def _start(folder: Path, options: dict[str, Any], environment: dict[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command(folder, options), env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def _written(folder: Path) -> int:
    """Rows that are safe on disk."""
    return sum(len(history(read_records(file))) for file in folder.glob("wandb/run-*/*.wandb"))


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if int(line.split()[1]) == pid]


def _check_offline(folder: Path, steps: list[int]) -> None:
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    records = read_records(file)
    assert [row["step"] for row in history(records)] == steps
    assert of_kind(records, "run")[0].run_id == json.loads((folder / "wandb.json").read_text())["id"]
    assert of_kind(records, "exit")[0].exit_code == 0
