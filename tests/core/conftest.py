"""What the core's tests share: the toy plugin, a quiet overlay, a folder of their own, the command in two ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dlplug.host.plugins import Host, load_host

TOYS = str(Path(__file__).parent / "toys")


class Output(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)

    def error(self, code: int = 2) -> str:
        """A user's error: nothing on standard output, one line on the other, no traceback."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("dlplug: "), self
        assert self.err.count("\n") == 1, self
        return self.err.removeprefix("dlplug: ").strip()


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test runs in a folder of its own, so that `runs/` never lands in the checkout."""
    monkeypatch.chdir(tmp_path)
    for name in ("DLPLUG_PLUGINS", "DLPLUG_STRICT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def toys() -> str:
    """The path of the toy plugin, for `-p`."""
    return TOYS


@pytest.fixture
def host(toys: str) -> Host:
    return load_host([toys])


@pytest.fixture
def quiet(host: Host) -> dict[str, Any]:
    """An overlay under which a run says nothing and stays on the CPU."""
    overlay: dict[str, Any] = {"console.show": "off", "tensorboard.write": "off", "device": "cpu"}
    return overlay | ({"wandb.mode": "off"} if "wandb" in host.names("observers") else {})


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """`cli("list", "--json")` calls the command in this process."""
    from dlplug.cli.main import main

    def call(*arguments: str) -> Output:
        capsys.readouterr()
        code = main(list(arguments))
        return Output(code, *capsys.readouterr())

    return call


@pytest.fixture
def toy(cli: Callable[..., Output], toys: str) -> Callable[..., Output]:
    """The command with the toy plugin."""
    return lambda *arguments: cli("-p", toys, *arguments)


@pytest.fixture
def command() -> Callable[..., Output]:
    """`command("list", environ={...})` runs `python -m dlplug list` in a process of its own."""

    def call(*arguments: str, environ: Mapping[str, str] | None = None, python: tuple[str, ...] = ()) -> Output:
        done = subprocess.run(
            [sys.executable, *python, "-m", "dlplug", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **(environ or {})},
        )
        return Output(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., str]]:
    """`write(source, other=source)` gives the name of a new importable module, with `OTHER` in it replaced by that of
    the other one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    stem = f"m{abs(hash(request.node.nodeid))}"

    def put(source: str, **others: str) -> str:
        for name, text in {"": source, **others}.items():
            text = textwrap.dedent(text)
            for other in others:
                text = text.replace(other.upper(), stem + other)
            (tmp_path / f"{stem}{name}.py").write_text(text)
        return stem

    yield put
    for name in [name for name in sys.modules if name.startswith(stem)]:
        del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """`install("acme", source)` puts a distribution `acme-plug` 1.0 with the entry point `acme` on the path."""
    site, before = tmp_path / "site", set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(name: str, source: str, requires: str = "", **modules: str) -> None:
        module = f"{name.replace('-', '_')}_module"
        information = site / f"{name}_plug-1.0.dist-info"
        information.mkdir()
        required = f"Requires-Dist: {requires}\n" if requires else ""
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plug\nVersion: 1.0\n{required}")
        (information / "entry_points.txt").write_text(f"[dlplug]\n{name} = {module}\n")
        for file, text in {module: source, **modules}.items():
            (site / f"{file}.py").write_text(textwrap.dedent(text))

    yield put
    for name in set(sys.modules) - before:
        if name.endswith("_module") or name == "good_parts":
            del sys.modules[name]
