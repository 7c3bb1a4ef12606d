"""What a shell offers after the first letters: asked of bash itself, and of the candidates that it asks for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dlplug.host.plugins import KINDS

VERBS = {"run", "resume", "eval", "list", "show", "runs", "sample", "verify", "plugins", "doctor", "completion"}


def complete(tmp_path: Path, *words: str) -> list[str]:
    """What bash offers after these words, by the script that the command prints."""
    (tmp_path / "bin").mkdir(exist_ok=True)
    tool = tmp_path / "bin" / "dlplug"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m dlplug "$@"\n')
    tool.chmod(0o755)
    quoted = " ".join(f"'{word}'" for word in words)
    script = f"""
        export PATH='{tmp_path}/bin':$PATH
        eval "$(dlplug completion bash)"
        complete -p dlplug | grep -q -- '-F _dlplug' || exit 9
        COMP_WORDS=(dlplug {quoted}); COMP_CWORD={len(words)}
        _dlplug
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


LIGHT = """
from dlplug import Recipe, hookimpl

class Net:
    'A net.'
    def __init__(self, spec, *, width: int = 3): ...

@hookimpl
def register_data(): return {"grains": lambda: None}

@hookimpl
def register_models(): return {"net": Net}

@hookimpl
def register_recipes(): return {"light-one": Recipe("s", "grains", "1 steps", "none", "net")}
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_completion_works_in_bash(tmp_path):
    Path("light.py").write_text(LIGHT)
    assert complete(tmp_path, "plu") == ["plugins"]
    assert set(complete(tmp_path, "")) >= VERBS
    assert complete(tmp_path, "list", "mo") == ["models"]
    assert complete(tmp_path, "-p", "light.py", "run", "light-") == ["light-one"]
    assert complete(tmp_path, "-p", "light.py", "run", "light-one", "--model.w") == ["--model.width"]


def test_candidates(toy):
    def candidates(*words: str) -> list[str]:
        return toy("completion", "candidates", *words).out.split()

    assert set(candidates()) >= VERBS
    assert candidates("list") == list(KINDS)
    assert candidates("completion") == ["bash", "zsh", "fish"]
    for verb in ("run", "show", "verify", "eval", "sample", "resume"):
        assert "toy-gan" in candidates(verb)
    assert {"--preset", "--config", "--out", "--optimizer.critic.learning-rate"} <= set(candidates("run", "toy-gan"))
    assert candidates("run", "toy-moons", "--preset") == ["tiny"]
    assert candidates("run", "no-such-recipe") == []


def test_flags_of_verbs_and_values_of_options(toy):
    def candidates(*words: str) -> list[str]:
        return toy("completion", "candidates", *words).out.split()

    assert candidates("doctor") == ["--json"]
    assert candidates("exercise") == ["list", "start", "check", "hint", "solution"]
    assert "td-target" in candidates("exercise", "start")
    assert candidates("exercise", "solution", "td-target") == ["--show", "--json"]
    assert candidates("list", "models") == ["--json"]
    assert {"toy-moons", "--status", "--where"} <= set(candidates("runs"))
    assert "--where" in candidates("runs", "toy-moons")
    assert {"--seeds", "--each", "--record", "--model.width"} <= set(candidates("verify", "toy-moons"))
    assert candidates("eval", "runs/toy-moons/1") == ["--json"]
    assert "mlp-toy" in candidates("run", "toy-moons", "--model")
    assert candidates("run", "toy-moons", "--precision") == ["auto", "fp32", "bf16"]
    assert candidates("run", "toy-moons", "--out") == []
    assert candidates("run", "toy-moons", "--launcher") == ["local"]
    assert candidates("help") == candidates()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_valid(cli, shell):
    said = cli("completion", shell)
    assert said.code == 0
    assert "dlplug completion candidates" in said.out
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=said.out, text=True, capture_output=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")
