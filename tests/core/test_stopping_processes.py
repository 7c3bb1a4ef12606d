"""A signal to a whole process: it ends with 130 and one line, and leaves nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_stopping import SIGNALS, result


@pytest.mark.slow
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("verb", ["run", "eval"])
def test_a_process_that_is_stopped_ends_with_130_and_one_line(toys, in_tmp_path, verb, name):
    Path("slow.py").write_text(SLOW)
    quiet = ["--device", "cpu", "--tensorboard", "off", "-p", toys, "-p", "slow.py", "-p", "no:wandb"]
    if verb == "eval":
        command = [sys.executable, "-m", "dlplug", "run", "toy-moons", "--out", "run", "--steps", "5", *quiet]
        subprocess.run(command, check=True, capture_output=True)
        before = sorted(path for path in Path("run").rglob("*"))
    arguments = {"run": ["run", "toy-moons", "--out", "run", "--steps", "5", "--metrics", "slow"],
                 "eval": ["eval", "run", "--metrics", "slow"]}[verb]  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "dlplug", *arguments, *quiet], stderr=-1, stdout=-1, text=True)
    while not Path("there").exists():
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(getattr(signal, name))
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    if verb == "eval":
        assert errors == "stopped\n"
        assert sorted(path for path in Path("run").rglob("*")) == before
    else:
        assert result()["status"] == "interrupted"
        assert "dlplug resume run" in out
        assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("verb", ["sample", "report", "verify"])
def test_what_looks_at_runs_ends_with_130_and_one_line(toys, in_tmp_path, verb, name):
    """`verify` while it evaluates: a run of its own has ended, and a record has not begun."""
    Path("slow.py").write_text(SLOW)
    plugins = ["-p", toys, "-p", "slow.py", "-p", "no:wandb"]
    short = ["--steps", "5", "--device", "cpu", "--tensorboard", "off", *plugins]
    run = ["run", "toy-moons", "--out", "run", *short]
    subprocess.run([sys.executable, "-m", "dlplug", *run], check=True, capture_output=True)
    before = sorted(Path("run").rglob("*"))
    arguments = {
        "sample": ["sample", "run", "--what", "slow-picture", *plugins],
        "report": ["report", "run", *plugins],
        "verify": ["verify", "toy-moons", "--metrics", "slow-last", *short],
    }[verb]
    environ = {**os.environ, **({"SLOW_REPORT": "1"} if verb == "report" else {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "dlplug", *arguments], stderr=-1, stdout=-1, text=True, env=environ
    )
    while not Path("there").exists():
        time.sleep(0.05)
        assert process.poll() is None, process.communicate()
    process.send_signal(getattr(signal, name))
    errors = process.communicate(timeout=20)[1]
    assert (process.returncode, errors.splitlines()[-1:]) == (130, ["stopped"]), errors
    assert "Traceback" not in errors
    assert sorted(Path("run").rglob("*")) == before
    assert not Path("verified").exists()
    assert not list(Path().rglob("*.partial"))


SLOW = """
import os
import time
from pathlib import Path
from dlplug import hookimpl
from dlplug.stop import stop_if_asked

def slow(product, data):
    \"\"\"Slow.\"\"\"
    Path("there").write_text("")
    for _ in range(600):
        time.sleep(0.1)
        stop_if_asked()
    return {"accuracy": 1.0}

def slow_last(product, data):
    \"\"\"Slow on the last split alone, which `eval` and `verify` measure on.\"\"\"
    if any(Path("runs").glob("*/*/result.json")):
        slow(product, data)
    return {"accuracy": 1.0}

def slow_picture(product, data):
    \"\"\"Slow.\"\"\"
    return slow(product, data)

@hookimpl
def register_metrics():
    return {"slow": slow, "slow-last": slow_last}

@hookimpl
def register_samplers():
    return {"slow-picture": slow_picture}

if os.environ.get("SLOW_REPORT"):
    from dlplug_report.page import model

    model.build = slow
"""
