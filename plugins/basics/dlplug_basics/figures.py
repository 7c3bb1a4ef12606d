"""The figures: a fitted line, a boundary, mistakes, paths down a valley, activations and their training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from dlplug_figures.confusion import confusion_matrix, draw_confusion
from dlplug_figures.figure import COLOURS, new_figure, to_image
from dlplug_figures.images import show
from torch import Tensor

from dlplug import Image
from dlplug_basics.activations import ACTIVATIONS, pieces
from dlplug_basics.race import RACERS, Valley, minimum


def fit(x: Tensor, y: Tensor, predicted: Tensor, weights: Tensor, best: Tensor) -> Image:
    """Held-out points and the fitted line; targets over predictions where x (N, D) has several features."""
    figure = new_figure(6.5, 4.5)
    axes = figure.subplots()
    if x.shape[1] == 1:
        axes.plot(x[:, 0], y, "o", color=COLOURS[0], alpha=0.6, label="held-out points")
        ends = torch.stack([x.min(), x.max()]).double()
        axes.plot(ends, ends * best[0] + best[1], color=COLOURS[6], linewidth=5, alpha=0.35, label="closed form")
        axes.plot(ends, ends * weights[0] + weights[1], color=COLOURS[1], label="gradient descent")
        axes.set(
            xlabel="x", ylabel="y", title=f"y = {weights[0]:.3f}·x {'+-'[int(weights[1] < 0)]} {weights[1].abs():.3f}"
        )
    else:
        ends = torch.stack([y.min(), y.max()])
        axes.plot(predicted, y, "o", color=COLOURS[0], alpha=0.6, label="held-out points")
        axes.plot(ends, ends, color=COLOURS[6], label="prediction = target")
        axes.set(xlabel="prediction", ylabel="target", title=f"{x.shape[1]} features")
    axes.legend()
    return to_image(figure, "the fitted line and the closed-form solution")


def boundary(score: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, accuracy: float) -> Image:
    """The score (N,) in [-1, 1] of points (N, 2) as colours, with the held-out points."""
    low, high = x.min(0).values - 0.3, x.max(0).values + 0.3
    across, up = (torch.linspace(float(low[i]), float(high[i]), 200) for i in (0, 1))
    grid = torch.cartesian_prod(across, up)
    height = score(grid).view(200, 200).T
    figure = new_figure(6.5, 4.8)
    axes = figure.subplots()
    shade = axes.contourf(across, up, height, levels=np.linspace(-1, 1, 21), cmap="RdBu_r", alpha=0.6)
    axes.contour(across, up, height, levels=[0], colors="black", linewidths=1.5)
    for label, colour in ((y.min(), "#2166AC"), (y.max(), "#B2182B")):
        of_class = x[y == label]
        axes.scatter(*of_class.T, s=18, color=colour, edgecolor="white", linewidth=0.5, label=f"class {int(label)}")
    axes.set(xlabel="x₁", ylabel="x₂", title=f"decision boundary; accuracy {accuracy:.1%}")
    axes.legend(loc="lower left")
    figure.colorbar(shade, ax=axes, label="score of the red class", ticks=[-1, 0, 1])
    return to_image(figure, "the model's prediction over the plane, and the held-out points")


def confusion(x: Tensor, y: Tensor, chosen: Tensor) -> Image:
    """The confusion matrix, and up to twelve misclassified examples; rows of x (N, side²) are square images."""
    figure = new_figure(11, 4.8)
    halves: Any = figure.subfigures(1, 2, width_ratios=[1.1, 1])
    left, right = halves
    classes = [str(label) for label in range(int(y.max()) + 1)]
    draw_confusion(left.subplots(), confusion_matrix(chosen, y, len(classes)), classes)
    wrong = (y != chosen).nonzero()[:, 0]
    side = int(x.shape[1] ** 0.5)
    drawn = wrong[:12].tolist()
    right.suptitle(f"{len(drawn)} of {len(wrong)} mistakes" if drawn else "no mistakes")
    for index, place in zip(drawn, np.ravel(right.subplots(3, 4)), strict=False):
        show(place, x[index].view(side, side, 1), cmap="gray_r")
        place.set_title(f"true {int(y[index])}, predicted {int(chosen[index])}", fontsize=8)
    for place in right.axes:
        place.axis("off")
    return to_image(figure, "confusion matrix, and some of the mistakes")


def race(path: Tensor, above: Tensor, data: Valley, settings: Mapping[str, str]) -> Image:
    """Paths (T, R, 2) over the contours of the loss, and their excess loss (T, R). settings: each racer's learning rate
    and momentum as text for the legend."""
    figure = new_figure(12, 8.4)
    groups = (("descent", "sgd", "momentum"), ("too_small", "descent", "too_large"))
    names = list(RACERS)
    for (plane, curves), group in zip(figure.subplots(2, 2, width_ratios=[1, 1.3]), groups, strict=True):
        _valley(plane, path, data)
        for name in reversed(group):
            index = names.index(name)
            label = f"{RACERS[name]}{settings[name]}"
            style: dict[str, Any] = {"color": COLOURS[index], "label": label, "linewidth": 1.4}
            points = path[:25] if name == "too_large" else path  # a diverging path would fill the figure
            plane.plot(*points[:, index].T, "o-", markersize=2.5, **style)
            curves.semilogy(above[:, index], **style)
        curves.set(xlabel="steps", ylabel="excess loss", ylim=(max(1e-5, curves.get_ylim()[0]), None))
        curves.grid(alpha=0.3)
        handles, labels = curves.get_legend_handles_labels()
        curves.legend(handles[::-1], labels[::-1])
    first, second = figure.axes[0], figure.axes[2]
    first.set_title("three optimizers")
    second.set_title("gradient descent, three learning rates")
    return to_image(figure, "paths and losses of the optimizers, and of too small and too large a learning rate")


def _valley(axes: Any, path: Tensor, data: Valley) -> None:
    """The contours of the loss around the minimum and the start."""
    best, hessian = minimum(data)
    reach = 1.35 * (path[0, 0] - best).abs().max().item()
    across, up = (torch.linspace(float(c) - reach, float(c) + reach, 120).double() for c in best)
    offset = torch.cartesian_prod(across, up) - best
    height = 0.5 * torch.einsum("ni,ij,nj->n", offset, hessian, offset).view(120, 120).T
    axes.contour(
        across, up, height, levels=np.geomspace(0.003, float(height.max()), 14), colors="#BBBBBB", linewidths=0.8
    )
    axes.plot(*best, "*", color="black", markersize=13, zorder=5)
    axes.plot(*path[0, 0], "ks", markersize=6, zorder=5)
    axes.annotate("start", path[0, 0].tolist(), xytext=(6, 6), textcoords="offset points")
    axes.annotate("minimum", best.tolist(), xytext=(8, -14), textcoords="offset points")
    axes.set(xlabel="w₁", ylabel="w₂", aspect="equal")
    axes.set(xlim=(float(across[0]), float(across[-1])), ylim=(float(up[0]), float(up[-1])))


def functions() -> Image:
    """Each activation and its derivative; for maxout an example with two pieces."""
    figure = new_figure(13, 6)
    grid = figure.subplots(2, 4, sharex=True, sharey=True)
    points = torch.linspace(-4, 4, 801)
    with torch.enable_grad():
        for axes, name in zip(grid.flat, ACTIVATIONS, strict=False):
            x = points.clone().requires_grad_()
            # maxout of -0.5 x - 0.5 and x; with more pieces it approximates any convex function
            stacked = torch.stack([-0.5 * x - 0.5, x], 1) if pieces(name) == 2 else x[:, None]
            y = ACTIVATIONS[name](stacked).squeeze(1)
            (slope,) = torch.autograd.grad(y.sum(), x)
            axes.plot(points, y.detach(), color=COLOURS[0], linewidth=2, label="f(x)")
            axes.plot(points, slope, color=COLOURS[1], linewidth=1.6, linestyle="--", label="f′(x)")
            axes.set_title("maxout of -0.5x - 0.5 and x" if name == "maxout" else name)
            axes.axhline(0, color="black", linewidth=0.5)
            axes.axvline(0, color="black", linewidth=0.5)
            axes.set(ylim=(-1.6, 2.2), xlabel="x")
            axes.tick_params(labelbottom=True)
    grid[0, 0].legend(loc="upper left")
    grid[1, 3].axis("off")
    return to_image(figure, "activation functions and their derivatives")


def training(curves: Tensor, every: int, accuracies: dict[str, float]) -> Image:
    """Training losses (T, activations), one row every `every` steps, and the accuracies on held-out data."""
    figure = new_figure(12, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    of_name = dict(zip(accuracies, COLOURS, strict=False))
    for (name, colour), curve in zip(of_name.items(), curves.T, strict=True):
        left.semilogy(np.arange(len(curve)) * every, _smooth(curve.numpy()), color=colour, label=name)
    left.set(xlabel="steps", ylabel="training loss (smoothed)")
    left.legend()
    left.grid(alpha=0.3)
    names = sorted(accuracies, key=lambda name: accuracies[name])
    bars = right.barh(names, [accuracies[name] for name in names], color=[of_name[name] for name in names])
    right.bar_label(bars, [f"{accuracies[name]:.1%}" for name in names], padding=3)
    right.set(xlim=(0, 1.15), xlabel="accuracy")
    return to_image(figure, "the same perceptron with each activation")


def _smooth(curve: np.ndarray[Any, Any], window: int = 9) -> np.ndarray[Any, Any]:
    """A moving average; the window is shorter at both ends."""
    half = window // 2
    return np.array([curve[max(0, i - half) : i + half + 1].mean() for i in range(len(curve))])
