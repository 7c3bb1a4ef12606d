"""Makes a run folder, finds one, and reads its configuration; imports no torch."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.errors import UserError
from dlplug.host.plugins import Host, load_host, source_of
from dlplug.options.reading import PLUGIN_FILES, Config
from dlplug.output import command
from dlplug.recipes import as_use
from dlplug.runs.lock import LOCK, locked
from dlplug.runs.records import read_json

if TYPE_CHECKING:
    from dlplug.runs.run import Run

log = logging.getLogger("dlplug")


@contextlib.contextmanager
def new_folder(recipe: str, out: str | None, parts: Sequence[str] = ()) -> Iterator[Path]:
    """A new run folder, locked meanwhile. After an error before anything was learnt in it, it is removed, with the
    folders above it that were made for it.

    out: the folder; else one below runs/ is named by the time, and by the parts that stand in place of the recipe's
        own: "runs/digits/20261128-101500-3fa1-mnist".

    Raises UserError where it exists already or cannot be written.
    """
    identity = "-".join([time.strftime("%Y%m%d-%H%M%S"), os.urandom(2).hex(), *map(_short, parts)])
    folder = Path(os.path.expanduser(out)) if out else Path("runs") / recipe / identity
    if folder.exists() and not (folder / LOCK).exists():
        _refuse_used(folder)
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write the run folder {folder}: {error.strerror}; choose another with --out") from None
    with locked(folder):
        _refuse_used(folder)  # another process may have been quicker
        try:
            yield folder
        except BaseException:
            if not any((folder / name).exists() for name in ("result.json", "metrics.jsonl", "checkpoints")):
                _empty(folder)
                with contextlib.suppress(OSError):  # a folder above it may hold something else by now
                    for path in created:
                        path.rmdir()
            raise


def _short(name: str) -> str:
    """Net, of "__main__:Net"."""
    return re.sub(r"[^\w-]", "", name.rpartition(":")[2].rpartition(".")[2] if ":" in name else name)


def _refuse_used(folder: Path) -> None:
    if not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir()):
        again = command("resume", folder)
        raise UserError(f"{folder} exists already: go on with `{again}`, or choose another --out")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def find_run(name: str, say: bool = True) -> Path:
    """A run folder, or a recipe's newest run below runs/, which is said. Raises UserError where there is none."""
    folder = Path(name)
    if (folder / "config.yaml").is_file():
        return folder
    runs = [path.parent for path in (Path("runs") / name).glob("*/config.yaml")]
    if not runs:
        raise UserError(f"{name} is neither a run folder (with a config.yaml) nor a recipe that has been run here")
    newest = max(runs, key=lambda run: (began(run), run))
    if say:
        log.info(f"{name}: its newest run, {newest}")
    return newest


def began(folder: Path) -> float:
    """When a run was begun, in seconds since 1970: as it wrote down itself, else when its configuration was written."""
    try:
        return datetime.fromisoformat(read_json(folder / "environment.json")["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return (folder / "config.yaml").stat().st_mtime


def located(run: str | Path | Run, host: Host | None) -> tuple[Path, Host]:
    """A run's folder (by its path, or of a recipe's newest) and the plugins that it needs; a run brings its own unless
    others are passed. Raises UserError."""
    if isinstance(run, (str, Path)):
        folder = find_run(str(run))
    else:
        folder, host = run.folder, host or run.host
    return folder, host_of(folder, host)


def host_of(folder: Path, host: Host | None = None) -> Host:
    """The plugins that a run needs: those of a host (by default the installed ones), and the files that the run was
    begun with by `-p`. Raises UserError for a file that is not there."""
    return host_with_files(folder, _saved(folder), host)


def host_with_files(folder: Path, config: Mapping[str, Any], host: Host | None = None) -> Host:
    """As `host_of`, by a configuration that was read from a run folder."""
    options = host.options if host else []
    files = _plugin_files(folder, config, options)
    return host if host and not files else load_host([*options, *files])


def _plugin_files(folder: Path, config: Mapping[str, Any], options: Sequence[str]) -> list[str]:
    """The files in a configuration that a run was begun with by `-p` and that are not among the options now. Each is
    named before it is loaded; one that lies in the folder or is another user's is not, for a folder may be a
    stranger's.

    Raises UserError where one is not there, unless a file of its name is among the options.
    """
    recorded = config.get(PLUGIN_FILES) or read_json(folder / "environment.json").get(PLUGIN_FILES) or []
    if not isinstance(recorded, list) or not all(isinstance(path, str) for path in recorded):
        raise damaged(folder, f"{PLUGIN_FILES} is a list of paths, got {recorded!r}")
    names = {Path(option).name for option in options}
    files = [path for path in recorded if Path(path).name not in names]
    for path in map(Path, files):
        if source_of(str(path)) is None:
            raise UserError(f"{folder} was started with the plugin {path}, which is missing: pass its new path by -p")
        if folder.resolve() in path.resolve().parents or _anothers(path):
            raise UserError(
                f"{folder} was started with the plugin {path}, which is not loaded unasked: read it, and pass it by -p"
            )
        log.info(f"with the plugin {path}, as the run was started")
    return files


def _anothers(plugin: Path) -> bool:
    """Whether a file, or anything in a package, belongs to another user."""
    return hasattr(os, "getuid") and any(path.stat().st_uid != os.getuid() for path in [plugin, *plugin.rglob("*")])


def host_knowing(recipe: str, host: Host) -> Host:
    """A host, with the files that the newest run of a recipe was begun with where it does not know the recipe."""
    if recipe in host.names("recipes"):
        return host
    try:
        folder = find_run(recipe, say=False)
    except UserError:
        return host
    return host_of(folder, host)


def read_config(folder: Path) -> Config:
    """What a run was run with: its resolved configuration, flat. Raises UserError where the file is damaged."""
    return {key: value for key, value in _saved(folder).items() if key != PLUGIN_FILES}


def current_config(folder: Path, host: Host) -> Config:
    """As `read_config`, with the present name of a recipe whose old name another one has now: that of the recipe which
    was formerly called so and has the trainer by which the run was trained."""
    config = read_config(folder)
    for name in host.names("recipes"):
        recipe = host.recipe(name)
        if recipe.formerly == config["recipe"] and as_use(recipe.trainer).name == config.get("trainer"):
            return {**config, "recipe": name}
    return config


def _saved(folder: Path) -> Config:
    """config.yaml as it is, the files of plugins among it."""
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, in C
        config = yaml.load((folder / "config.yaml").read_text(encoding="utf-8"), loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise damaged(folder, error) from None
    if not isinstance(config, dict) or not {"recipe", "preset", "seed"} <= config.keys():
        raise damaged(folder, "expected option: value lines, with recipe, preset and seed among them")
    return config


def damaged(folder: Path, why: object) -> UserError:
    return UserError(f"{folder}/config.yaml is damaged: {' '.join(str(why).split())}")
