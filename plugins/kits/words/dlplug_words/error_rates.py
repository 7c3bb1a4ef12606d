"""Word error rate and character error rate: edits per word or character of the references."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np


class ErrorCount(NamedTuple):
    """The numbers of substitutions, deletions and insertions, and the total length of the references.

    Counts of batches are added, and the rate is that of the sum: the field's convention, in which a long sentence has
    more weight than a short one. It may exceed 1.
    """

    errors: int
    length: int

    @property
    def rate(self) -> float:
        """errors / length; for empty references 0 without insertions, else infinite."""
        if self.length == 0:
            return inf if self.errors else 0.0
        return self.errors / self.length


def word_errors(hypotheses: Iterable[str], references: Iterable[str]) -> ErrorCount:
    """Errors in words, which are separated by white space. Case and punctuation count: normalise both sides before.

    Raises ValueError for hypotheses that are not as many as the references.
    """
    return summed(hypotheses, references, str.split)


def character_errors(hypotheses: Iterable[str], references: Iterable[str]) -> ErrorCount:
    """Errors in Unicode code points, spaces among them.

    Raises ValueError for hypotheses that are not as many as the references.
    """
    return summed(hypotheses, references, list)


def summed(
    hypotheses: Iterable[str], references: Iterable[str], split: Callable[[str], Sequence[Hashable]]
) -> ErrorCount:
    pairs = [(split(one), split(other)) for one, other in zip(hypotheses, references, strict=True)]
    return ErrorCount(sum(edit_distance(*pair) for pair in pairs), sum(len(reference) for _, reference in pairs))


def edit_distance(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """The fewest substitutions, deletions and insertions between two sequences (Levenshtein 1966).

    Row by row of the dynamic programme; within a row a run of edits along the reference is a running minimum.
    """
    numbers: dict[Hashable, int] = {}
    one, other = (
        np.array([numbers.setdefault(symbol, len(numbers)) for symbol in symbols], np.int64)
        for symbols in (hypothesis, reference)
    )
    place = np.arange(len(other) + 1)
    row = place
    for symbol in one:
        # D[i, j] = min(D[i-1, j] + 1, D[i-1, j-1] + [a_i ≠ b_j], D[i, j-1] + 1)
        best = row + 1
        best[1:] = np.minimum(best[1:], row[:-1] + (other != symbol))
        row = place + np.minimum.accumulate(best - place)
    return int(row[-1])
