"""What lip-reading data yield and hold out, generated or real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dlplug import Spec

BLANK = 0  # the number of CTC's blank; characters follow from 1 on
UNKNOWN = -1


@dataclass(frozen=True)
class LipSpec(Spec):
    """The spec of lip reading. input: (T, C, H, W), T being the most frames. names: the characters; output: their
    number and one, for the blank."""


class LipClips(NamedTuple):
    """B videos of words: frames (B, T, C, H, W) in [0, 1], or uint8 where held out, zero from `lengths` (B,) on;
    characters (B, S), numbers from 1 on, padded with 0 from `label_lengths` (B,) on. said (B, T): the character that is
    said in each frame, 0 for none; `UNKNOWN` in real videos, and after the end."""

    frames: Tensor
    lengths: Tensor
    labels: Tensor
    label_lengths: Tensor
    said: Tensor


class HeldOutLips(NamedTuple):
    """A held-out split: frames as uint8, what is said, the characters' names; and all that can be said, where that is a
    closed vocabulary."""

    clips: LipClips
    texts: list[str]
    names: tuple[str, ...]
    vocabulary: tuple[str, ...] = ()


def spelled(texts: list[str], names: tuple[str, ...], longest: int = 0) -> tuple[Tensor, Tensor]:
    """Labels (N, S) and their lengths (N,); S is at least `longest`."""
    number = {name: n for n, name in enumerate(names, 1)}
    longest = max([longest, *map(len, texts)])
    labels = torch.zeros(len(texts), longest, dtype=torch.long)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = torch.tensor([number[letter] for letter in text], dtype=torch.long)
    return labels, torch.tensor([len(text) for text in texts])


def text_of(labels: tuple[int, ...] | list[int], names: tuple[str, ...]) -> str:
    """The text of characters' numbers; 0 is none."""
    return "".join(names[label - 1] for label in labels if label)
