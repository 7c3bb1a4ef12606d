"""Draws a game's screen beside a panel with title, score, and a bar for the value of each action."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

TALL, WIDE = 420, 640  # pixels; largest size of an enlarged screen, by a whole factor
MARGIN, ROW, BAR, NUMBER = 14, 20, 120, 56  # pixels: margin, height of a row, width of a full bar and of a value
TOP = 84  # of the first bar, below title and score
BACKGROUND, TRACK, TEXT, STRONG = (24, 24, 32), (44, 46, 60), (160, 164, 180), (255, 255, 255)
VALUE, TAKEN, RANDOM = (86, 130, 190), (255, 190, 60), (235, 90, 90)
LEGEND = (("taken", TAKEN), ("taken at random", RANDOM))


class Canvas:
    """Draws images of one size; their constant parts are drawn once.

    shape: (height, width, 3) of the screens. names: the actions' names.
    low, high: the values of an empty and of a full bar: the lowest and highest value in the game, so that bars can be
        compared over time too.
    """

    def __init__(self, shape: Sequence[int], names: Sequence[str], title: str, low: float, high: float) -> None:
        self.zoom = max(1, min(TALL // shape[0], WIDE // shape[1]))
        self.low, self.span = low, max(high - low, 1e-9)
        self.names = list(names)
        screen_height, screen_width = shape[0] * self.zoom, shape[1] * self.zoom
        self.left = screen_width + MARGIN
        self.bars = self.left + math.ceil(max(font(13).getlength(name) for name in names)) + MARGIN
        width = self.bars + BAR + NUMBER + MARGIN
        height = max(screen_height, TOP + (len(names) + 2) * ROW + MARGIN)
        # H.264 needs even sizes
        self.blank = Picture.new("RGB", (width + width % 2, height + height % 2), BACKGROUND)
        self.corner = (0, (self.blank.height - screen_height) // 2)
        self._draw_background(title)

    def _draw_background(self, title: str) -> None:
        pen = ImageDraw.Draw(self.blank)
        pen.text((self.left, MARGIN), title, TEXT, font(16))
        for row, name in enumerate(self.names):
            top = TOP + row * ROW
            pen.text((self.left, top), name, TEXT, font(13))
            pen.rectangle((self.bars, top + 2, self.bars + BAR, top + ROW - 6), TRACK)
        place, top = self.left, TOP + len(self.names) * ROW + ROW // 2
        for text, colour in LEGEND:
            pen.rectangle((place, top + 4, place + 8, top + 12), colour)
            pen.text((place + MARGIN, top), text, TEXT, font(12))
            place += math.ceil(font(12).getlength(text)) + 3 * MARGIN

    def draw(
        self, screen: np.ndarray, score: float, values: Iterable[float] = (), action: int | None = None
    ) -> np.ndarray:
        """A picture (height, width, 3) uint8 of a screen and the score so far; except at the game's end also the values
        (A,) and the action taken."""
        picture = self.blank.copy()
        enlarged = Picture.fromarray(np.ascontiguousarray(screen)).resize(
            (screen.shape[1] * self.zoom, screen.shape[0] * self.zoom), Picture.Resampling.NEAREST
        )
        picture.paste(enlarged, self.corner)
        pen = ImageDraw.Draw(picture)
        pen.text((self.left, MARGIN + 24), f"score {score:g}", STRONG, font(24))
        values = list(values)
        for row, value in enumerate(values):
            taken = row == action
            colour = VALUE if not taken else TAKEN if value == max(values) else RANDOM
            top = TOP + row * ROW
            full = round(BAR * (value - self.low) / self.span)
            pen.rectangle((self.bars, top + 2, self.bars + full, top + ROW - 6), colour)
            if taken:
                pen.text((self.left, top), self.names[row], colour, font(13))
            end = (self.bars + BAR + NUMBER, top)
            pen.text(end, f"{value:.2f}", colour if taken else TEXT, font(13), anchor="ra")
        return np.asarray(picture)


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's built-in font, so that none need be installed."""
    return ImageFont.load_default(size)
