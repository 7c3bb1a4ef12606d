"""One layer of options from text: a command line's words, or a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlplug.errors import UserError, message_of
from dlplug.options.parsing import flag

Config = dict[str, Any]
PLUGIN_FILES = "plugin_files"  # in config.yaml: what `-p` gave
RUN_KEYS = ("recipe", "preset", PLUGIN_FILES)


def arguments(tokens: Sequence[str]) -> Config:
    """The command line's own layer: `--key value …`, `--key=value`, `--flag`, `--no-flag`."""
    words: dict[str, list[str]] = {}
    key = ""
    for token in tokens:
        if token.startswith("--"):
            key, equals, value = token[2:].partition("=")
            key = normal(key)
            if key in words or key in RUN_KEYS:
                raise UserError(f"{flag(key)} is given twice, or where it has no place")
            words[key] = [value] if equals else []
        elif key:
            words[key].append(token)
        else:
            raise UserError(f"unexpected {token!r}; options look like --loss.gamma 0.99")
    layer: Config = {key: values[0] if len(values) == 1 else values for key, values in words.items() if values}
    for key in (key for key, values in words.items() if not values):
        stem, dot, leaf = key.rpartition(".")
        switched = f"{stem}{dot}{leaf.removeprefix('no_')}"
        if switched in layer:
            raise UserError(f"{flag(switched)} is given twice")
        layer[switched] = switched == key
    return layer


def read_file(path: str) -> Config:
    """A YAML overlay, flat (`data.game: pong`) or nested (`data: {use: atari, game: pong}`)."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Leaves yes, no, on and off words: what they mean is for the option's type to say."""

    Loader.yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:bool"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader)
    except FileNotFoundError:
        raise UserError(f"--config {path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"--config {path}: not readable as YAML: {message_of(error)}") from None
    if not isinstance(content, dict):
        raise UserError(f"--config {path}: expected option: value lines, got {type(content).__name__}")
    return _flattened(content)


def _flattened(content: Mapping[str, Any], prefix: str = "") -> Config:
    flat: Config = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}".removesuffix(".use")] = value
    return flat


def normal(key: str) -> str:
    """Options are spelled with - or _; names of plugins' things (`metrics.top-5.k`) keep theirs."""
    head, dot, leaf = key.rpartition(".")
    return f"{head}{dot}{leaf.replace('-', '_')}"
