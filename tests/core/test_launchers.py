"""A plugin may start a run's process somewhere else; the packages ship their types."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]

LAUNCHER = """
from dataclasses import dataclass
from pathlib import Path
from dlplug import hookimpl

@dataclass(frozen=True)
class Cluster:
    "queue: of the cluster"
    queue: str = "short"

class Ended:
    def wait(self): return 7
    def send_signal(self, sig): pass

class Elsewhere:
    "Writes down what it was asked to start."
    def __init__(self, *, cluster: Cluster): self.queue = cluster.queue
    def __call__(self, words, *, log=None, environ=None):
        Path("asked").write_text(f"{self.queue}: {' '.join(words)}")
        return Ended()

@hookimpl
def register_launchers(): return {"elsewhere": Elsewhere}
"""


def test_a_run_is_started_by_the_launcher_that_is_named(cli, toys):
    Path("mine.py").write_text(LAUNCHER)
    plugins = ("-p", "mine.py", "-p", toys)
    options = ("--launcher=elsewhere", "--launcher.queue", "long", "--steps", "3")
    said = cli(*plugins, "run", "toy-moons", *options)
    assert said.code == 7, said
    assert Path("asked").read_text() == f"long: -p mine.py -p {toys} run toy-moons --steps 3"
    assert not Path("runs").exists()
    assert "elsewhere" in cli(*plugins, "list", "launchers").out
    Path("asked").unlink()
    assert cli(*plugins, "run", "toy-moons", *options, "--model.widht", "3").code == 2
    assert "Did you mean elsewhere" in cli(*plugins, "run", "toy-moons", "--launcher", "elsewere").err
    said = cli(*plugins, "run", "toy-moons", "--launcher", "elsewhere", "--launcher.que", "long")
    assert "--launcher elsewhere has no option --launcher.que. Did you mean --launcher.queue?" in said.err
    assert not Path("asked").exists()


def test_the_local_launcher_starts_the_command(tmp_path):
    from dlplug.cli.launching import Local

    assert Local()(["--version"], log=tmp_path / "log").wait() == 0
    assert (tmp_path / "log").read_text().startswith("dlplug ")


def test_every_package_ships_its_types():
    packages = [ROOT / "dlplug", ROOT / "envs" / "dlplug_envs"]
    projects = [*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("plugins/kits/*/pyproject.toml")]
    packages += [path.parent / f"dlplug_{path.parent.name}" for path in projects]
    assert [str(package) for package in packages if not (package / "py.typed").is_file()] == []
