"""What an offline run leaves on disk, read back from the `.wandb` file itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Finished, command, isolated, train
from datastore import history, of_kind, read_log, read_records
from server import Server


class Offline(NamedTuple):
    folder: Path
    done: Finished
    records: list[Any]


def segments(folder: Path) -> list[Path]:
    """The `.wandb` files of a run and its resumptions, oldest first."""
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    top = tmp_path_factory.mktemp("offline")
    config = {"data": "atari", "data.game": "pong", "loss.gamma": 0.99, "size": (84, 84), "preset": "cpu"}
    done = train(top / "run 1", isolated(top / "home"), mode="offline", steps=2000, every=5, media=True, config=config)
    assert done.code == 0, done.said
    (file,) = segments(top / "run 1")
    return Offline(top / "run 1", done, read_records(file))


def test_every_number_is_there(finished: Offline) -> None:
    rows = history(finished.records)
    steps = range(10, 2001, 5)
    assert [row["step"] for row in rows] == list(steps)
    assert [row["frames"] for row in rows] == [4 * step for step in steps]
    assert [row["seconds"] for row in rows] == [step / 2 for step in steps]
    assert [row["train/loss"] for row in rows] == [1.0 / step for step in steps]


def test_the_file_was_long_enough_to_try_the_reader(finished: Offline) -> None:
    (file,) = segments(finished.folder)
    data = file.read_bytes()
    assert len(data) > 2 * 32 * 1024
    damaged = bytearray(data)
    damaged[40_000] ^= 1
    with pytest.raises(AssertionError):
        list(read_log(bytes(damaged)))


def test_scalars_run_against_our_step(finished: Offline) -> None:
    metrics = of_kind(finished.records, "metric")
    (every,) = [metric for metric in metrics if metric.glob_name == "*"]
    assert every.step_metric == "step"
    assert {metric.name for metric in metrics} - {""} == {"step", "frames", "seconds"}


def test_config_tags_group_and_name(finished: Offline) -> None:
    (run,) = of_kind(finished.records, "run")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    del config["_wandb"]
    assert config == {"data": "atari", "data/game": "pong", "loss/gamma": 0.99, "size": [84, 84], "preset": "cpu"}
    assert (run.project, run.run_group, run.display_name) == ("dlplug", "toy", "run 1")
    assert list(run.tags) == ["toy", "cpu"]
    assert run.run_id == json.loads((finished.folder / "wandb.json").read_text())["id"]


def test_media_by_the_bytes_that_the_run_wrote(finished: Offline) -> None:
    row = history(finished.records)[-1]
    (file,) = segments(finished.folder)
    files = file.parent / "files"
    for name, suffix, kind in (("picture", ".png", "image-file"), ("film", ".mp4", "video-file")):
        assert row[f"eval/{name}/_type"] == kind
        assert row[f"eval/{name}/caption"] == f"a {name}"
        written = (finished.folder / "media" / f"eval-{name}{suffix}").read_bytes()
        assert (files / row[f"eval/{name}/path"]).read_bytes() == written
    page = (files / row["eval/words/path"]).read_text()
    assert "<pre>to be &lt;or&gt; not</pre>" in page
    assert "a text" in page


def test_the_weights_are_an_artifact(finished: Offline) -> None:
    (artifact,) = of_kind(finished.records, "artifact")
    assert (artifact.type, artifact.metadata.count("last-000002000")) == ("model", 1)
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    assert files.keys() == {"weights.safetensors", "config.yaml"}
    assert files["weights.safetensors"].read_bytes() == b"weights at 2000"
    assert all(path.is_relative_to(finished.folder) for path in files.values())


def test_summary_and_exit(finished: Offline) -> None:
    given = {i.key: i.value_json for s in of_kind(finished.records, "summary") for i in s.update if i.key}
    assert json.loads(given["test/accuracy"]) == 0.75
    assert json.loads(given["status"]) == "finished"
    (end,) = of_kind(finished.records, "exit")
    assert end.exit_code == 0


def test_one_line_says_how_to_upload_and_nothing_else_is_said(finished: Offline) -> None:
    folder = finished.folder
    assert finished.done.said == f"W&B: to upload this run: wandb sync '{folder}/wandb'/offline-run-*"


def test_nothing_is_written_outside_the_run_folder_but_logs(finished: Offline) -> None:
    outside = [p for p in (finished.folder.parent / "home").rglob("*") if p.is_file()]
    assert all(p.suffix == ".log" for p in outside), outside
    assert {p.name for p in finished.folder.parent.iterdir()} == {"home", "run 1"}


def test_resume_keeps_the_id_and_the_printed_command_uploads_one_run(
    server: Server, nobody: dict[str, str], online: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    train(folder, nobody, mode="offline", steps=40)
    (first,) = segments(folder)
    killed = first.parent.with_name(f"offline-run-20990101_000000-{first.stem[4:]}") / first.name
    killed.parent.mkdir()
    killed.write_bytes(first.read_bytes()[:7])  # what a resumption left that was killed at once
    second = train(folder, nobody, mode="offline", first=40, steps=60, status="failed")
    ids = [of_kind(read_records(file), "run")[0].run_id for file in segments(folder)]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert [of_kind(read_records(file), "exit")[0].exit_code for file in segments(folder)] == [0, 1]
    shell = second.said[second.said.index("wandb sync") :]
    path = f"{Path(sys.executable).parent}:{online['PATH']}"
    done = subprocess.run(shell, shell=True, env=online | {"PATH": path}, cwd=tmp_path, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert list(server.runs) == ids[:1]
    run = server.runs[ids[0]]
    assert [row["step"] for row in run.history] == [10, 20, 30, 40, 50, 60]
    assert run.exits[-1] == 1
    assert run.upserts[0]["displayName"] == "run"
    assert server.artifact_files["artifact-0/weights.safetensors"] == b"weights at 40"
    assert server.artifact_files["artifact-1/weights.safetensors"] == b"weights at 60"


@pytest.mark.slow
def test_a_kill_costs_a_second_at_most(nobody: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = {"mode": "offline", "steps": 50, "pause": True}
    process = subprocess.Popen(command(folder, options), env=nobody, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"trained\n"
    deadline = time.monotonic() + 30
    while not any(file.stat().st_size > 7 for file in segments(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (file,) = segments(folder)
    assert [row["step"] for row in history(read_records(file))] == [10, 20, 30, 40, 50]
