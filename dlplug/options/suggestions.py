"""What may have been meant by an option that a run does not have."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Host
from dlplug.options.parsing import flag

LENGTHS = (
    "epochs",
    "iterations",
    "iters",
    "max_epochs",
    "max_iters",
    "max_steps",
    "num_epochs",
    "num_train_epochs",
    "timesteps",
    "total_steps",
    "total_timesteps",
)
ELSEWHERE = {  # what other programs call it: our names, the first of which that a recipe has is meant
    "lr": ["learning_rate"],
    "wd": ["weight_decay", "ridge"],
    "l2": ["weight_decay", "ridge"],
    "bs": ["batch_size", "minibatches"],
    "batch_size": ["batch_size", "minibatches"],
    "eps": ["epsilon"],
    "hidden": ["hidden", "units", "width"],
    "hidden_dim": ["hidden", "units", "width"],
    "hidden_size": ["hidden", "units", "width"],
    "n_envs": ["environments"],
    "num_envs": ["environments"],
    "discount": ["gamma"],
    "gpu": ["device"],
    "cuda": ["device"],
    "grad_clip": ["clip_norm", "max_grad_norm"],
    "max_grad_norm": ["clip_norm", "max_grad_norm"],
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


def meant(
    host: Host,
    choices: Mapping[str, Any],
    kinds: Mapping[str, str],
    key: str,
    names: Sequence[str],
    units: Iterable[str],
) -> str:
    """What may have been meant by an option: one of another part, or one that another choice for its part has (without
    a part: for the optimizer); "" where nothing is near.

    kinds: of each choice. names: of all options. units: what a length may be given in.
    """
    part, dot, option = key.rpartition(".")
    part = part if dot else next((choice for choice in choices if kinds[choice] == "optimizers"), "")
    others = owners(host, kinds.get(part, ""), part, choices.get(part), option)
    alike = nearest_flags(key, names, units)
    return others or alike if dot else alike or others


def owners(host: Host, kind: str, part: str, chosen: Any, option: str) -> str:
    """' --data atari has it, atari-rollout has not.', where something else of the kind that could be chosen has that
    option."""
    if not (chosen and isinstance(chosen, str)):
        return ""
    option, having = ELSEWHERE.get(option, [option])[0], []
    for entry in host.entries(kind):
        with contextlib.suppress(UserError):  # another plugin's, that does not load
            if option in (known.name for known in entry.signature().options):
                having.append(entry.name)
    if chosen in having:  # its options are spelled otherwise, as the trainer's are
        return ""
    return f" --{part} {' or '.join(having)} has it, {chosen} has not." if 0 < len(having) <= 6 else ""


def nearest_flags(key: str, names: Sequence[str], units: Iterable[str] = ()) -> str:
    """' Did you mean --loss.gamma?', of what is spelled alike or means the same, in whatever part it is; "" where there
    is no such thing.

    units: what a length may be given in.
    """
    part, _, leaf = key.rpartition(".")
    if leaf in LENGTHS:
        return f" A length is given as {' or '.join(flag(unit) for unit in sorted(units))}."
    if leaf in names:
        return f" Did you mean {flag(leaf)}?"
    leaves = {name.rpartition(".")[2] for name in names}
    known = [own for own in ELSEWHERE.get(leaf, [leaf]) if own in leaves]
    misspelt = not part and not known  # and its part left out: `eval` takes those of the metrics without it
    if misspelt:
        known = difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)
    parts = {name.rpartition(".")[0] for name in names}
    same = [name for name in names if name.rpartition(".")[2] in known[:1] and name not in parts]
    of_run = [name for name in same if misspelt or not name.startswith("metrics.")]
    of_part = [name for name in same if part and name.startswith(f"{part}.")]
    meant = of_part or of_run or same
    if meant:
        return f" Did you mean {' or '.join(map(flag, meant))}?"
    return nearest(flag(key), map(flag, names)) if part else ""
