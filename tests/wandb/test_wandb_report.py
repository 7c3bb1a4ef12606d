"""Reports and sweeps given to W&B: against the loopback server, by the real wandb-workspaces and `wandb sweep`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from answers import StoredRun
from conftest import isolated
from server import Server

from dlplug.cli.main import main

pytest.importorskip("wandb_workspaces")
CONFIG = {
    "recipe": "mlp-digits", "preset": "", "steps": 20, "data": "flat-digits", "model": "perceptron-layers",
    "loss": "ridge-cross-entropy", "trainer": "torch", "optimizer": "adam", "metrics": ["share-right"],
    "wandb.project": "digits",
}  # fmt: skip


def run_folder(folder: Path, name: str, **options: Any) -> Path:
    """A run as it is left; name: its id on W&B, or "" where it was not logged there."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG | {"seed": 0} | options))
    rows = [{"step": step, "seconds": float(step), "train/loss": 1 / step, "val/accuracy": 0.9} for step in (10, 20)]
    rows[-1]["val/figure"] = "media/figure.png"
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = {"train/loss": 0.05, "val/accuracy": 0.9, "test/accuracy": 0.98}
    result = {"status": "finished", "metrics": metrics, "steps": 20, "seconds": 20.0, "device": "cpu"}
    (folder / "result.json").write_text(json.dumps(result))
    if name:
        (folder / "wandb.json").write_text(json.dumps({"id": name}))
    return folder


def known(server: Server, *names: str) -> None:
    """Runs that the server has."""
    for name in names:
        server.runs[name] = StoredRun(name, upserts=[{"project": "digits"}])


