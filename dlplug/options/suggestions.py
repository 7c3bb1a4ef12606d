"""What may have been meant by an option that a run does not have."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Host
from dlplug.options.parsing import flag

LENGTHS = (
    "epochs",
    "iterations",
    "max_steps",
    "max_epochs",
    "num_epochs",
    "total_steps",
    "total_timesteps",
    "timesteps",
)
ELSEWHERE = {  # what other programs call it
    "lr": "learning_rate",
    "wd": "weight_decay",
    "l2": "weight_decay",
    "bs": "batch_size",
    "eps": "epsilon",
    "num_envs": "environments",
    "gpu": "device",
    "cuda": "device",
    "grad_clip": "clip_norm",
    "max_grad_norm": "clip_norm",
}


def check_named(host: Host, recipe: str, named: Iterable[tuple[str, str]]) -> None:
    """Raises UserError where a recipe itself names what is not registered. named: (kind, name) pairs."""
    for kind, name in named:
        if name and name not in host.names(kind):
            try:
                host.get(kind, name)
            except UserError as error:
                plugin = host.get("recipes", recipe).plugin
                raise UserError(f"recipe {recipe!r} of {plugin} does not work: {error}") from None


def owners(host: Host, kind: str, chosen: Any, key: str) -> str:
    """' --data atari has it, atari-rollout has not.', where something else of the kind that could be chosen has that
    option."""
    part, _, option = key.rpartition(".")
    if not isinstance(chosen, str):
        return ""
    having = []
    for entry in host.entries(kind):
        with contextlib.suppress(UserError):  # another plugin's, that does not load
            if option in (known.name for known in entry.signature().options):
                having.append(entry.name)
    if chosen in having:  # its options are spelled otherwise, as the trainer's are
        return ""
    return f" --{part} {' or '.join(having)} has it, {chosen} has not." if 0 < len(having) <= 6 else ""


def nearest_flags(key: str, names: Sequence[str], units: Iterable[str] = ()) -> str:
    """' Did you mean --loss.gamma?', of what is spelled alike or means the same, in whatever part it is.

    units: what a length may be given in.
    """
    leaf = key.rpartition(".")[2]
    if leaf in LENGTHS:
        return f" A length is given as {' or '.join(flag(unit) for unit in sorted(units))}."
    leaf = ELSEWHERE.get(leaf, leaf)
    leaves = {name.rpartition(".")[2] for name in names}
    if leaf in names:
        return f" Did you mean {flag(leaf)}?"
    if "." not in key and leaf not in leaves:  # misspelt, and its part left out
        leaf = next(iter(difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)), leaf)
    same = [name for name in names if name.rpartition(".")[2] == leaf]
    return f" Did you mean {' or '.join(map(flag, same))}?" if same else nearest(flag(key), map(flag, names))
