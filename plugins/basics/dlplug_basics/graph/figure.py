"""The figure of a computation graph, with the value and the derivative of each node."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from dlplug_figures.figure import COLOURS, new_figure, to_image

from dlplug import Image, UserError
from dlplug_basics.graph.nodes import Node, lecture_example

WIDE = 2.1  # horizontal distance between successive depths


def check(x1: float, x2: float, x3: float) -> None:
    """Raises UserError where x₃ is 0, or a value overflows a double."""
    if x3 == 0:
        raise UserError("x3 must not be 0: f divides by it")
    with np.errstate(over="ignore"):
        result = lecture_example(Node(x1, "x₁"), Node(x2, "x₂"), Node(x3, "x₃"))
    if not np.isfinite([node.value for node in result.ancestors()]).all():
        raise UserError(f"exp(x1 · x2) overflows for x1 {x1:g} and x2 {x2:g}")


def picture(x1: float, x2: float, x3: float) -> Image:
    """The lecture's example and its derivatives at a point. Raises UserError as `check` does."""
    check(x1, x2, x3)
    inputs = Node(x1, "x₁"), Node(x2, "x₂"), Node(x3, "x₃")
    result = lecture_example(*inputs)
    result.backward()
    figure = new_figure(12, 6.2)
    axes = figure.subplots()
    places = layout(result)
    for node in result.ancestors():
        for parent, slope in zip(node.parents, node.slopes, strict=True):
            _arrow(axes, places[id(parent)], places[id(node)], f"{slope:.4g}")
    for node in result.ancestors():
        x, y = places[id(node)]
        colour = "#DCEBF7" if not node.parents else "#FBE3D6" if node is result else "#F2F2F2"
        axes.plot(x, y, "o", markersize=46, color=colour, markeredgecolor="black")
        axes.text(x, y, node.label, ha="center", va="center", fontsize=17)
        axes.text(x, y - 0.44, f"{node.value:.4g}", ha="center", va="center", color=COLOURS[0], fontsize=11)
        axes.text(x, y - 0.66, f"{node.gradient:.4g}", ha="center", va="center", color=COLOURS[1], fontsize=11)
    wide, high = max(x for x, _ in places.values()), max(y for _, y in places.values())
    axes.set(xlim=(-0.6, wide + 0.6), ylim=(-1.2, high + 0.6), title="f(x) = (x₁·x₂·sin x₃ + exp(x₁·x₂)) / x₃")
    axes.set_aspect("equal")
    axes.axis("off")
    for line, (text, colour) in enumerate(
        (("value (forward)", COLOURS[0]), ("∂f/∂node (reverse)", COLOURS[1]), ("∂end/∂start, on its arrow", COLOURS[2]))
    ):
        axes.text(0.99, 0.97 - 0.05 * line, text, color=colour, ha="right", transform=axes.transAxes, fontsize=11)
    return to_image(figure, f"f and its derivatives at x = ({x1:g}, {x2:g}, {x3:g})")


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """An arrow with its label near the start, where crossing arrows are still apart; a long arrow bends downwards."""
    bend = 0.22 if end[0] - start[0] > 1.5 * WIDE else 0.0
    style = {"arrowstyle": "-|>", "color": "#666666", "shrinkA": 27, "shrinkB": 27}
    axes.annotate("", end, start, arrowprops={**style, "connectionstyle": f"arc3,rad={bend}"})
    # matplotlib's arc3 is a quadratic Bézier curve; its control point is off the middle by rad times the normal
    control = (
        (start[0] + end[0]) / 2 + bend * (end[1] - start[1]),
        (start[1] + end[1]) / 2 - bend * (end[0] - start[0]),
    )
    t = 0.36
    place = [(1 - t) ** 2 * a + 2 * t * (1 - t) * c + t**2 * b for a, c, b in zip(start, control, end, strict=True)]
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axes.text(*place, text, color=COLOURS[2], ha="center", va="center", fontsize=10, bbox=box)


def layout(result: Node) -> dict[int, tuple[float, float]]:
    """(x, y) of each node by its id: x grows with depth, and the nodes of one depth are spread evenly over y."""
    order = result.ancestors()
    of_depth, seen = Counter(node.depth() for node in order), Counter[int]()
    highest = max(of_depth.values()) - 1
    places = {}
    for node in order:
        depth = node.depth()
        spread = highest * (1 + seen[depth]) / (1 + of_depth[depth]) if of_depth[depth] <= highest else seen[depth]
        places[id(node)] = (WIDE * depth, 1.5 * (highest - spread))
        seen[depth] += 1
    return places
