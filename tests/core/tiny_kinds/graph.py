"""A whole graph as one batch: few of its nodes are labelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of, on

from dlplug import Data, Spec, minimise


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
