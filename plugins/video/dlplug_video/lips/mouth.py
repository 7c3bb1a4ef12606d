"""Draws mouths: grey frames of lips, teeth and tongue, for a shape and a speaker's face."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Faces(NamedTuple):
    """Properties of N faces, (N,) each. Lengths are fractions of the frame's side, brightness is from 0 to 1.

    across, down: the mouth's centre; angle: its tilt in radians; size: half the width of the widest mouth; jaw: the
    widest opening relative to it; lip: thickness of the lips; bow: depth of the dent of the upper lip.
    skin, lips, dark, teeth, tongue: brightness; shade: how much brighter the right side is than the left.
    """

    across: Tensor
    down: Tensor
    angle: Tensor
    size: Tensor
    jaw: Tensor
    lip: Tensor
    bow: Tensor
    skin: Tensor
    lips: Tensor
    dark: Tensor
    teeth: Tensor
    tongue: Tensor
    shade: Tensor


RANGES = {
    "across": (0.44, 0.56), "down": (0.44, 0.56), "angle": (-0.15, 0.15), "size": (0.30, 0.42), "jaw": (0.6, 0.95),
    "lip": (0.05, 0.09), "bow": (0.0, 0.3), "skin": (0.35, 0.9), "lips": (0.5, 0.8), "dark": (0.0, 0.15),
    "teeth": (0.75, 1.0), "tongue": (0.35, 0.55), "shade": (-0.15, 0.15),
}  # fmt: skip


def draw(shapes: Tensor, faces: Faces, side: int) -> Tensor:
    """Frames (N, side, side) in [0, 1] of shapes (N, 5), whose columns are `visemes.Shape`'s, and N faces."""
    opening, width, rounding, teeth, tongue = shapes[..., None, None].unbind(1)
    face = Faces(*(field.view(-1, 1, 1) for field in faces))
    pixels = (torch.arange(side) + 0.5) / side
    x, y = pixels[None, :] - face.across, pixels[:, None] - face.down
    cos, sin = face.angle.cos(), face.angle.sin()
    x, y = cos * x + sin * y, cos * y - sin * x
    # the corners of the mouth are at u = -1 and 1
    half = face.size * (0.35 + 0.65 * width)
    u = x / half
    arch = (1 - u * u).clamp(min=0)
    gap = opening * face.jaw * face.size
    upper, lower = -0.35 * gap * arch, 0.65 * gap * arch  # the inner edges of the lips; y points down
    thick = face.lip * (1 + 0.6 * rounding) * arch.sqrt()
    dent = face.bow * face.lip * torch.exp(-((u / 0.25) ** 2))
    edge = 0.7 / side  # half the width of a soft edge

    def within(top: Tensor, bottom: Tensor) -> Tensor:
        return ((y - top) / edge).sigmoid() * ((bottom - y) / edge).sigmoid()

    sides = ((1 - u.abs()) * half / edge).sigmoid()
    picture = face.skin * (1 + face.shade * x / 0.5)
    lips = picture * face.lips
    picture = over(picture, lips, within(upper - thick + dent, lower + thick) * sides)
    inside = within(upper, lower) * sides * (gap / edge).clamp(max=1)
    picture = over(picture, face.dark, inside)
    picture = over(picture, face.tongue, inside * ((y - lower + tongue * 0.7 * gap) / edge).sigmoid() * (tongue > 0.02))
    row = upper + teeth * torch.maximum(0.35 * gap, 1.5 * face.lip * teeth * (opening > 0.02))
    return over(picture, face.teeth, inside * ((row - y) / edge).sigmoid() * teeth.clamp(max=0.5) * 2).clamp(0, 1)


def over(below: Tensor, colour: Tensor, opacity: Tensor) -> Tensor:
    return below + opacity * (colour - below)
