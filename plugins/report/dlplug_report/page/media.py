"""Images, videos and texts in a report, embedded in the file up to a size."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlplug.runs.metrics_file import MediaFile
from dlplug_report.page.groups import Group, View

LARGEST = 4_000_000  # bytes of one picture or video
ALL = 24_000_000  # bytes of all together
OF_ONE_NAME = 8  # of what a run made under one name, the first and the last among them
RUNS = 12  # that are shown beside each other; of more, one of each group
CHARACTERS = 4000
TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".mp4": "video/mp4", ".webm": "video/webm",
}  # fmt: skip


class Shown(NamedTuple):
    """One medium. moment: of training, or which sample. address: its data URI. text: of a text. missing: "" or why it
    is not to be seen here."""

    view: View
    moment: str
    kind: str
    path: Path
    address: str
    text: str
    missing: str


class Shelf(NamedTuple):
    """The media of one name, and how many more are in the run folders."""

    name: str
    shown: Sequence[Shown]
    left_out: int


def shelves(groups: Sequence[Group]) -> list[Shelf]:
    """Of one run up to eight of each name, over training; of several runs the newest of each."""
    views = [view for group in groups for view in group.runs]
    several, everything = len(views) > 1, Counter(m.name for view in views for m in view.record.media)
    if len(views) > RUNS:
        views = [next((view for view in group.runs if view.record.media), group.runs[0]) for group in groups][:RUNS]
    names = dict.fromkeys(medium.name for view in views for medium in view.record.media)
    left, result = ALL, []
    for name in names:
        shown: list[Shown] = []
        for view in views:
            media = [medium for medium in view.record.media if medium.name == name]
            for medium in media[-1:] if several else spread(media, OF_ONE_NAME):
                shown.append(show(view, medium, left))
                left -= len(shown[-1].address)
        result.append(Shelf(name, shown, everything[name] - len(shown)))
    return result


def spread(media: Sequence[MediaFile], count: int) -> list[MediaFile]:
    """At most `count` of them, evenly, with the first and the last."""
    if len(media) <= count:
        return list(media)
    return [media[index] for index in np.linspace(0, len(media) - 1, count).round().astype(int)]


def show(view: View, medium: MediaFile, left: int) -> Shown:
    """left: bytes that may still go into the report."""
    address = text = ""
    missing = medium.missing
    try:
        size = 0 if missing else medium.path.stat().st_size
    except OSError:
        size, missing = 0, "was deleted"
    if not missing and medium.kind == "text":
        text = medium.path.read_text(encoding="utf-8", errors="replace")
        if len(text) > CHARACTERS:
            text = f"{text[:CHARACTERS]}\n… {len(text) - CHARACTERS:,} more characters in the file"
    elif not missing and medium.kind in ("picture", "video"):
        if size > LARGEST or size * 4 / 3 > left:
            missing = f"is {size / 1e6:.1f} MB, too large to be put into this file"
        else:
            encoded = base64.b64encode(medium.path.read_bytes()).decode("ascii")
            address = f"data:{TYPES[medium.path.suffix.lower()]};base64,{encoded}"
    elif not missing:
        missing = "is of a kind that a page does not show"
    return Shown(view, medium.moment, medium.kind, medium.path, address, text, missing)
