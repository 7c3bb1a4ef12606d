"""Word error rate and character error rate: edits per word or character of the references."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np


class ErrorCount(NamedTuple):
    """The numbers of substitutions, deletions and insertions, and the total length of the references.

    Counts are summed over batches before the rate is computed, as is usual, so that a long sentence has more weight
    than a short one. The rate may exceed 1.
    """

    errors: int
    length: int

    @property
    def rate(self) -> float:
        """errors / length; for empty references 0 if there are no insertions, else infinite."""
        if self.length == 0:
            return inf if self.errors else 0.0
        return self.errors / self.length


def word_errors(hypotheses: Iterable[str], references: Iterable[str]) -> ErrorCount:
    """Errors in words, separated by white space. Case and punctuation count: normalise both sides first if they should
    not.

    Raises ValueError if the numbers of hypotheses and references differ.
    """
    return summed(hypotheses, references, str.split)


def character_errors(hypotheses: Iterable[str], references: Iterable[str]) -> ErrorCount:
    """Errors in Unicode code points, including spaces.

    Raises ValueError if the numbers of hypotheses and references differ.
    """
    return summed(hypotheses, references, list)


def summed(
    hypotheses: Iterable[str], references: Iterable[str], split: Callable[[str], Sequence[Hashable]]
) -> ErrorCount:
    pairs = [(split(one), split(other)) for one, other in zip(hypotheses, references, strict=True)]
    return ErrorCount(sum(edit_distance(*pair) for pair in pairs), sum(len(reference) for _, reference in pairs))


def edit_distance(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """The least number of substitutions, deletions and insertions between two sequences (Levenshtein 1966).

    Dynamic programming, row by row; within a row, edits along the reference are a running minimum.
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
