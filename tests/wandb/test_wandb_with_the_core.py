"""The observer under dlplug's own loop: a run and its resumption, one after the other in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from server import Server

PROGRAM = """
import sys
import dlplug
from dlplug.host.plugins import load_host
plugin, folder = sys.argv[1:]
host = load_host([plugin])
dlplug.run("tiny", {"wandb.mode": "online", "wandb.project": "doubling"}, out=folder, host=host)
dlplug.resume(folder, {"steps": 40}, host=host)
"""


def test_what_the_server_has_is_what_metrics_jsonl_has(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = [sys.executable, "-c", PROGRAM, str(Path(__file__).with_name("drawing.py")), str(folder)]
    done = subprocess.run(arguments, env=online, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (run,) = server.runs.values()
    assert run.resumes == 1
    assert run.exits == [0, 0]
    ours = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert ours[-1]["step"] == 40
    assert max(row["points"] for row in ours) == 8 * 40
    rows = [{key: value for key, value in row.items() if key[0] != "_"} for row in run.history]
    assert [_numbers(row) for row in rows] == [_numbers(row) for row in ours]
    for theirs, mine in zip(rows, ours, strict=True):
        for name, value in mine.items():
            if isinstance(value, str):
                assert run.files[theirs[name]["path"]] == (folder / value).read_bytes()
    assert any("eval/square" in row for row in rows)
    assert run.upserts[0]["tags"] == ["tiny"]
    assert run.upserts[0]["project"] == "doubling"
    assert run.config["optimizer/learning_rate"] == {"value": 0.01}
    newest = sorted((folder / "checkpoints").glob("*/weights.safetensors"))[-1]
    assert server.artifact_files["artifact-1/weights.safetensors"] == newest.read_bytes()
    assert server.artifact_files["artifact-1/config.yaml"] == (folder / "config.yaml").read_bytes()


def _numbers(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if isinstance(value, (int, float))}
