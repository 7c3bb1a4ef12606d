"""Ratings from results: the model of Bradley and Terry (1952), on Elo's scale."""

from __future__ import annotations

import numpy as np

SCALE = 400 / np.log(10)  # Elo points in a unit of log odds
Z95 = 1.959964


def ratings(score: np.ndarray, games: np.ndarray, prior: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """(ratings, half widths of their 95 % intervals), (players,) each, in Elo points; the first player has 0 ± 0.

    score[i, j]: points of i against j, a draw is half a point; games[i, j]: games between them. The likelihood of the
    results under P(i beats j) = 1 / (1 + 10^((r_j - r_i) / 400)) is maximised by Newton's method. prior: drawn games
    added to each pair that has met, which keep the rating of a player who wins every game finite. Intervals are those
    of the difference to the first player, from the curvature of the likelihood.
    """
    games = games + 2 * prior * (games > 0)
    score = score + prior * (score + score.T > 0)
    strength, curvature = np.zeros(len(games)), np.eye(len(games))
    for _ in range(100):
        chance = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        gradient = (score - games * chance).sum(1)
        weight = games * chance * (1 - chance)
        curvature = np.diag(weight.sum(1)) - weight
        step = np.zeros_like(strength)
        step[1:] = np.linalg.solve(curvature[1:, 1:], gradient[1:])
        strength += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    half = np.zeros(len(games))
    half[1:] = Z95 * np.sqrt(np.diag(np.linalg.inv(curvature[1:, 1:])))
    return SCALE * strength, SCALE * half


def elo_of(score: float, count: int) -> tuple[float, float]:
    """(difference, half width) for one match of `count` games with a mean score."""
    points = np.array([[0, (1 - score) * count], [score * count, 0]])
    rating, half = ratings(points, np.array([[0.0, count], [count, 0.0]]))
    return float(rating[1]), float(half[1])
