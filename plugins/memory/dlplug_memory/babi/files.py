"""Finds, unpacks and parses the files of the bAbI tasks (Weston et al. 2016, arXiv:1502.05698)."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dlplug import Remote, UserError, data_folder, fetched

FOLDER = "tasks_1-20_v1-2"
# size and sha256 as recorded for this address by huggingface/datasets, datasets/babi_qa
ARCHIVE = Remote(
    f"babi/{FOLDER}.tar.gz",
    f"http://www.thespermwhale.com/jaseweston/babi/{FOLDER}.tar.gz",
    15_719_851,
    "0364ebde659f14d11bc21744516c5ec49d3d06cb692733f66680771244998898",
)
WITHOUT = "ntm-copy and dnc-graph need no download"
TASKS = range(1, 21)
ANSWER = "-"  # the input word at which an answer is expected, as in Graves et al. 2016


class Story(NamedTuple):
    """words; answers: the target at each position, or ""; question: the number of the question at each position, from
    1, or 0. An answer of several words takes several positions."""

    words: list[str]
    answers: list[str]
    question: list[int]


def parse(lines: Iterable[str]) -> Iterator[Story]:
    """Stories from lines `ID text` and `ID question<TAB>answer<TAB>supporting IDs`; the ID 1 begins a story.

    Raises ValueError for any other line.
    """
    story, questions = Story([], [], []), 0
    for line in filter(str.strip, lines):
        number, _, text = line.strip().partition(" ")
        if int(number) == 1 and story.words:
            yield story
            story, questions = Story([], [], []), 0
        statement, *answer = text.split("\t")
        _append(story, split_words(statement))
        if answer:
            questions += 1
            for word in answer[0].lower().split(","):
                _append(story, [ANSWER], word, questions)
    if story.words:
        yield story


def _append(story: Story, words: list[str], answer: str = "", question: int = 0) -> None:
    story.words.extend(words)
    story.answers.extend([answer] * len(words))
    story.question.extend([question] * len(words))


def split_words(text: str) -> list[str]:
    """Words in lower case; a full stop, a comma and a question mark are words."""
    return re.findall(r"[a-z0-9'-]+|[.,?]", text.lower())


def read_task(language: str, task: int, part: str) -> list[Story]:
    """The stories of one task's "train" or "test" file, from babi/ in the data folder, unpacked or in any archive. If
    it is empty, the official archive is downloaded.

    Raises UserError for a missing file, or one that is not in bAbI's format.
    """
    pattern = re.compile(rf"{FOLDER}/{re.escape(language)}/qa{task}_[a-z-]+_{part}\.txt$")
    place = data_folder() / "babi"
    for path in sorted(place.glob(f"{FOLDER}/{language}/qa{task}_*_{part}.txt")):
        return _parsed(path.name, path.read_bytes().decode())
    archives = sorted(place.glob("*.tar.gz"))
    if not archives and not (place / FOLDER).is_dir():
        archives = [fetched(ARCHIVE, WITHOUT)]
    for path in archives:
        if contents := _packed(path, pattern):
            return _parsed(*contents)
    raise UserError(
        f"{language}/qa{task}_…_{part}.txt is missing in {place}: put {ARCHIVE.address} there, unpacked or not, "
        f"or set DLPLUG_DATA to a folder that contains babi; {WITHOUT}"
    )


def _packed(path: Path, pattern: re.Pattern[str]) -> tuple[str, str] | None:
    """Name and text of the file in an archive whose name matches the pattern."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if pattern.search(member.name) and (file := archive.extractfile(member)):
                    return member.name, file.read().decode("utf-8")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}): remove it to download bAbI again") from None
    return None


def _parsed(name: str, text: str) -> list[Story]:
    try:
        stories = list(parse(text.split("\n")))
    except ValueError:
        stories = []
    if not stories:
        raise UserError(f"{name} is not one of bAbI's files: its lines must be `ID text`, with tabs before an answer")
    return stories
