"""Sentences about what is where, in a small grammar:

caption = "an empty canvas" | object place {", " object place} [" and " object place]
relation = object side object
object = ("a " | "an ") [colour " "] class
place = " at the top left" | " at the top" | … | " in the middle" | … | " at the bottom right"
side = " to the left of " | " to the right of " | " above " | " below "
"""

from __future__ import annotations

from dlplug import UserError
from dlplug_images.canvas.layout import PALETTE
from dlplug_images.canvas.scenes import Scenes

EMPTY = "an empty canvas"
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
COLOURS = tuple(PALETTE)

Box = tuple[float, float, float, float]


def captions(scenes: Scenes, names: tuple[str, ...]) -> list[str]:
    """One sentence for each of N scenes: every visible object and its place, by thirds of the canvas, in reading
    order. Colours are said on RGB canvases only.

    names: the classes' names, `Glyphs.names`.
    """
    height, width = scenes.images.shape[-2:]
    sentences = []
    for boxes, said in zip(scenes.boxes.tolist(), described(scenes, names), strict=True):
        cells = [cell(box, height, width) for box in boxes[: len(said)]]
        items = [f"{what} {place(*where)}" for where, what in sorted(zip(cells, said, strict=True))]
        *most, last = items or [EMPTY]
        sentences.append(f"{', '.join(most)} and {last}" if most else last)
    return sentences


def relations(scenes: Scenes, names: tuple[str, ...]) -> list[str]:
    """One sentence for each of N scenes: where its first object is, seen from its second, as in "a 3 to the left of a
    7". Raises UserError for a scene of fewer than two visible objects."""
    if scenes.counts.min() < 2:
        raise UserError("a relation needs two visible objects on every canvas: --data.objects 2 2 --data.overlap 0")
    pairs = zip(scenes.boxes.tolist(), described(scenes, names), strict=True)
    return [f"{said[0]} {side(boxes[0], boxes[1])} {said[1]}" for boxes, said in pairs]


def described(scenes: Scenes, names: tuple[str, ...]) -> list[list[str]]:
    """The visible objects of each scene: "a red circle", "an 8"."""
    coloured = scenes.images.shape[-3] == 3
    rows = zip(scenes.labels.tolist(), scenes.colours.tolist(), scenes.counts.tolist(), strict=True)
    return [
        [
            with_article(f"{COLOURS[colour]} {names[label]}" if coloured else names[label])
            for label, colour in zip(labels[:count], colours[:count], strict=True)
        ]
        for labels, colours, count in rows
    ]


def with_article(words: str) -> str:
    return f"an {words}" if words[0] in "aeio8" else f"a {words}"


def cell(box: Box, height: int, width: int) -> tuple[int, int]:
    """The row and column, 0 to 2, of the third of the canvas that a box's centre is in."""
    x1, y1, x2, y2 = box
    return int(3 * (y1 + y2) // (2 * height)), int(3 * (x1 + x2) // (2 * width))


def place(row: int, column: int) -> str:
    words = " ".join(word for word in (ROWS[row], COLUMNS[column]) if word)
    return f"at the {words}" if words else "in the middle"


def side(box: Box, other: Box) -> str:
    """Where a box is, seen from another: along the axis on which their centres are farther apart."""
    right, down = (box[axis] + box[axis + 2] - other[axis] - other[axis + 2] for axis in (0, 1))
    if abs(right) >= abs(down):
        return "to the right of" if right > 0 else "to the left of"
    return "below" if down > 0 else "above"
