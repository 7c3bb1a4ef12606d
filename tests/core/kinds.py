"""Tiny versions of harder kinds of learning, none of which the contract has a word for: PPO, an actor-critic with two
optimizers, self-play against past selves with a search tree, a detector of padded boxes, L-BFGS, accumulated gradients,
an autoregressive sampler of audio, and a full-batch graph."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys import device_of, on

from dlplug import Audio, Data, Labelled, Loss, Pool, Progress, Spec, Update, acting, minimise

# PPO: a rollout of a corridor is a batch; epochs and minibatches are the loss's updates

CELLS = 5


class Rollout(NamedTuple):
    """T steps of N walkers, and the observations after them. obs: (T + 1, N, 5); the others (T, N)."""

    obs: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor
    logp: Tensor


class Corridor(Data):
    """Walkers in five cells each; stepping off the right end pays 1."""

    unit = "moves"
    distributed = False
    remembers = ("cell",)

    def __init__(self, *, walkers: int = 16, length: int = 16, seed: int) -> None:
        self.length, self.spec = length, Spec(input=(CELLS,), output=2)
        self.cell = torch.zeros(walkers, dtype=torch.long)
        self.generator = torch.Generator().manual_seed(seed)
        self.progress = Progress()

    def batches(self, model: nn.Module) -> Iterator[Rollout]:
        while True:
            with acting(model):
                rollout = self.play(model)
            self.count += rollout.action.numel()
            yield Rollout(*on(device_of(model), *rollout))

    def play(self, model: Any) -> Rollout:
        obs, steps = [self.look()], []
        for _ in range(self.length):
            logp = model(obs[-1])[:, :2].float().log_softmax(1)
            explore = torch.rand(len(logp), 1, generator=self.generator) < 0.5 - 0.5 * float(self.progress)
            action = torch.multinomial(torch.where(explore, 0.5, logp.exp()), 1, generator=self.generator)
            self.cell = (self.cell + 2 * action[:, 0] - 1).clamp(min=0)
            terminated = self.cell == CELLS
            self.cell = self.cell * ~terminated
            steps.append((action[:, 0], terminated.float(), terminated.float(), logp.gather(1, action)[:, 0]))
            obs.append(self.look())
        return Rollout(torch.stack(obs), *(torch.stack(column) for column in zip(*steps, strict=True)))

    def look(self) -> Tensor:
        return F.one_hot(self.cell, CELLS).float()


class ActorCritic(nn.Module):
    """Logits of two actions and a value, (N, 3)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.actor, self.critic = nn.Linear(spec.input[0], spec.output), nn.Linear(spec.input[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.actor(x), self.critic(x)], -1)


def advantages(batch: Rollout, value: Tensor, gamma: float = 0.9, trace: float = 0.9) -> Tensor:
    """GAE (Schulman et al. 2016), (T, N) from values (T + 1, N)."""
    later, found = torch.zeros_like(value[0]), []
    for t in reversed(range(len(batch.reward))):
        on_going = gamma * (1 - batch.terminated[t])
        later = batch.reward[t] + on_going * value[t + 1] - value[t] + on_going * trace * later
        found.append(later)
    return torch.stack(found[::-1])


