"""Visemes: the mouth shapes of letters, and words that can be told apart by them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class Shape(NamedTuple):
    """A mouth shape, each number from 0 to 1: how far the lips are apart, how wide and how rounded they are, how much
    of the upper teeth and how much of the tongue is seen."""

    opening: float
    width: float
    rounding: float
    teeth: float
    tongue: float


REST = Shape(0.0, 0.55, 0.1, 0.0, 0.0)

# letters that look alike, and how they look
VISEMES = {
    "a": Shape(1.0, 0.6, 0.0, 0.3, 0.3),
    "e": Shape(0.55, 0.8, 0.0, 0.5, 0.4),
    "iy": Shape(0.3, 1.0, 0.0, 0.8, 0.1),
    "o": Shape(0.75, 0.25, 0.8, 0.0, 0.0),
    "uwq": Shape(0.25, 0.0, 1.0, 0.0, 0.0),
    "bmp": Shape(0.0, 0.5, 0.0, 0.0, 0.0),
    "fv": Shape(0.12, 0.6, 0.0, 1.0, 0.0),
    "dnstz": Shape(0.25, 0.65, 0.1, 0.9, 0.6),
    "l": Shape(0.5, 0.6, 0.0, 0.2, 1.0),
    "r": Shape(0.35, 0.35, 0.5, 0.3, 0.5),
    "cghkx": Shape(0.5, 0.55, 0.0, 0.1, 0.0),
    "j": Shape(0.3, 0.25, 0.7, 0.9, 0.0),
}
GROUP_OF = {letter: letters for letters in VISEMES for letter in letters}

CANDIDATES = """
able acid acre actor after agent album alarm angel ankle apple april apron arena armor arrow atlas audio
bacon baker banjo basil beach berry black blade bloom board bonus brave bread brick brush
cabin camel carbon cargo castle cedar chalk chess cider cliff cloud clover cobra coffee comet coral cotton crab
dairy dance delta desert doctor dragon drum
eagle earth easel echo elbow ember engine
fable falcon farm fern ferry fiber field flame flute forest fossil fox frost
garden garlic ghost giant ginger glass globe grape gravel guitar
harbor hazel helmet herb hero honey horse hotel
ibis igloo ink iris iron island ivory
jacket jade jaguar jazz jewel jungle
kayak kettle kiwi koala
ladder lake lamp laurel lava lemon lilac lime lion lizard llama lotus lunar
magnet mango maple marble meadow melon meteor mirror monkey moon mosaic
nectar needle night north novel
oak oasis ocean olive onion opera orbit orchid otter owl oxygen
panda paper parrot pearl pepper piano pilot pirate planet plum polar poppy prism
quail quartz queen quill
rabbit radar radio rain raven reef ribbon river robin rocket rose ruby
saddle sail salmon satin shark silver sister sky snow solar spice spider spring squid star stone storm sugar swan
table tango tea tiger timber toast tower train tulip turtle
uncle unity urban
valley vapor velvet violet violin viola volcano
wagon walnut water whale wheel willow winter wolf
yacht yarn yeast yellow
zebra zero zinc zoo
"""


def looks(word: str) -> tuple[str, ...]:
    """What is seen of a word: its letters' groups, of which equal neighbours are one longer shape."""
    return tuple(group for group, _ in groupby(GROUP_OF[letter] for letter in word))


def distinguishable(words: Iterable[str], shortest: int = 3, longest: int = 6) -> tuple[str, ...]:
    """The words of 3 to 6 letters, without those that look like an earlier one, sorted."""
    first: dict[tuple[str, ...], str] = {}
    for word in words:
        if shortest <= len(word) <= longest:
            first.setdefault(looks(word), word)
    return tuple(sorted(first.values()))


VOCABULARY = distinguishable(CANDIDATES.split())


def shapes_of(words: Iterable[str], longest: int) -> Tensor:
    """(N, longest + 2, 5): the shapes of each word's letters between two of rest; those beyond its end rest, too."""
    rows = [[REST, *(VISEMES[GROUP_OF[letter]] for letter in word)] for word in words]
    return torch.tensor([row + [REST] * (longest + 2 - len(row)) for row in rows])
