"""A run beside its recipe: the recipe's claims, the options that differ, and the command that reproduces it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dlplug.claims.targets import evaluated, standing
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.layers import resolve
from dlplug.options.parsing import words_of
from dlplug.options.parts import choice_keys
from dlplug.output import command
from dlplug.recipes import Target, claims
from dlplug.runs.reader import SavedRun

WATCHING = ("console", "tensorboard", "wandb")  # options of observers change nothing in a run


class Change(NamedTuple):
    """An option that differs from the recipe's. `usual` is None where the recipe has no such option."""

    option: str
    usual: Any
    here: Any


class Facts(NamedTuple):
    """summary, source: the recipe's; "" where its plugin is not here. targets: what it claims of such a run.
    judged: those of them that are about what was measured. watch: the metrics that matter most. changes: from the
    recipe (and preset). command: reproduces the run. missing: "" or why the recipe could not be asked."""

    summary: str
    source: str
    targets: Sequence[Target]
    judged: Sequence[Target]
    watch: Sequence[str]
    changes: Sequence[Change]
    command: str
    missing: str

    def comparable(self, target: Target) -> bool:
        """Whether a claim is about what was measured of such a run (Breakout has no bar that was Pong's)."""
        return target in self.judged


def facts_of(host: Host, record: SavedRun, usual: dict[Any, dict[str, Any]] | None = None) -> Facts:
    """usual: keeps resolved recipes between calls, since runs of one recipe share them."""
    config = record.config
    exact = command("run", record.recipe, "--config", record.folder / "config.yaml")
    try:
        recipe = host.recipe(record.recipe)
        choices = {key: config[key] for key in choice_keys(recipe) if key in config}
        base = _resolved(host, record.recipe, choices, config["preset"], {} if usual is None else usual)
        own = _resolved(host, record.recipe, {}, config["preset"], {} if usual is None else usual)
    except (UserError, KeyError, TypeError) as error:
        missing = f"the recipe could not be asked: {error}"
        return Facts("", "", (), (), (), (), exact, missing)
    watching = {entry.name for entry in host.entries("observers")} | set(WATCHING)
    settings = {key: value for key, value in config.items() if _setting(key, watching)}
    changes = [Change(key, own.get(key), value) for key, value in settings.items() if own.get(key) != value]
    chosen = {key for key, name in choices.items() if name != own.get(key)}
    given = {key: value for key, value in settings.items() if key in chosen or base.get(key) != value}
    targets = [target for target in claims(recipe, config["preset"]) if target.stands(config)]
    plugin = host.get("recipes", record.recipe).plugin
    files = [plugin.origin] if plugin.origin in host.files() else []
    line = command_line(record.recipe, config["preset"], given, files)
    judged = [target for target in targets if target in standing(host, _measuring(host, record, target))]
    return Facts(recipe.summary, recipe.source, targets, judged, recipe.watch, changes, line, "")


def _measuring(host: Host, record: SavedRun, target: Target) -> Mapping[str, Any]:
    """The configuration under which a target's value was measured, or else would be: by `eval`, or in training."""
    if target.metric in record.result.get("metrics", {}) and target.metric not in record.evaluation.get("metrics", {}):
        return record.config
    return {**record.config, **evaluated(host, record.config, record.evaluation.get("options", {}))}


def command_line(recipe: str, preset: str, given: Mapping[str, Any], files: Sequence[str] = ()) -> str:
    """`dlplug run` with these options and files of plugins, quoted for a shell."""
    words = [
        "run",
        *(word for path in files for word in ("-p", path)),
        recipe,
        *(["--preset", preset] if preset else []),
    ]
    return f"{command(*words)} {command_words(given)}".strip()


def command_words(given: Mapping[str, Any]) -> str:
    """Options as one would type them, quoted for a shell."""
    return shlex.join(words_of(given))


def _resolved(
    host: Host, recipe: str, choices: dict[str, Any], preset: str, kept: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    """The recipe's options with these parts, as a configuration file has them."""
    key = (recipe, preset, repr(choices))
    if key not in kept:
        values = resolve(host, recipe, [choices], preset, partly=True)
        kept[key] = {option: list(value) if isinstance(value, tuple) else value for option, value in values.items()}
    return kept[key]


def _setting(key: str, watching: set[str]) -> bool:
    return key not in ("recipe", "preset") and key.partition(".")[0] not in watching
