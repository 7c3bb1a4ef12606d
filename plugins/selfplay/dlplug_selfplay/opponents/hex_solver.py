"""An exact solver of Hex on small boards."""

from __future__ import annotations

import functools

import numpy as np

from dlplug_selfplay.games.hex import STEPS


@functools.cache
def won_openings(size: int) -> np.ndarray:
    """(points,) bool: whether Black wins who begins there, if both then play perfectly."""
    return np.array(HexSolver(size).openings())


class HexSolver:
    """Depth-first search with must-play regions: where a reply refutes a move by a strategy that needs only some
    points (its carrier), every other move outside them is refuted as well (Hayward et al. 2003, "Solving 7x7 Hex").
    A line ends where stones are joined by bridges: two stones with two empty points between them that both touch.

    Boards are pairs of bit sets, bit p for point p; stones of Black, who connects top and bottom, come first.
    """

    def __init__(self, size: int) -> None:
        self.size, points = size, size * size
        self.full = (1 << points) - 1
        near = [self._around(p, STEPS) for p in range(points)]
        first_row, first_column = sum(1 << x for x in range(size)), sum(1 << y * size for y in range(size))
        self.edges = [(first_row, first_row << (points - size)), (first_column, first_column << (size - 1))]
        self.near = near
        # the stones at a bridge's distance, with the two points between
        self.bridges = [
            [
                (q, near[p] & near[q])
                for q in range(points)
                if (near[p] & near[q]).bit_count() == 2 and not near[p] >> q & 1 and q != p
            ]
            for p in range(points)
        ]
        middle = (size - 1) / 2
        self.order = sorted(range(points), key=lambda p: (p // size - middle) ** 2 + (p % size - middle) ** 2)
        self.solve = functools.cache(self._solve)

    def _around(self, point: int, steps: tuple[tuple[int, int], ...]) -> int:
        y, x = divmod(point, self.size)
        around = [(y + dy, x + dx) for dy, dx in steps]
        return sum(1 << v * self.size + u for v, u in around if 0 <= v < self.size and 0 <= u < self.size)

    def joined(self, stones: int, empty: int, colour: int) -> int | None:
        """The points of disjoint bridges by which stones join their edges, whoever moves; None where none are found. 0
        where the stones touch. colour 0 is Black, 1 is White."""
        begin, end = self.edges[colour]
        used, reached, fresh = 0, 0, []
        for point in self.order:
            if stones & begin & 1 << point:
                reached |= 1 << point
                fresh.append(point)
        for point in self.order:  # a stone on the second line with two empty points of the edge
            if stones >> point & 1 and not reached >> point & 1:
                between = self.near[point] & begin & empty & ~used
                if between.bit_count() == 2:
                    used, reached = used | between, reached | 1 << point
                    fresh.append(point)
        while fresh:
            point = fresh.pop()
            if end >> point & 1:
                return used
            between = self.near[point] & end & empty & ~used
            if between.bit_count() == 2:
                return used | between
            touching = self.near[point] & stones & ~reached
            while touching:
                lowest = touching & -touching
                touching ^= lowest
                reached |= lowest
                fresh.append(lowest.bit_length() - 1)
            for other, between in self.bridges[point]:
                if stones >> other & 1 and not reached >> other & 1 and between & empty & ~used == between:
                    used, reached = used | between, reached | 1 << other
                    fresh.append(other)
        return None

    def _solve(self, own: int, other: int, colour: int) -> tuple[bool, int]:
        """(whether the player to move wins, the carrier of the winner's strategy). The board is not decided."""
        empty = self.full & ~own & ~other
        points = [p for p in self.order if empty >> p & 1]
        for point in points:
            bridges = self.joined(own | 1 << point, empty & ~(1 << point), colour)
            if bridges is not None:
                return True, bridges | 1 << point
        must, carriers = empty, 0
        for point in points:  # what the other threatens must be met within its carrier
            bridges = self.joined(other | 1 << point, empty & ~(1 << point), 1 - colour)
            if bridges is not None:
                must &= bridges | 1 << point
                carriers |= bridges | 1 << point
        for point in self.by_promise(own, other, must, empty, colour):
            if must >> point & 1:
                loses, carrier = self.solve(other, own | 1 << point, 1 - colour)
                if not loses:
                    return True, carrier | 1 << point
                must &= carrier
                carriers |= carrier
        return False, carriers

    def by_promise(self, own: int, other: int, must: int, empty: int, colour: int) -> list[int]:
        """The points of `must`, those first that lie on short ways of both players."""
        lengths = [0] * self.size**2
        for stones, side in ((own, colour), (other, 1 - colour)):
            for begin in self.edges[side]:
                self._add_distances(lengths, stones, empty, begin)
        return sorted((p for p in self.order if must >> p & 1), key=lengths.__getitem__)

    def _add_distances(self, lengths: list[int], stones: int, empty: int, begin: int) -> None:
        """Adds to each empty point the number of stones that a way from an edge to it needs."""
        reached, fresh, distance = 0, begin & (stones | empty), 1
        left = empty
        while left:
            ring = 0  # the empty points at this distance
            while fresh:
                reached |= fresh
                ring |= fresh & empty
                fresh = self._beside(fresh & stones) & (stones | empty) & ~reached
            ring &= left
            if not ring:
                break
            left &= ~ring
            todo = ring
            while todo:
                lowest = todo & -todo
                todo ^= lowest
                lengths[lowest.bit_length() - 1] += distance
            fresh, distance = self._beside(ring) & (stones | empty) & ~reached, distance + 1
        while left:
            lowest = left & -left
            left ^= lowest
            lengths[lowest.bit_length() - 1] += self.size**2

    def _beside(self, points: int) -> int:
        beside = 0
        while points:
            lowest = points & -points
            points ^= lowest
            beside |= self.near[lowest.bit_length() - 1]
        return beside

    def openings(self) -> list[bool]:
        """For each point whether Black wins who begins there, if both then play perfectly. Half a turn changes nothing.
        A board of 5x5 takes minutes, one of 4x4 less than a second."""
        points = self.size**2
        half = [not self.solve(0, 1 << point, 1)[0] for point in range((points + 1) // 2)]
        return [*half, *half[: points // 2][::-1]]
