"""Past selves as opponents, drawn by their quality (Berner et al. 2019, arXiv:1912.06680, appendix N)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlplug import Fraction, PositiveFloat, PositiveInt

RAREST = 0.01


@dataclass(frozen=True)
class Past:
    """Games against past selves.

    past: fraction of the games that are against a past self; 0.2 in Berner et al. 2019
    past_size: number of past selves: one from the beginning of each of so many equal parts of the training
    quality_step: η, by which the quality of a past self falls that is beaten; 0.01 in Berner et al. 2019, for far more
        games
    """

    past: Fraction = 0.2
    past_size: PositiveInt = 20
    quality_step: PositiveFloat = 0.05


def probabilities(quality: np.ndarray) -> np.ndarray:
    """p_i = exp(q_i) / Σ_j exp(q_j)."""
    exponentials = np.exp(quality - quality.max())
    return exponentials / exponentials.sum()


def newcomer(quality: np.ndarray) -> np.ndarray:
    """With the quality of a new past self, the largest of all."""
    return np.append(quality, quality.max(initial=0.0))


def beaten(quality: np.ndarray, foes: np.ndarray, step: float) -> np.ndarray:
    """After the defeat of past selves `foes`, numbers that may repeat: q_i ← q_i - η / (N p_i) for each, with p_i of at
    least `RAREST`, as one that is hardly drawn any more may still be beaten in games that began before."""
    if not len(foes):
        return quality
    loss = step / (len(quality) * np.maximum(probabilities(quality), RAREST))
    return quality - loss * np.bincount(foes, minlength=len(quality))
