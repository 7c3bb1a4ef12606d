"""Trains a recipe with several seeds, evaluates by its target's protocol, compares, and records what came out."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dlplug import Run
from dlplug.claims.intervals import Interval, interval
from dlplug.claims.records import UNFINISHED, read_entries
from dlplug.claims.targets import changes, evaluated, standing
from dlplug.errors import Interrupted, UserError
from dlplug.host.plugins import Host
from dlplug.json_values import strict
from dlplug.options.layers import resolve
from dlplug.options.parsing import flag
from dlplug.options.reading import Config
from dlplug.output import called, command
from dlplug.recipes import State, Target, claims
from dlplug.runs.environment import commit, environment
from dlplug.runs.folder import read_config
from dlplug.runs.records import plain, write_json
from dlplug.runs.runner import chosen_preset, evaluate, run
from dlplug.runs.runner import resume as resume_run
from dlplug_commands.verify.begun import begun

log = logging.getLogger("dlplug")

RECORDS = Path("verified")  # below the current folder


def verify(
    host: Host,
    recipe: str,
    options: Mapping[str, Any],
    each: Sequence[Mapping[str, Any]] = (),
    *,
    seeds: int = 1,
    preset: str = "",
    folder: Path = RECORDS,
    resume: bool = False,
) -> list[dict[str, Any]]:
    """Every seed is trained and reported; a target is reached where the worse end of the 95 % interval of the mean over
    the seeds reaches it, which one seed has not.

    each: overlays, [{"data.game": "pong"}, {"data.game": "breakout"}], for a record of each. What measures something
        else than the target is about has no bar, and its record says so. What is wrong with a later overlay is said
        before the first is trained.
    resume: seeds that a record of the same configuration holds, finished or not, are not trained again, and a seed
        whose run was interrupted goes on from its checkpoint.

    The records go into <folder>/<recipe>.json. A record of more seeds than are asked for is never replaced.
    """
    preset = preset or chosen_preset(host, recipe, [options, *each])
    targets = claims(host.recipe(recipe), preset)
    if not targets:
        raise UserError(f"recipe {recipe} states no target{f' for the preset {preset}' if preset else ''} to verify")
    path = folder / f"{recipe}.json"
    entries = [
        _entry(host, recipe, options, change, preset, path)
        for change in _changes(host, recipe, options, each or [{}], preset)
    ]
    for entry in entries:
        _refuse_fewer(entry, seeds)
    befores = [_recorded(host, entry, seeds) if resume else {} for entry in entries]
    return [_verified(host, *pair, targets, seeds, resume) for pair in zip(entries, befores, strict=True)]


def each_value(each: str, games: str = "") -> list[tuple[str, str]]:
    """(option, value) for each value of `--each OPTION=VALUE,VALUE`; `--games A,B` is short for data.game=A,B."""
    if each and games:
        raise UserError(f"--games {games} is --each data.game={games}: give --each alone")
    option, _, values = (each or f"data.game={games}").removeprefix("--").partition("=")
    named = [value.strip() for value in values.split(",") if value.strip()]
    if (each or games) and not (option and named):
        raise UserError(f"--each expects OPTION=VALUE,VALUE such as data.game=pong,breakout, got {each or games!r}")
    return [(option, value) for value in named]


def _changes(
    host: Host, recipe: str, options: Mapping[str, Any], each: Sequence[Mapping[str, Any]], preset: str
) -> list[Mapping[str, Any]]:
    """The overlays, those that change nothing as empty ones. Raises UserError for what one of them cannot be."""
    configs: list[Config] = []
    for overlay in each:
        if twice := next((key for key in overlay if key in options or key == "seed"), None):
            raise UserError(f"{flag(twice)} is given twice: once for all, once for each")
        configs.append(resolve(host, recipe, [options, overlay], preset))
        if configs[-1] in configs[:-1]:
            raise UserError(f"{_named(overlay)} is given twice")
    for config in configs[1:]:  # the first finds out by itself whether its data are available
        Run(host, config, Path()).make("data").close()
    own = resolve(host, recipe, [options], preset)
    return [{} if config == own else overlay for config, overlay in zip(configs, each, strict=True)]


class Entry(NamedTuple):
    """What one record is about.

    name: the preset, and the options by which it learns otherwise than the recipe's own. change: what --each changes.
    config: resolved, as it trains. measured: the same with the options of its evaluation.
    """

    path: Path
    name: str
    recipe: str
    preset: str
    options: Mapping[str, Any]
    change: Mapping[str, Any]
    config: Config
    measured: Config


def _entry(
    host: Host, recipe: str, options: Mapping[str, Any], change: Mapping[str, Any], preset: str, path: Path
) -> Entry:
    options = {**options, **change}
    config, own = resolve(host, recipe, [options], preset), resolve(host, recipe, [], preset, partly=True)
    free = _how_it_runs(host, config)
    different = {
        key: value
        for key, value in options.items()
        if key.partition(".")[0] not in free and (key not in config or config[key] != own.get(key))
    }
    name = f"{preset} {_named(different)}".strip() or "default"
    return Entry(path, name, recipe, preset, options, change, config, config | evaluated(host, config))


def _how_it_runs(host: Host, config: Config) -> set[str]:
    """The options that decide where and how a run trains and who watches, not what it learns; and its seed."""
    trainer = host.get("trainers", config["trainer"]).signature()
    return {"seed", *(option.name for option in trainer.options), *host.names("observers")}


def _refuse_fewer(entry: Entry, seeds: int) -> None:
    """Raises UserError where a record of more seeds stands in the way."""
    path, name, count = entry.path, entry.name, len(read_entries(entry.path).get(entry.name, {}).get("runs", ()))
    if count > seeds:
        raise UserError(f"{path} holds {count} seeds of {name!r}: give --seeds {count} or more, or move the file away")


def _recorded(host: Host, entry: Entry, seeds: int) -> dict[str, Any]:
    """The record to go on with: the finished or the unfinished one, whichever has more seeds; {} where there is none.

    Raises UserError where it holds other seeds, was made by other values of options, or lacks the targets' metrics. An
    option that is newer than the record does not count.
    """
    entries = read_entries(entry.path)
    found = [entries.get(name, {"runs": []}) for name in (entry.name, f"{entry.name}{UNFINISHED}")]
    record = max(found, key=lambda record: len(record["runs"]))
    if not record["runs"]:
        return {}
    if not {run["seed"] for run in record["runs"]} <= {*_wanted(entry, seeds)}:
        numbers = ", ".join(str(run["seed"]) for run in record["runs"])
        raise UserError(f"{entry.path} holds the seeds {numbers} of {entry.name!r}: to resume, ask for these and more")
    measured = set.intersection(*({*run["metrics"]} for run in record["runs"]))
    if lacking := [target.metric for target in standing(host, entry.measured) if target.metric not in measured]:
        raise UserError(
            f"{entry.path} holds seeds of {entry.name!r} without {lacking[0]}: train all of them, without --resume"
        )
    free, config = _how_it_runs(host, entry.config), strict(plain(entry.config))
    for key, value in record["config"].items():
        if key.partition(".")[0] not in free and config.get(key, value) != value:
            other = f"{flag(key)} {value}, now {config[key]}"
            raise UserError(
                f"{entry.path} holds seeds of {entry.name!r} by {other}: train all of them, without --resume"
            )
    return record


def _wanted(entry: Entry, seeds: int) -> range:
    return range(entry.config["seed"], entry.config["seed"] + seeds)


def _verified(
    host: Host, entry: Entry, before: dict[str, Any], targets: Sequence[Target], seeds: int, resume: bool
) -> dict[str, Any]:
    """Trains the seeds that a record lacks. It is written after each, so that neither an interruption nor a failure
    loses a finished run."""
    judging, others = standing(host, entry.measured), changes(host, entry.measured, targets[0])
    origin = {key: before.get(key) for key in ("commit", "date")}
    record, runs = before, [origin | outcome for outcome in before.get("runs", ())]
    for seed in sorted({*_wanted(entry, seeds)} - {outcome["seed"] for outcome in runs}):
        trained = _trained(host, entry, seed, resume)
        if trained.stopping:
            raise Interrupted(f"interrupted at seed {seed}: {_way_on(trained, entry.path, len(runs), seeds)}")
        runs.append(_outcome(trained, evaluate(str(trained.folder), host=host)))
        runs.sort(key=lambda outcome: outcome["seed"])
        compared = [_compared(target, runs) for target in judging] or [_without_bar(targets[0], runs, others)]
        record = {
            "recipe": entry.recipe,
            "preset": entry.preset,
            "targets": compared,
            **_verdict(_worst(compared)),
            "runs": runs,
            "options": entry.options,
            "config": _saved_config(trained),
            "command": shlex.join(called()),
            "date": time.strftime("%Y-%m-%d"),
            "commit": commit(),
            "environment": {k: v for k, v in environment(host).items() if k not in ("command", "commit")},
        }
        _store(entry, record, finished=len(runs) == seeds)
    return record


def _trained(host: Host, entry: Entry, seed: int, resume: bool) -> Run:
    if resume and (folder := begun(host, entry.recipe, entry.config, seed)):
        return resume_run(folder, host=host)
    return run(entry.recipe, {**entry.options, "seed": seed}, preset=entry.preset, host=host)


def _way_on(trained: Run, path: Path, count: int, seeds: int) -> str:
    if not count:
        return f"nothing was recorded; {trained.way_on()}"
    words = [word for word in called()[1:] if word != "--resume"] or ["verify", trained.recipe]
    return f"{count} of {seeds} seeds are recorded in {path}; go on with: {command(*words, '--resume')}"


def _named(overlay: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in overlay.items())


def print_records(records: Sequence[Mapping[str, Any]]) -> None:
    targets = [target for record in records for target in record["targets"]]
    for target in targets:
        measured = Interval(target["mean"], target["half_width"], target["seeds"])
        values = ", ".join(f"{value:.4g}" for value in target["values"])
        said = f"{measured} of {values}" if len(target["values"]) > 1 else str(measured)
        state = f": {target['state']}" if target["state"] else ""
        print(f"{target['target']}: {said}{state}")
    if any(target["state"] and target["seeds"] == 1 for target in targets):
        print("one seed has no interval: --seeds 5 gives one")


def _outcome(trained: Run, measured: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("steps", "seconds", "steps_per_second", trained.unit, f"{trained.unit}_per_second")
    numbers = {name: value for name, value in measured.items() if isinstance(value, (int, float))}
    counts = {key: trained.result[key] for key in keys if key in trained.result}
    protocol = {"protocol": measured["protocol"]} if "protocol" in measured else {}
    origin = {"commit": commit(), "date": time.strftime("%Y-%m-%d")}
    return {"seed": trained.seed, "metrics": trained.latest | numbers} | protocol | counts | origin


def _saved_config(trained: Run) -> dict[str, Any]:
    """The resolved configuration that every seed has in common, without what only watches."""
    watching = {"recipe", "preset", "seed", *trained.host.names("observers")}
    return {key: value for key, value in read_config(trained.folder).items() if key.partition(".")[0] not in watching}


def _compared(target: Target, runs: list[dict[str, Any]]) -> dict[str, Any]:
    values = [outcome["metrics"].get(target.metric) for outcome in runs]
    if None in values:
        raise UserError(f"the target's metric {target.metric} was not measured; there are {list(runs[0]['metrics'])}")
    measured = interval(values)
    return {
        "target": str(target),
        "metric": target.metric,
        "protocol": target.protocol,
        "source": target.source,
        "values": values,
        **measured._asdict(),
        **_verdict(target.state(measured)),
    }


def _verdict(state: State | None) -> dict[str, Any]:
    """Both None where there is no bar."""
    return {"state": state, "reached": None if state is None else state == "reached"}


def _worst(compared: Sequence[Mapping[str, Any]]) -> State | None:
    """What can be said of all targets together; None where none of the numbers has a bar."""
    states: tuple[State, ...] = ("not reached", "mean only", "reached")
    found = {target["state"] for target in compared}
    return next((state for state in states if state in found), None)


def _without_bar(target: Target, runs: list[dict[str, Any]], change: Mapping[str, Any]) -> dict[str, Any]:
    """The target's metric where its claim does not hold."""
    return _compared(target, runs) | {
        "target": f"{target.metric}: no target is stated{f' for {_named(change)}' if change else ''}",
        "protocol": runs[0].get("protocol", ""),
        "source": "",
        **_verdict(None),
    }


def _store(entry: Entry, record: dict[str, Any], finished: bool) -> None:
    """One file a recipe, one entry a preset and change; a record stands beside the last one until it has all seeds."""
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    entries, unfinished = read_entries(entry.path), f"{entry.name}{UNFINISHED}"
    entries.pop(unfinished, None)
    write_json(entry.path, entries | {entry.name if finished else unfinished: record})
    if finished:
        log.info(f"recorded in {entry.path}")