def report(environment: dict[str, str], *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dlplug", "report", *map(str, words), "--wandb"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)


def publish(environment: dict[str, str], *wanted: dict[str, Any]) -> list[str]:
    command = [sys.executable, str(Path(__file__).with_name("publishing.py")), json.dumps(wanted, default=str)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def blocks(server: Server) -> list[dict[str, Any]]:
    (sent,) = server.reports
    return json.loads(sent["spec"])["blocks"]


def grids(server: Server) -> list[dict[str, Any]]:
    return [block["metadata"] for block in blocks(server) if block["type"] == "panel-grid"]


def panels(grid: dict[str, Any]) -> list[dict[str, Any]]:
    return grid["panelBankSectionConfig"]["panels"]


def written(server: Server) -> str:
    """The text of the Markdown blocks."""
    return "\n".join(block["content"] for block in blocks(server) if block["type"] == "markdown-block")


def test_a_report_of_one_run(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    known(server, "aaaa1111")
    folder = run_folder(tmp_path / "run", "aaaa1111", **{"model.activation": "<img src=x>|**"})
    done = report(online, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"W&B Report: {server.url}/tester/digits/reports/mlp-digits--report1"
    (sent,) = server.reports
    assert (sent["entityName"], sent["projectName"], sent["displayName"], sent["type"]) == (
        "tester", "digits", "mlp-digits", "runs",
    )  # fmt: skip
    curves, media = grids(server)
    drawn = [(panel["viewType"], panel["config"]["xAxis"], panel["config"]["metrics"]) for panel in panels(curves)]
    assert sorted(drawn) == [("Run History Line Plot", "step", [name]) for name in ("train/loss", "val/accuracy")]
    assert [panel["config"]["mediaKeys"] for panel in panels(media)] == [["val/figure"]]
    for grid in (curves, media):
        (runs,) = grid["runSets"]
        (condition,) = runs["filters"]["filters"]
        assert (condition["key"], condition["op"], condition["value"]) == (
            {"section": "run", "name": "name"}, "IN", ["aaaa1111"],
        )  # fmt: skip
        assert runs["grouping"] == []
    assert "| test/accuracy ≥ 0.97 | 0.98 | reached |" in written(server)
    code = next(block for block in blocks(server) if block["type"] == "code-block")
    assert "dlplug run mlp-digits" in json.dumps(code)
    assert r"\<img src=x\>\|\*\*" in written(server)  # what a run holds is no markup
    assert server.unknown == []


def test_a_report_of_several_runs_compares_them_and_pools_seeds(
    server: Server, online: dict[str, str], tmp_path: Path
) -> None:
    known(server, "a", "b", "c")
    for name, seed, rate in (("a", 0, 0.1), ("b", 1, 0.1), ("c", 0, 0.2)):
        run_folder(tmp_path / name, name, seed=seed, **{"optimizer.learning_rate": rate})
    (address,) = publish(online, {"folders": [tmp_path / "a", tmp_path / "b", tmp_path / "c"]})
    assert address.startswith(f"{server.url}/tester/digits/reports/")
    curves, _, compared = grids(server)
    (runs,) = curves["runSets"]
    assert sorted(runs["filters"]["filters"][0]["value"]) == ["a", "b", "c"]
    assert [(key["section"], key["name"]) for key in runs["grouping"]] == [("config", "optimizer/learning_rate.value")]
    assert [(panel["viewType"], panel["config"]["diffOnly"]) for panel in panels(compared)] == [
        ("Run Comparer", "split")
    ]
    assert "| configuration | optimizer.learning\\_rate | runs |" in written(server)


def test_without_a_key_it_says_what_to_do_and_the_local_report_is_there(server: Server, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", "aaaa1111")
    done = report(isolated(tmp_path / "home", WANDB_BASE_URL=server.url), folder)
    assert done.returncode == 2
    assert done.stderr == (
        f"dlplug: --wandb: no API key for {server.url}: `wandb login` or WANDB_API_KEY gives one; the local report"
        " has been written\n"
    )
    assert (folder / "report.html").is_file()
    assert (folder / "report.md").is_file()
    assert server.reports == []


def test_runs_that_wandb_does_not_have_are_named(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    known(server, "a")
    there, other = run_folder(tmp_path / "there", "a"), run_folder(tmp_path / "other", "b", **{"wandb.project": "else"})
    never, later = run_folder(tmp_path / "never", ""), run_folder(tmp_path / "later", "bbbb2222")
    groups = [[there, never], [there, later], [there, other]]
    said = publish(online, *({"folders": group} for group in groups))
    assert f"{never} is not in tester/digits: `dlplug run mlp-digits --wandb offline` logs a run for it" in said[0]
    assert f"{later} is not in tester/digits: wandb sync {later}/wandb/offline-run-*" in said[1]
    assert "belongs to one project, and these runs are in tester/digits, tester/else" in said[2]
    assert server.reports == []


def test_offline_or_without_a_server_it_says_so_at_once(online: dict[str, str], tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", "a")
    offline = {"folders": [folder], "environ": {"WANDB_MODE": "offline"}}
    nowhere, told = publish(online | {"WANDB_BASE_URL": "http://127.0.0.1:9"}, {"folders": [folder]}, offline)
    assert nowhere.startswith("error: --wandb: http://127.0.0.1:9 does not answer (")
    assert told.startswith("error: --wandb: WANDB_MODE is offline; unset it")


@pytest.mark.slow
def test_a_refusal_is_one_line(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    server.refusing = 403
    (said,) = publish(online, {"folders": [run_folder(tmp_path / "run", "a")]})
    assert said.startswith("error: W&B took no report: ")
    assert "\n" not in said


def test_wandb_takes_the_sweep(server: Server, online: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "sweep.yaml"
    words = ["--optimizer.learning-rate", "1e-4:1e-1:log", "--model.width", "4:8", "--seed", "0..1"]
    assert main(["sweep", "mlp-digits", *words, "--search", "tpe", "--wandb-config", str(path)]) == 0
    command = [str(Path(sys.executable).with_name("wandb")), "sweep", str(path)]
    done = subprocess.run(command, env=online, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "wandb agent tester/dlplug/sweep1" in done.stderr + done.stdout
    (sent,) = server.sweeps
    assert yaml.safe_load(sent["config"]) == yaml.safe_load(path.read_text())
    assert server.unknown == []