class Ppo(Loss):
    """Four epochs of four minibatches over each rollout (Schulman et al. 2017); entropy's weight falls to zero."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.progress = Progress()

    def updates(self, batch: Rollout) -> Iterator[Update]:
        with torch.no_grad():
            value = self.model(batch.obs)[..., 2]
            advantage = advantages(batch, value)
            goal = (advantage + value[:-1]).flatten()
        obs, columns = batch.obs[:-1].flatten(0, 1), (batch.action.flatten(), batch.logp.flatten(), advantage.flatten())
        for _ in range(4):
            for rows in torch.randperm(len(goal)).to(obs.device).chunk(4):
                action, before, gain = (column[rows] for column in columns)
                logits, value = self.model(obs[rows]).split([2, 1], 1)
                logp = logits.log_softmax(1)
                ratio = (logp.gather(1, action[:, None])[:, 0] - before).exp()
                policy = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
                entropy = -(logp.exp() * logp).sum(1).mean()
                error = (value[:, 0] - goal[rows]).square().mean()
                weight = 0.01 * (1 - self.progress.tensor())
                yield Update(error - policy - weight * entropy, entropy=entropy)


# An actor-critic whose parts have an optimizer each, and log values of one name


class TwoOptimizers(Loss):
    """Advantage actor-critic (Mnih et al. 2016) of two parts."""

    parts = ("critic", "actor")

    def updates(self, batch: Rollout) -> Iterator[Update]:
        assert isinstance(self.model, ActorCritic)
        value = self.model.critic(batch.obs)[..., 0]
        advantage = advantages(batch, value.detach())
        error = (value[:-1] - (advantage + value[:-1]).detach()).square()
        yield Update(error.mean(), "critic", largest=error.max())
        logp = self.model.actor(batch.obs[:-1]).log_softmax(-1).gather(2, batch.action[..., None])[..., 0]
        yield Update(-(logp * advantage).mean(), "actor", largest=advantage.max())


# Self-play in Nim: past selves and a search tree are state of the data

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


# A detector: each image has as many boxes as it likes, padded to the most


class Boxes(NamedTuple):
    """Images x (B, 1, 16, 16), their boxes (B, 2, 4) as left, top, right, bottom in [0, 1], and how many (B,)."""

    x: Tensor
    boxes: Tensor
    boxes_count: Tensor


class Squares(Data):
    """One or two bright squares on black, in cells of 4 pixels."""

    def __init__(self, *, batch_size: int = 32, seed: int) -> None:
        self.batch_size, self.spec = batch_size, Spec(input=(1, 16, 16), output=4)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, model: nn.Module) -> Iterator[Boxes]:
        while True:
            yield Boxes(*on(device_of(model), *self.draw(self.batch_size)))

    def draw(self, size: int) -> Boxes:
        count = torch.randint(1, 3, (size,), generator=self.generator)
        cells = torch.rand(size, 16, generator=self.generator).argsort(1)[:, :2]  # two different ones
        top = torch.stack([cells % 4, cells // 4], 2) * 4 + torch.randint(2, (size, 2, 2), generator=self.generator)
        corner = torch.cat([top, top + 3], 2)
        corner = corner * (torch.arange(2) < count[:, None])[..., None]
        along = torch.arange(16)
        inside = [(along >= corner[..., i, None]) & (along < corner[..., i + 2, None]) for i in (1, 0)]
        x = (inside[0][..., :, None] & inside[1][..., None, :]).any(1, keepdim=True).float()
        return Boxes(x, corner / 16, count)


class Detector(nn.Sequential):
    """For each of 4x4 cells whether a box begins there, and its corners within the cell: (B, 5, 4, 4)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(nn.Conv2d(1, 16, 4, stride=4), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 5, 1))


@minimise
def detection(model, batch: Boxes):
    """Cross entropy of the cells, and the distance of the corners of those that have a box."""
    found = model(batch.x).flatten(2)  # (B, 5, 16)
    real = torch.arange(2, device=batch.x.device) < batch.boxes_count[:, None]
    place = (4 * batch.boxes[..., :2]).floor().long()
    cell = place[..., 1] * 4 + place[..., 0]  # (B, 2)
    wanted = torch.zeros_like(found[:, 0]).scatter_add(1, cell, real.float()).clamp(max=1)
    corners = found[:, 1:].gather(2, cell[:, None].expand(-1, 4, -1)).transpose(1, 2)
    offset = (corners - (4 * batch.boxes - place.repeat(1, 1, 2))).abs().sum(2).masked_fill(~real, 0)
    return F.binary_cross_entropy_with_logits(found[:, 0], wanted) + offset.sum() / real.sum()


def recall(model: nn.Module, batch: Boxes) -> float:
    """The share of boxes that are found, with an intersection over union above 0.5."""
    found = model(batch.x)
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    corners = (found[:, 1:] + torch.stack([columns, rows, columns, rows])).flatten(2).transpose(1, 2) / 4
    real = torch.arange(2) < batch.boxes_count[:, None]
    low = torch.max(corners[:, None, :, :2], batch.boxes[:, :, None, :2])
    high = torch.min(corners[:, None, :, 2:], batch.boxes[:, :, None, 2:])
    overlap = (high - low).clamp(min=0).prod(3)
    area = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (batch.boxes, corners)]
    union = area[0][:, :, None] + area[1][:, None] - overlap
    hits = (overlap / union > 0.5) & (found[:, 0].flatten(1) > 0)[:, None]
    return (hits.any(2) & real).sum().item() / real.sum().item()


# L-BFGS on the pixels of an image: the model is the image


class Target(NamedTuple):
    x: Tensor


class Picture(Data):
    """One image, again and again."""

    def __init__(self, *, seed: int) -> None:
        self.spec = Spec(input=(1, 8, 8), output=0)
        self.x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(seed))

    def batches(self, model: nn.Module) -> Iterator[Target]:
        x = self.x.to(device_of(model))
        while True:
            yield Target(x)


