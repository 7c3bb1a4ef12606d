"""Reads GRID's .align files: a line for each word, with its first and last time in thousandths of a frame."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dlplug import UserError

UNIT = 1000  # of a frame
SILENT = ("sil", "sp")


class Alignment(NamedTuple):
    """The words that are said, and the frame after the last of them."""

    words: tuple[str, ...]
    end: int


def read_align(path: Path) -> Alignment:
    """Raises UserError, naming file and line, for a file that breaks the format or says nothing."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as an .align file ({error})") from None
    words, end, before = [], 0, 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
            raise UserError(f"{path}, line {number}: expected a start, an end and a word, got {line.strip()[:40]!r}")
        start, stop, word = int(parts[0]), int(parts[1]), parts[2].lower()
        if not before <= start <= stop:
            raise UserError(f"{path}, line {number}: the time {start} to {stop} is not after the line before")
        before = stop
        if word not in SILENT:
            words.append(word)
            end = -(-stop // UNIT)
    if not words:
        raise UserError(f"{path} has no words")
    return Alignment(tuple(words), end)
