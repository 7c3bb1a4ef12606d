"""What is registered trains on a GPU: eagerly and with --graph, the same, without a wait of the host, and resumes."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gpu_cases import CASES, QUICKLY_RESUMED, RESUMED, WITHOUT
from stubs import SONAME, Unavailable, library

from dlplug.host.plugins import load_host
from dlplug.recipes import as_use

HERE = Path(__file__).parent
LIMIT = 1800  # seconds for all that one process trains


def slow_unless(quick: bool) -> Any:
    return () if quick else pytest.mark.slow


TRAINED = [pytest.param(f"train:{name}", marks=slow_unless(case.quick), id=name) for name, case in CASES.items()]
AGAIN = [pytest.param(f"resume:{name}", marks=slow_unless(name in QUICKLY_RESUMED), id=name) for name in RESUMED]


@pytest.fixture(scope="session")
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of a process with a GPU: a real one where there is a driver, else a virtual one."""
    paths = [str(HERE), str(HERE.parent / "core"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    if driver():
        return environment
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("the virtual GPU is for Linux on x86-64")
    cache = getattr(request.config, "cache", None)  # none with -p no:cacheprovider
    folder = cache.mkdir("virtual-gpu") if cache else tmp_path_factory.mktemp("virtual-gpu")
    try:
        return {**environment, "LD_PRELOAD": str(library(folder))}
    except Unavailable as error:
        pytest.skip(f"no virtual GPU: {error}")


def driver() -> bool:
    """Whether there is a real one, in which case nothing may stand in for it."""
    try:
        ctypes.CDLL(SONAME)
    except OSError:
        return False
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is a CUDA driver without a GPU")
    return True


@pytest.fixture(scope="session")
def outcomes(
    environment: dict[str, str], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """The complaints about each chosen case. They share a process; one that ends it leaves the rest to another."""
    mine = (item for item in request.session.items if item.path == Path(__file__))
    chosen = [item.callspec.params["case"] for item in mine if "case" in getattr(item, "fixturenames", ())]
    complaints: dict[str, list[str]] = {}
    results = tmp_path_factory.mktemp("gpu") / "results.jsonl"
    while rest := [name for name in chosen if name not in complaints]:
        results.write_text("")
        ended = train([str(results), *rest], environment)
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        if not lines:
            pytest.fail(f"no case began: {ended}")
        complaints |= {line["name"]: line["complaints"] for line in lines if "name" in line}
        if "begun" in lines[-1]:
            complaints[lines[-1]["begun"]] = [ended]
    return complaints


def train(arguments: list[str], environment: dict[str, str]) -> str:
    """How the process ended."""
    command = [sys.executable, str(HERE / "train_cases.py"), *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"the process took more than {LIMIT} s"
    return f"the process ended with {done.returncode}: {done.stderr[-2000:]}"


@pytest.mark.parametrize("case", TRAINED)
def test_eager_and_graphed_steps_train_alike(case: str, outcomes: dict[str, list[str]]) -> None:
    assert not outcomes[case], "\n".join(outcomes[case])


@pytest.mark.parametrize("case", AGAIN)
def test_a_run_goes_on_elsewhere(case: str, outcomes: dict[str, list[str]]) -> None:
    """On the CPU, on the GPU, in a graph and eagerly, from each of the others."""
    assert not outcomes[case], "\n".join(outcomes[case])


@pytest.mark.parametrize("case", [pytest.param("refuse:looking", id="looking")])
def test_a_step_that_no_graph_can_hold_is_one_clear_line(case: str, outcomes: dict[str, list[str]]) -> None:
    assert not outcomes[case], "\n".join(outcomes[case])


@pytest.mark.parametrize("kind", ["data", "losses", "optimizers"])
def test_all_that_is_registered_is_trained(kind: str) -> None:
    host = load_host()
    key = {"data": "data", "losses": "loss", "optimizers": "optimizer"}[kind]
    trained = set()
    for case in CASES.values():
        recipe = host.recipe(case.recipe)
        own = getattr(recipe, key)
        named = case.options.get(key) or (own if not isinstance(own, dict) else [*own.values()])
        trained |= {as_use(one).name for one in (named if isinstance(named, list) else [named])}
    assert trained | WITHOUT[kind].keys() == set(host.names(kind))


def test_what_the_script_for_the_day_of_a_gpu_calls_is_there() -> None:
    script = HERE.parent / "benchmarks" / "gpu_all.sh"
    pieces = re.findall(r"^ *piece (\d+) \w+ (.*)$", script.read_text(), re.MULTILINE)
    assert sum(int(seconds) for seconds, _ in pieces) < 600
    assert any("pytest tests/gpu" in command for _, command in pieces)
    for _, command in pieces:
        words = shlex.split(command)
        files = [script.parents[2] / word for word in words if word.startswith("tests/")]
        assert all(file.exists() for file in files), command
        if words[0] == "python":
            assert all(word in files[0].read_text() for word in words if word.startswith("--")), command


def test_each_preset_for_a_gpu_is_trained() -> None:
    host = load_host()
    wanted = {name for name in host.names("recipes") if "gpu" in host.recipe(name).presets}
    assert {case.recipe for case in CASES.values() if case.preset == "gpu"} == wanted