class Pixels(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.zeros(1, *spec.input))


class Features(Loss):
    """The distance of an image's features from another's, in those of a fixed random net (Gatys et al. 2016)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        generator = torch.Generator().manual_seed(7)
        self.kernel = torch.randn(16, 1, 3, 3, generator=generator).to(device_of(model))

    def updates(self, batch: Target) -> Iterator[Update]:
        assert isinstance(self.model, Pixels)
        wanted, pixels = self.features(batch.x), self.model.pixels
        yield Update(lambda: (self.features(pixels) - wanted).square().mean())

    def features(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, padding=1).tanh()


# An autoregressive model of audio, and a sampler of it

LEVELS, RATE, TONE = 32, 800, 100


class Tones(Data):
    """Windows of a tone of 100 Hz at any phase, in 32 levels."""

    unit = "samples"

    def __init__(self, *, batch_size: int = 16, window: int = 32, seed: int) -> None:
        self.batch_size, self.window, self.spec = batch_size, window, Spec(input=(window,), output=LEVELS)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        time = torch.arange(self.window + 1) / RATE
        while True:
            phase = torch.randint(8, (self.batch_size, 1), generator=self.generator) / 8
            wave = torch.sin(2 * math.pi * (TONE * time + phase))
            level = ((wave + 1) / 2 * (LEVELS - 1)).round().long()
            self.count += self.batch_size * self.window
            yield Labelled(*on(device_of(model), level[:, :-1], level[:, 1:]))


class NextSample(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.embed, self.gru = nn.Embedding(LEVELS, 32), nn.GRU(32, 32, batch_first=True)
        self.read = nn.Linear(32, LEVELS)

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h, state = self.gru(self.embed(x), before)
        return self.read(h), state


@minimise
def next_sample(model, batch: Labelled):
    """Cross entropy of the next sample."""
    return F.cross_entropy(model(batch.x)[0].transpose(1, 2), batch.y)


def hum(product, data, *, samples: int = 400):
    """A tone, sample by sample."""
    level, state, made = torch.full((1, 1), LEVELS // 2, device=device_of(product)), None, []
    for _ in range(samples):
        logits, state = product(level, state)
        level = logits[:, -1].softmax(1).multinomial(1)
        made.append(level.item() / (LEVELS - 1) * 2 - 1)
    return {"tone": Audio(np.array(made), RATE)}


# A whole graph as one batch: few of its nodes are labelled


class Graph(NamedTuple):
    """x (N, D) of the nodes, edges (2, E) both ways, y (N,), and which nodes are learnt from (N,)."""

    x: Tensor
    edges: Tensor
    y: Tensor
    learnt: Tensor


class Communities(Data):
    """Two groups of nodes, with many edges inside them and few between; three of each are labelled."""

    splits = ("val",)

    def __init__(self, *, nodes: int = 60, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        y = torch.arange(nodes) % 2
        likely = torch.where(y[:, None] == y, 0.3, 0.03)
        linked = (torch.rand(nodes, nodes, generator=generator) < likely).triu(1)
        self.graph = Graph(torch.eye(nodes), (linked | linked.T).nonzero().T, y, torch.arange(nodes) < 6)
        self.spec = Spec(input=(nodes,), output=2)

    def batches(self, model: nn.Module) -> Iterator[Graph]:
        graph = Graph(*on(device_of(model), *self.graph))
        while True:
            yield graph

    def split(self, name: str) -> Graph:
        return self.graph


class Gcn(nn.Module):
    """Two layers of graph convolution (Kipf & Welling 2017)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(spec.input[0], 16), nn.Linear(16, spec.output)

    def forward(self, graph: Graph) -> Tensor:
        return self.spread(self.second(self.spread(self.first(graph.x), graph).relu()), graph)

    def spread(self, x: Tensor, graph: Graph) -> Tensor:
        source, goal = graph.edges
        degree = torch.ones(len(x), device=x.device).index_add(0, goal, torch.ones_like(goal, dtype=x.dtype)).rsqrt()
        return x * degree[:, None] ** 2 + torch.zeros_like(x).index_add(
            0, goal, x[source] * (degree[source] * degree[goal])[:, None]
        )


@minimise
def labelled_nodes(model, batch: Graph):
    """Cross entropy of the nodes that are learnt from."""
    each = F.cross_entropy(model(batch), batch.y, reduction="none")
    return (each * batch.learnt).sum() / batch.learnt.sum()
