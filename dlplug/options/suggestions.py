"""What may have been meant by an option that a run does not have."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Host
from dlplug.options.parsing import flag
from dlplug.options.parts import kind_of

LENGTHS = (
    "epochs", "iterations", "iters", "max_epochs", "max_iters", "max_steps",
    "num_epochs", "num_train_epochs", "timesteps", "total_steps", "total_timesteps",
)  # fmt: skip
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


def suggestion(host: Host, choices: Mapping[str, Any], key: str, names: Sequence[str], units: Collection[str]) -> str:
    """What may have been meant by an option: one of another part, or one that another choice for its part has (without
    a part: for the optimizer); "" where nothing is near.

    choices: the parts that are chosen. names: of all options. units: what a length may be given in.
    """
    part, dot, option = key.rpartition(".")
    part = part if dot else next((choice for choice in choices if kind_of(choice) == "optimizers"), "")
    chosen = choices.get(part)
    elsewhere = any(name.rpartition(".")[2] == option and not name.startswith("metrics.") for name in names)
    own = _of_another_choice(host, part, chosen, option, everywhere=False) if dot and not elsewhere else ""
    return own or _nearest_flags(key, names, units) or _of_another_choice(host, part, chosen, option, everywhere=True)


def _of_another_choice(host: Host, part: str, chosen: Any, option: str, *, everywhere: bool) -> str:
    """' --data atari has it, atari-rollout has not.', where something else of the kind that could be chosen has that
    option: of the same plugin, or everywhere."""
    if not (chosen and isinstance(chosen, str)):
        return ""
    option, owners = ELSEWHERE.get(option, [option])[0], []
    entries = host.entries(kind_of(part))
    plugins = [entry.plugin for entry in entries if everywhere or entry.name == chosen]
    for entry in (entry for entry in entries if entry.plugin in plugins):
        with contextlib.suppress(UserError):  # another plugin's, that does not load
            if option in (known.name for known in entry.signature().options):
                owners.append(entry.name)
    if chosen in owners:  # its options are spelled otherwise, as the trainer's are
        return ""
    return f" --{part} {' or '.join(owners)} has it, {chosen} has not." if 0 < len(owners) <= 6 else ""


def _nearest_flags(key: str, names: Sequence[str], units: Collection[str]) -> str:
    """' Did you mean --loss.gamma?', of what is spelled alike or means the same, in whatever part it is; "" where there
    is no such thing."""
    part, _, leaf = key.rpartition(".")
    if leaf in LENGTHS:
        return f" A length is given as {' or '.join(flag(unit) for unit in sorted(units))}."
    if leaf in names:
        return f" Did you mean {flag(leaf)}?"
    leaves = {name.rpartition(".")[2] for name in names}
    known = [own for own in ELSEWHERE.get(leaf, [leaf]) if own in leaves]
    misspelt = not part and not known  # and its part left out: `eval` takes those of the metrics without it
    if misspelt:
        import difflib

        known = difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)
    parts = {name.rpartition(".")[0] for name in names}
    same = [name for name in names if name.rpartition(".")[2] in known[:1] and name not in parts]
    of_run = [name for name in same if misspelt or not name.startswith("metrics.")]
    of_part = [name for name in same if part and name.startswith(f"{part}.")]
    if flags := of_part or of_run or same:
        return f" Did you mean {' or '.join(map(flag, flags))}?"
    return nearest(flag(key), map(flag, names)) if part else ""
