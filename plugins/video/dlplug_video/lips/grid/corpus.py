"""Finds the videos of a folder in GRID's layout, and the file that says what is said in each.

Speakers are folders s1, s2, …, at any depth, with films (.mpg), or folders of frames, at any depth in them; a video's
name is its film's or folder's. NAME.align says what is said in it: the speaker's own, in a path with the speaker's
folder, or else one outside of all speakers' folders.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from dlplug import UserError
from dlplug.stop import stoppable
from dlplug_video.lips.grid.align import read_align
from dlplug_video.lips.grid.frames import FILMS, PICTURES, Crop, in_order, read_frames
from dlplug_video.lips.visemes import ALPHABET

log = logging.getLogger("dlplug")

CHARACTERS = (*ALPHABET, " ")


class Utterance(NamedTuple):
    """A video and what is said in it: the film's path, or the folder's of its frames, and that of its alignment."""

    speaker: str
    video: Path
    align: Path


class Spoken(NamedTuple):
    """frames (T, 1, H, W) uint8 and the text."""

    frames: Tensor
    text: str


def find_utterances(root: Path) -> dict[str, list[Utterance]]:
    """The utterances of each speaker, in order. A video without an alignment is logged and left out.

    Raises UserError for a folder without speakers, videos or alignments.
    """
    if not root.is_dir():
        raise UserError(f"--data.path {root} is not a folder")
    videos, aligns = walked(root)
    if not videos:
        raise UserError(f"{root} has no videos: expected folders s1, s2, … with .mpg films or folders of frames")
    if not aligns:
        raise UserError(f"{root} has no .align files, which say what is said in each video")
    found: dict[str, list[Utterance]] = {}
    for (speaker, name), video in videos.items():
        align = aligns.get((speaker, name)) or aligns.get(("", name))
        if align is None:
            log.warning(f"{video} is skipped: there is no {name}.align")
            continue
        found.setdefault(speaker, []).append(Utterance(speaker, video, align))
    if not found:
        raise UserError(f"{root}: none of the {len(videos)} videos has an .align file of its name")
    return {speaker.name: found[speaker.name] for speaker in in_order(map(Path, found))}


def walked(root: Path) -> tuple[dict[tuple[str, str], Path], dict[tuple[str, str], Path]]:
    """The videos and alignments below a folder, by speaker, "" where there is none, and name."""
    videos: dict[tuple[str, str], Path] = {}
    aligns: dict[tuple[str, str], Path] = {}
    for place, folders, files in os.walk(root):
        folders.sort()
        here = Path(place)
        speaker = speaker_of(here.relative_to(root))
        if speaker and any(Path(file).suffix.lower() in PICTURES for file in files):
            videos.setdefault((speaker, here.name), here)
        for file in map(here.joinpath, sorted(files)):
            if file.suffix.lower() == ".align":
                aligns.setdefault((speaker, file.stem), file)
            elif speaker and file.suffix.lower() in FILMS:
                videos.setdefault((speaker, file.stem), file)
    return videos, aligns


def speaker_of(path: Path) -> str:
    """The first part of a path that is s and a number; "" if there is none."""
    return next((part for part in path.parts if re.fullmatch(r"s\d+", part)), "")


def read_utterances(utterances: list[Utterance], size: tuple[int, int], crop: Crop, longest: int) -> list[Spoken]:
    """The utterances that can be read; each other one is logged in one line and left out."""
    read = []
    for utterance in stoppable(utterances):
        try:
            read.append(read_one(utterance, size, crop, longest))
        except UserError as error:
            log.warning(f"skipped: {error}")
    return read


def read_one(utterance: Utterance, size: tuple[int, int], crop: Crop, longest: int) -> Spoken:
    """Raises UserError for a video that cannot be decoded, an alignment that breaks its format, has other characters
    or does not fit the video, and a video with too many frames, or too few for its text."""
    words, end = read_align(utterance.align)
    text = " ".join(words)
    if others := {*text} - {*CHARACTERS}:
        raise UserError(f"{utterance.align} has characters other than a to z: {' '.join(sorted(others))}")
    frames = read_frames(utterance.video, size, crop)
    if len(frames) < end:
        raise UserError(f"{utterance.video} has {len(frames)} frames, but {utterance.align.name} ends in frame {end}")
    if len(frames) < 2 * len(text):
        raise UserError(f"{utterance.video} has {len(frames)} frames, fewer than 2 for each of {len(text)} characters")
    if len(frames) > longest:
        raise UserError(f"{utterance.video} has {len(frames)} frames, more than --data.frames {longest}")
    return Spoken(frames, text)
