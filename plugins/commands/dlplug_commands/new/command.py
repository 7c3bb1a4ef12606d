"""`dlplug new NAME`: writes a plugin that works: the folder `template`, with its name replaced by NAME."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import as_file, files
from keyword import iskeyword
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from dlplug import CommandParser, UserError, parsed_by
from dlplug.host.plugins import KINDS, Host
from dlplug.output import print_result

EXAMPLE = "example"  # the template's own name


def new_parser() -> CommandParser:
    parser = CommandParser(
        "dlplug new",
        description="Writes a new plugin: a folder with data, a model, a loss, a metric, a recipe and their test, which"
        " work as they are.",
    )
    add = parser.add_argument
    add("name", metavar="NAME", help="the plugin's name: lower-case letters, digits and single hyphens")
    add("--out", default="", metavar="FOLDER", help="the folder to be written (default: NAME)")
    add("--json", action="store_true", help="print the paths of the files as JSON")
    return parser


@parsed_by(new_parser)
def new_command(flags: Any, host: Host) -> int:
    """Writes a new plugin that works, to be changed into your own."""
    check_name(flags.name, host)
    folder = Path(flags.out or flags.name)
    if folder.exists():
        raise UserError(f"{folder} exists; name a new folder by --out FOLDER")
    paths = write(flags.name, folder)
    found = {"folder": str(folder), "files": [str(path) for path in paths]}
    return print_result(found, flags.json, lambda: print_steps(folder, flags.name, paths))


def check_name(name: str, host: Host) -> None:
    """Raises UserError for a name that is no plugin's, or that is taken."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or iskeyword(name):
        raise UserError(
            f"a plugin's name has lower-case letters, digits and single hyphens, such as my-nets; got {name!r}"
        )
    taken = {plugin.name for plugin in host.plugins}.union(*map(host.names, KINDS))
    for used in (name, f"{name}-net", f"{name}-loss", f"{name}-accuracy"):
        if used in taken:
            raise UserError(f"{used} is already the name of an installed plugin, or of a part of one; choose another")


def write(name: str, folder: Path) -> list[Path]:
    """The template's files with the plugin's name in them, in a new folder, which appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with as_file(files("dlplug_commands.new") / "template") as template:
            sources = sorted(path for path in template.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
            parts = [[renamed(part, name) for part in path.relative_to(template).parts] for path in sources]
            for path, place in zip(sources, parts, strict=True):
                target = half.joinpath(*place)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(renamed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
        with (half / "pyproject.toml").open("a", encoding="utf-8") as file:
            file.write(sources_of_dlplug())
        half.chmod(0o755)
        half.rename(folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    return [folder.joinpath(*place) for place in parts]


def renamed(text: str, name: str) -> str:
    """The text with the plugin's name for the template's; with underscores where it is a part of a Python name."""
    identifier = name.replace("-", "_")
    return text.replace(f"_{EXAMPLE}", f"_{identifier}").replace(EXAMPLE, name)


def sources_of_dlplug() -> str:
    """Where uv finds a dlplug that was installed from a folder: a section of pyproject.toml, or nothing."""
    lines = []
    for name in ("dlplug", "dlplug-commands"):
        try:
            url = json.loads(distribution(name).read_text("direct_url.json") or "{}").get("url", "")
        except PackageNotFoundError:
            continue
        if url.startswith("file:"):
            path = url2pathname(urlparse(url).path)
            lines.append(f"{name} = {{ path = {json.dumps(path)}, editable = true }}\n")
    return "\n[tool.uv.sources]\n" + "".join(lines) if lines else ""


def print_steps(folder: Path, name: str, paths: list[Path]) -> None:
    for path in paths:
        print(path)
    print(f"\nTrain it: cd {shlex.quote(str(folder))} && uv run dlplug run {name}\nTest it:  uv run pytest")
