"""Figures of texts, curves and attention, and colours for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor

from dlplug import Image

COLUMNS = 80


def colour(value: float) -> tuple[int, int, int]:
    """The RGB colour (0 to 255) of a value: blue at -1, white at 0, red at 1."""
    pale = round(255 * (1 - min(1.0, abs(value))))
    return (255, pale, pale) if value > 0 else (pale, pale, 255)


def ansi_coloured(text: str, value: float) -> str:
    """Black text on the value's colour, as ANSI escape codes; line feeds are not coloured."""
    red, green, blue = colour(value)
    on, off = f"\x1b[30;48;2;{red};{green};{blue}m", "\x1b[0m"
    return "\n".join(f"{on}{line}{off}" if line else "" for line in text.split("\n"))


def coloured_text(pieces: Sequence[str], values: Sequence[float], title: str, caption: str) -> Image:
    """A page of text, each piece on the colour of its value in [-1, 1]."""
    rows: list[list[tuple[str, float]]] = [[]]
    for piece, value in zip(pieces, values, strict=True):
        for letter in piece:
            if letter == "\n" or len(rows[-1]) == COLUMNS:
                rows.append([])
            if letter != "\n":
                rows[-1].append((letter, value))
    page = np.zeros((len(rows), COLUMNS))
    figure = new_figure(0.115 * COLUMNS, 0.21 * len(rows) + 0.7)
    axes = figure.subplots()
    for y, row in enumerate(rows):
        for x, (letter, value) in enumerate(row):
            page[y, x] = value
            if letter.isprintable() and letter != "$":  # matplotlib would render text between two $ as a formula
                axes.text(x, y, letter, ha="center", va="center", family="monospace", fontsize=8)
            elif letter == "$":
                axes.text(x, y, r"\$", ha="center", va="center", family="monospace", fontsize=8)
    image = axes.imshow(page, cmap="bwr", vmin=-1.6, vmax=1.6, aspect="auto")
    axes.axis("off")
    axes.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axes, boundaries=np.linspace(-1, 1, 101), ticks=[-1, 0, 1], fraction=0.02)
    return to_image(figure, caption)


def curves(values: Mapping[str, Tensor], x: str, y: str, title: str, caption: str) -> Image:
    """Curves by name over 0, 1, 2, …, on a logarithmic y axis."""
    figure = new_figure(7, 4.2)
    axes = figure.subplots()
    for name, curve in values.items():
        axes.semilogy(curve.clamp(min=1e-12).tolist(), label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend()
    return to_image(figure, caption)


def attention(weights: Tensor, source: Sequence[str], target: Sequence[str], caption: str) -> Image:
    """Attention weights (T, S) in [0, 1], one row per target token; darker is larger."""
    figure = new_figure(2.6 + 0.32 * len(source), 1.8 + 0.28 * len(target))
    axes: Any = figure.subplots()
    shade = axes.imshow(weights.numpy(), cmap="Blues", vmin=0, vmax=max(1e-6, float(weights.max())), aspect="auto")
    above, beside = [[piece.replace("$", r"\$") for piece in side] for side in (source, target)]
    axes.set_xticks(range(len(above)), above, rotation=60, ha="left", fontsize=8)
    axes.set_yticks(range(len(beside)), beside, fontsize=8)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set(xlabel="source", ylabel="translation")
    figure.colorbar(shade, ax=axes, label="attention weight", fraction=0.05)
    return to_image(figure, caption)
