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
ALL = 24_000_000  # bytes of all pictures and videos together
OF_ONE_NAME = 8  # media of one name in a run's report, including the first and the last
RUNS = 12  # runs beside each other; with more, one run of each group
CHARACTERS = 4000
TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".mp4": "video/mp4", ".webm": "video/webm",
}  # fmt: skip


class Item(NamedTuple):
    """One medium in a report. moment: the step of training, or the sample. address: its data URI. text: the content of
    a text. missing: why it is not shown, or ""."""

    view: View
    moment: str
    kind: str
    path: Path
    address: str
    text: str
    missing: str


class Gallery(NamedTuple):
    """The media of one name. left_out: the number of further media in the run folders."""

    name: str
    media: Sequence[Item]
    left_out: int


def galleries(groups: Sequence[Group]) -> list[Gallery]:
    """The media by name: of one run up to eight of each name, evenly over training; of several runs the newest."""
    views = [view for group in groups for view in group.runs]
    several, everything = len(views) > 1, Counter(m.name for view in views for m in view.record.media)
    if len(views) > RUNS:
        views = [next((view for view in group.runs if view.record.media), group.runs[0]) for group in groups][:RUNS]
    names = dict.fromkeys(medium.name for view in views for medium in view.record.media)
    budget, result = ALL, []
    for name in names:
        items: list[Item] = []
        for view in views:
            media = [medium for medium in view.record.media if medium.name == name]
            for medium in media[-1:] if several else spread(media, OF_ONE_NAME):
                items.append(show(view, medium, budget))
                budget -= len(items[-1].address)
        result.append(Gallery(name, items, everything[name] - len(items)))
    return result


def spread(media: Sequence[MediaFile], count: int) -> list[MediaFile]:
    """At most `count` of the media, evenly spaced, including the first and the last."""
    if len(media) <= count:
        return list(media)
    return [media[index] for index in np.linspace(0, len(media) - 1, count).round().astype(int)]


def show(view: View, medium: MediaFile, budget: int) -> Item:
    """Reads a medium into the report. budget: bytes that may still be added to it."""
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
        if size > LARGEST or size * 4 / 3 > budget:
            missing = f"is {size / 1e6:.1f} MB, too large to be put into this file"
        else:
            encoded = base64.b64encode(medium.path.read_bytes()).decode("ascii")
            address = f"data:{TYPES[medium.path.suffix.lower()]};base64,{encoded}"
    elif not missing:
        missing = "is of a kind that a report does not show"
    return Item(view, medium.moment, medium.kind, medium.path, address, text, missing)
