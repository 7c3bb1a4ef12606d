"""How far a student is with each exercise: `exercises.json`, in the folder of the student's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from dlplug import UserError

FILE = Path("exercises.json")


class Standing(NamedTuple):
    """hints: how many were shown. passed: whether a check was ever passed. shown: whether the solution was asked for
    before that."""

    hints: int = 0
    passed: bool = False
    shown: bool = False


def standings() -> dict[str, Standing]:
    """By exercise. Raises UserError for a file that this program did not write."""
    if not FILE.exists():
        return {}
    try:
        return {name: Standing(**fields) for name, fields in json.loads(FILE.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{FILE} is not what `exercise` writes ({error}); move it away") from error


def standing(name: str) -> Standing:
    return standings().get(name, Standing())


def note(name: str, **changed: Any) -> None:
    from dlplug.runs.records import write_json

    known = standings()
    known[name] = known.get(name, Standing())._replace(**changed)
    write_json(FILE, {name: state._asdict() for name, state in sorted(known.items())})
