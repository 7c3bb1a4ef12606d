"""Self-play in Nim: past selves and a search tree are state of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of, on

from dlplug import Data, Pool, Spec, acting, minimise

PILE = 9


class Searched(NamedTuple):
    """Piles (B,), how often the search took 1, 2 or 3 there, as shares (B, 3), and who won: 1 or -1 (B,)."""

    pile: Tensor
    visits: Tensor
    won: Tensor


Opinions = list[tuple[list[float], float]]  # for each pile: probabilities of the moves, and a value


class Nim(Data):
    """Games of a searching player against a past self. Who takes the last of the pile wins; taking 1 to 3 is allowed.

    The tree is kept from game to game: of each pile, how often each move was searched and what it led to.
    """

    unit = "games"
    distributed = False
    remembers = ("tree", "started")

    def __init__(self, *, games: int = 8, searches: int = 12, seed: int) -> None:
        self.games, self.searches = games, searches
        self.spec = Spec(input=(PILE + 1,), output=3)
        self.tree: dict[int, list[list[float]]] = {}  # by pile: for each move, visits and the sum of what it won
        self.generator, self.started = torch.Generator().manual_seed(seed), 0

    def meet(self, model: nn.Module) -> None:
        self.pool = Pool(model, 3)

    def batches(self, model: nn.Module) -> Iterator[Searched]:
        while True:
            if self.count % 40 == 0:
                self.pool.add(model)
            with acting(model):
                mine, foes = opinions(model), [opinions(foe) for foe in self.pool]
            moves = [move for _ in range(self.games) for move in self.game(mine, foes)]
            self.count += self.games
            pile, visits, won = zip(*moves, strict=True)
            yield Searched(*on(device_of(model), torch.tensor(pile), torch.tensor(visits), torch.tensor(won).float()))

    def game(self, mine: Opinions, foes: list[Opinions]) -> list[tuple[int, list[float], int]]:
        """Each position of the player, what the search thought of it, and whether the player won."""
        random = torch.randint(2**31, (PILE + 2,), generator=self.generator).tolist()
        foe = foes[random.pop() % len(foes)]
        pile, turn, seen = PILE - random.pop() % 3, self.started, []
        self.started = 1 - self.started
        while pile:
            if turn % 2 == 0:
                for _ in range(self.searches):
                    self.search(mine, pile)
                visits = [move[0] for move in self.tree[pile]] + [0.0] * (3 - min(3, pile))
                seen.append((pile, [count / sum(visits) for count in visits]))
                move = visits.index(max(visits))
            else:
                move = random.pop() % min(3, pile) if random[0] % 2 else foe[pile][0].index(max(foe[pile][0]))
            pile -= move + 1
            turn += 1
        won = 1 if turn % 2 == 1 else -1
        return [(pile, visits, won) for pile, visits in seen]

    def search(self, mine: Opinions, pile: int) -> float:
        """One descent of the tree by PUCT; gives what the pile is worth for who is to move."""
        if pile == 0:
            return -1.0
        prior, value = mine[pile]
        if pile not in self.tree:
            self.tree[pile] = [[0.0, 0.0] for _ in range(min(3, pile))]
            return value
        moves = self.tree[pile]
        explored = 1.5 * math.sqrt(sum(visits for visits, _ in moves) + 1)
        score = [won / (visits or 1) + explored * prior[m] / (1 + visits) for m, (visits, won) in enumerate(moves)]
        best = score.index(max(score))
        value = -self.search(mine, pile - best - 1)
        moves[best][0] += 1
        moves[best][1] += value
        return value


def look(pile: Tensor) -> Tensor:
    return F.one_hot(pile, PILE + 1).float()


def opinions(model: nn.Module) -> Opinions:
    """What a model thinks of each pile."""
    piles = torch.arange(PILE + 1)
    logits, value = model(look(piles)).split([3, 1], 1)
    prior = logits.masked_fill(torch.arange(3) >= piles[:, None].clamp(min=1), -math.inf).softmax(1)
    return list(zip(prior.tolist(), value[:, 0].tanh().tolist(), strict=True))


class PolicyValue(nn.Sequential):
    """Logits of three moves and a value, (B, 4)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(nn.Linear(spec.input[0], 32), nn.ReLU(), nn.Linear(32, 4))


@minimise
def search_targets(model, batch: Searched):
    """Cross entropy to the search's visits, and the squared error of the winner (Silver et al. 2017)."""
    logits, value = model(look(batch.pile)).split([3, 1], 1)
    return F.cross_entropy(logits, batch.visits) + 0.1 * (value[:, 0].tanh() - batch.won).square().mean()
