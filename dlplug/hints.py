"""What may have been meant by an option that a run does not have."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Sequence
from typing import Any

from dlplug.errors import UserError, nearest
from dlplug.parsing import flag
from dlplug.plugins import Host


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
    return f" --{part} {' or '.join(having)} has it, {chosen} has not." if 0 < len(having) <= 6 else ""


def nearest_flags(key: str, names: Sequence[str]) -> str:
    """' Did you mean --loss.gamma?', of what is spelled alike, in whatever part it is."""
    leaf = key.rpartition(".")[2]
    leaves = {name.rpartition(".")[2] for name in names}
    if "." not in key and leaf not in leaves:  # misspelt, and its part left out
        leaf = next(iter(difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)), leaf)
    same = [name for name in names if name.rpartition(".")[2] == leaf]
    return f" Did you mean {' or '.join(map(flag, same))}?" if same else nearest(flag(key), map(flag, names))
