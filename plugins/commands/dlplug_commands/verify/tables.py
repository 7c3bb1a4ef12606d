"""The results tables of the READMEs, written from the records of `dlplug verify`: no number in them is typed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dlplug
from dlplug.claims.intervals import interval
from dlplug.claims.records import UNFINISHED, project_of, records
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.options.parsing import flag
from dlplug.output import command
from dlplug.recipes import Recipe, Target, claims
from dlplug.runs.records import write_text

BEGIN, END = "<!-- results -->", "<!-- /results -->"
PLACE = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
COLUMNS = ("recipe", "target", "reached", "each seed", "on", "commit")
STATES = ("reached", "mean only", "not reached", "not verified yet")
MEANING = (
    "Reached: mean ± half width of the 95 % interval over the seeds (Student's t), where the worse end of it reaches"
    " the bar. Mean only: the mean reaches it and the interval does not, or there is none, as with one seed."
)
ROWS = 4  # targets of one record, beyond which they share a row


class Row(NamedTuple):
    """The cells of one line. states: of each claim behind it, one of STATES."""

    recipe: str
    target: str
    reached: str
    values: str = ""
    device: str = ""
    commit: str = ""
    states: tuple[str, ...] = ()


def write_tables(host: Host, only_check: bool) -> int:
    """Writes every table; with `only_check` it writes none, and returns 1 where one is stale."""
    stale = [(path, text) for path, text in tables(host) if path.read_text(encoding="utf-8") != text]
    writes = command("verify", "--all", "--table")
    for path, text in stale:
        if not only_check:
            write_text(path, text)
        print(f"{path}: {f'stale; {writes} writes it' if only_check else 'written'}")
    if not stale:
        print("every table agrees with the records")
    return 1 if stale and only_check else 0


def tables(host: Host) -> Iterator[tuple[Path, str]]:
    """(README, its text with the current table) of every plugin whose source is here, and of the project."""
    if broken := next((plugin for plugin in host.plugins if plugin.state != "works"), None):
        raise UserError(f"the tables need every plugin, and {broken.name} is {broken.state}")
    root, overview = _readme(dlplug), list[Sequence[str]]()
    watching = {"seed", *host.names("observers")}
    for plugin in host.plugins:
        names = [entry.name for entry in host.entries("recipes") if entry.plugin is plugin]
        readme = _readme(plugin.module)
        if readme is None or not names:
            continue
        rows = [row for name in names for row in _rows(host, name, watching)]
        if root is not None and root.parent in readme.parents:  # a plugin of this project
            page = readme.relative_to(root.parent).as_posix()
            counts = Counter(state for row in rows for state in row.states)
            overview.append((f"[{plugin.name}]({page})", *(str(counts[state]) for state in STATES)))
        without = [f"`{name}`" for name in names if not _claims(host.recipe(name))]
        notes = [f"No target is stated for {', '.join(without)}."] if without else []
        yield readme, filled(readme, rows, MEANING, *notes)
    if root is not None:
        yield root, filled(root, overview, MEANING, columns=("claims of", *STATES))


def _rows(host: Host, name: str, watching: Collection[str]) -> list[Row]:
    def usual(preset: str) -> Mapping[str, Any]:
        return resolve(host, name, [], preset, partly=True)

    return rows_of(name, host.recipe(name), records(host, name), watching, usual)


def _commits(record: Mapping[str, Any]) -> str:
    """Those that its seeds were trained at, in their order: a record that was resumed may have several."""
    commits = dict.fromkeys(run.get("commit", record["commit"]) for run in record["runs"])
    return ", ".join(f"`{commit[:9]}`" for commit in commits if commit)


def rows_of(
    name: str,
    recipe: Recipe,
    entries: Mapping[str, Mapping[str, Any]],
    watching: Collection[str] = (),
    usual: Callable[[str], Mapping[str, Any]] | None = None,
) -> list[Row]:
    """A row for each recorded number, and one for each claim without a record.

    watching: prefixes of options that do not change training; rows leave them out. usual: returns the recipe's
    resolved options under a preset; a row names the options in which its claim differs from them.
    """
    rows, recorded = [], set()
    for entry, record in entries.items():
        stated = [_answered(target, claims(recipe, record["preset"])) for target in record["targets"]]
        owner = _owner(recipe, record["preset"])
        recorded |= {((claim.metric, claim.protocol), owner) for claim in stated if claim is not None}
        unfinished = ", unfinished" if entry.endswith(UNFINISHED) else ""
        common = {
            "recipe": _named(name, record, watching),
            "device": _device(record["environment"]),
            "commit": _commits(record),
        }
        answers = list(zip(record["targets"], stated, strict=True))
        cells = [_cells(*pair) for pair in answers] if len(answers) <= ROWS else [_together(answers)]
        rows += [Row(**common, **cell | {"reached": cell["reached"] + unfinished}) for cell in cells]
    for owner, claim in _claims(recipe):
        if ((claim.metric, claim.protocol), owner) not in recorded:
            config = usual(owner) if usual is not None and claim.where else claim.where
            where = {key: value for key, value in claim.where.items() if config.get(key) != value}
            words = _code(name, owner, where), _literal(str(claim)), "not verified yet"
            rows.append(Row(*words, states=("not verified yet",) if claim.stated else ()))
    return rows


def filled(readme: Path, rows: Sequence[Sequence[Any]], *notes: str, columns: Sequence[str] = COLUMNS) -> str:
    """A README's text with the rows' first cells between its markers. Raises UserError without markers."""
    text = readme.read_text(encoding="utf-8")
    if len(PLACE.findall(text)) != 1:
        raise UserError(f"{readme} needs one place for its table: put {BEGIN} and {END} there, once")
    lines = [_line(columns), f"|{'---|' * len(columns)}"]
    lines += [_line([str(cell).replace("|", "\\|") for cell in row[: len(columns)]]) for row in rows]
    body = "\n".join(lines if rows else ["Nothing is claimed yet."])
    block = "\n\n".join([BEGIN, body, " ".join([*notes, "Written by `dlplug verify --all --table`."]), END])
    return PLACE.sub(lambda _: block, text)


def _line(cells: Sequence[str]) -> str:
    return re.sub(r"\|  (?=\|)", "| ", f"| {' | '.join(cells)} |")


def _readme(module: Any) -> Path | None:
    project = project_of(module)
    return project / "README.md" if project is not None and (project / "README.md").is_file() else None


def _claims(recipe: Recipe) -> list[tuple[str, Target]]:
    """Every claim with the preset that states it, "" for the recipe's own."""
    own = [("", target) for target in recipe.targets]
    return own + [(preset, target) for preset, value in recipe.presets.items() for target in value.targets]


