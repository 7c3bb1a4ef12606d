"""Reverse-mode differentiation on a computation graph, in plain NumPy.

x1, x2, x3 = Node(1.0, "x₁"), Node(2.0, "x₂"), Node(3.0, "x₃")
lecture_example(x1, x2, x3).backward()
x1.gradient   # ∂f/∂x₁
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Node:
    """A value, the nodes that it was computed from, and the derivative of this node by each of them.

    gradient: after `backward`, the derivative of the last node by this one.
    """

    def __init__(self, value: float, label: str, parents: Sequence[Node] = (), slopes: Sequence[float] = ()) -> None:
        self.value, self.label = value, label
        self.parents, self.slopes = tuple(parents), tuple(slopes)
        self.gradient = 0.0

    def __add__(self, other: Node) -> Node:
        return Node(self.value + other.value, "+", (self, other), (1.0, 1.0))

    def __mul__(self, other: Node) -> Node:
        # ∂(uv)/∂u = v, ∂(uv)/∂v = u
        return Node(self.value * other.value, "×", (self, other), (other.value, self.value))

    def __truediv__(self, other: Node) -> Node:
        # ∂(u/v)/∂u = 1/v, ∂(u/v)/∂v = -u/v²
        return Node(self.value / other.value, "÷", (self, other), (1 / other.value, -self.value / other.value**2))

    def ancestors(self) -> list[Node]:
        """The nodes that this one depends on, and itself, in topological order: inputs first."""
        order: list[Node] = []

        def visit(node: Node) -> None:
            if not any(node is visited for visited in order):
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        return order

    def backward(self) -> None:
        """Applies the chain rule from this node back to the inputs: ∂f/∂u = Σ over users v of ∂f/∂v ∂v/∂u."""
        order = self.ancestors()
        for node in order:
            node.gradient = 0.0
        self.gradient = 1.0
        for node in reversed(order):
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.gradient += node.gradient * slope

    def depth(self) -> int:
        """The length of the longest path to an input."""
        return 1 + max((parent.depth() for parent in self.parents), default=-1)


def sin(x: Node) -> Node:
    return Node(float(np.sin(x.value)), "sin", (x,), (float(np.cos(x.value)),))


def exp(x: Node) -> Node:
    value = float(np.exp(x.value))
    return Node(value, "exp", (x,), (value,))


def lecture_example(x1: Node, x2: Node, x3: Node) -> Node:
    """f(x) = (x₁·x₂·sin x₃ + exp(x₁·x₂)) / x₃; the product x₁·x₂ is computed once and used twice."""
    product = x1 * x2
    return (product * sin(x3) + exp(product)) / x3
