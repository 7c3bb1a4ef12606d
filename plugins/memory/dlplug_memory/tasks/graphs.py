"""Traversal of a random graph (Graves et al. 2016, 'Graph experiments'), small enough for a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from dlplug import PositiveInt, UserError
from dlplug_memory.tasks.task import Sequences, Task, TaskOptions, check_bits


class Traversal(Task):
    """A graph as a list of edges in random order; then a start node and the labels of a path: which node comes next?

    Every node has `degree` outgoing edges with different labels, each to any other node. A step of the description is
    an edge: source, label, destination. A step of the question is a label, with the start node in the first one. The
    target at each step of the question is the node that the label leads to, from which the next label continues. As in
    the paper, every graph has new node names; unlike in the paper, a name is random bits instead of three digits, and
    the target is the destination instead of the whole triple.

    bits: bits of a node's name.
    labels: number of edge labels.
    degree: outgoing edges of a node.
    path: number of edges of the path.
    min_nodes: fewest nodes.
    max_nodes: most nodes in training.
    """

    def __init__(
        self,
        *,
        bits: PositiveInt = 8,
        labels: PositiveInt = 4,
        degree: PositiveInt = 2,
        path: PositiveInt = 4,
        min_nodes: PositiveInt = 3,
        max_nodes: PositiveInt = 6,
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        if not 1 <= degree <= labels:
            raise UserError(f"--data.degree must be between 1 and the {labels} labels, got {degree}")
        check_bits(bits)
        self.names = 2**bits - 1  # a name is never 0
        if path < 1 or max_nodes > self.names:
            raise UserError(
                f"--data.path must be at least 1 and --data.max-nodes at most {self.names}, got {path} and {max_nodes}"
            )
        self.bits, self.labels, self.degree, self.path = bits, labels, degree, path
        super().__init__(
            inputs=2 * bits + labels + 1,
            answers=bits,
            smallest=min_nodes,
            largest=max_nodes,
            options=options,
            seed=seed,
            least=2,
        )

    def generate(self, size: int, count: int, generator: Generator) -> Sequences:
        if size > self.names:
            raise UserError(f"{size} nodes need as many names, but --data.bits {self.bits} allows {self.names}")
        ends, labels = self.graphs(size, count, generator)
        name = to_bits(1 + permutations(count, self.names, generator)[:, :size], self.bits)
        edges = size * self.degree
        x = torch.zeros(count, edges + self.path, 2 * self.bits + self.labels + 1)
        source, label, end, question = x.split([self.bits, self.labels, self.bits, 1], 2)
        row = torch.arange(count)

        order = permutations(count, edges, generator)
        origins = (order // self.degree).long()
        source[:, :edges] = name[row[:, None], origins]
        label[:, :edges] = one_hot(labels.flatten(1).gather(1, order), self.labels)
        end[:, :edges] = name[row[:, None], ends.flatten(1).gather(1, order)]

        node = torch.randint(0, size, (count,), generator=generator)
        source[:, edges] = name[row, node]
        question[:, edges:] = 1.0
        y, mask = torch.zeros(count, edges + self.path, self.bits), torch.zeros(count, edges + self.path)
        mask[:, edges:] = 1.0
        for step in range(edges, edges + self.path):
            chosen = torch.randint(0, self.degree, (count,), generator=generator)
            label[:, step] = one_hot(labels[row, node, chosen], self.labels)
            node = ends[row, node, chosen]
            y[:, step] = name[row, node]
        return Sequences(x, y, mask)

    def graphs(self, size: int, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """The destination and the label of each edge of each node: (count, nodes, degree) each."""
        # any other node: 1 to size - 1 places further
        on = torch.randint(1, size, (count, size, self.degree), generator=generator)
        ends = (torch.arange(size)[:, None] + on) % size
        labels = permutations(count * size, self.labels, generator)[:, : self.degree]
        return ends, labels.view(count, size, self.degree)

    def items(self, size: int) -> int:
        return size * self.degree

    def steps(self, size: int) -> int:
        return size * self.degree + self.path


def permutations(count: int, length: int, generator: Generator) -> Tensor:
    """Random permutations (count, length)."""
    return torch.rand(count, length, generator=generator).argsort(1)


def to_bits(numbers: Tensor, bits: int) -> Tensor:
    """Integers (...) as bits (..., bits), the lowest first."""
    return (numbers.unsqueeze(-1) >> torch.arange(bits) & 1).float()


def one_hot(numbers: Tensor, among: int) -> Tensor:
    return F.one_hot(numbers, among).float()