def _owner(recipe: Recipe, preset: str) -> str:
    """The preset that states the claims under a preset: itself, or the recipe."""
    return preset if preset in recipe.presets and recipe.presets[preset].targets else ""


def _named(name: str, record: Mapping[str, Any], watching: Collection[str]) -> str:
    """The words of `dlplug run` that repeat it."""
    options = {key: value for key, value in record["options"].items() if key.partition(".")[0] not in watching}
    return _code(name, record["preset"], options)


def _code(name: str, preset: str, options: Mapping[str, Any]) -> str:
    words = "".join(f" {flag(key)} {value}" for key, value in options.items())
    return f"`{name}{f' --preset {preset}' if preset else ''}{words}`"


def _device(environment: Mapping[str, Any]) -> str:
    return ", ".join(dict.fromkeys(environment["gpus"])) or environment["processor"].replace(" 1 cores", " 1 core")


def _answered(target: Mapping[str, Any], stated: Sequence[Target]) -> Target | None:
    """The recipe's present claim that a recorded number belongs to: of the same metric and protocol, or else of the
    same protocol on another split."""
    alike = [claim for claim in stated if claim.protocol == target["protocol"]]
    same = [claim for claim in alike if claim.metric == target["metric"]]
    name = target["metric"].partition("/")[2]
    return next(iter([*same, *(claim for claim in alike if claim.metric.partition("/")[2] == name)]), None)


def _cells(target: Mapping[str, Any], claim: Target | None) -> dict[str, Any]:
    """The cells of one number: the present claim, and the measured interval over the recorded values. The metric is
    named where it was measured on another split than the claim's."""
    measured = interval(target["values"])
    values = ", ".join("-" if value is None else f"{value:.4g}" for value in target["values"])
    each = values if measured.seeds > 1 else ""
    if claim is not None:
        state = claim.state(measured)
        prefix = f"{state}: " if state not in (None, "reached") else ""
        other = f"{target['metric']} " if target["metric"] != claim.metric else ""
        states = (state,) if state is not None else ()
        words = f"{prefix}{other}{measured}"
        return {"target": _literal(str(claim)), "reached": words, "values": each, "states": states}
    if target["reached"] is None:
        text = f"{target['metric']}: no target{f' ({how})' if (how := target['protocol']) else ''}"
    else:
        text = f"no longer claimed: {target['target']}"
    return {"target": _literal(text), "reached": str(measured), "values": each}


def _together(answers: Sequence[tuple[Mapping[str, Any], Target | None]]) -> dict[str, Any]:
    """One row for the many numbers of a record: how many claims are in which state."""
    judged = [_cells(target, claim).get("states", ()) for target, claim in answers]
    states = tuple(state for states in judged for state in states)
    counts = Counter(states)
    first, last = answers[0][0]["target"], answers[-1][0]["target"]
    seeds = len(answers[0][0]["values"])
    words = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "no longer claimed"
    return {
        "target": _literal(f"{len(answers)} targets, {first} to {last}"),
        "reached": f"{words} ({seeds} seed{'s' if seeds > 1 else ''})",
        "states": states,
    }


def _literal(text: str) -> str:
    """The text with Markdown's markup escaped."""
    return re.sub(r"([*<\[`])", r"\\\1", text)
