"""Films of videos beside each other."""

from __future__ import annotations

import torch
from dlplug_figures.figure import even
from torch import Tensor

from dlplug import Video

LARGER = 2  # a pixel's side in the film
GIVEN, AHEAD = (70, 70, 70), (30, 110, 200)  # colours of the frame around given and around predicted frames
FPS = 5


def side_by_side(past: Tensor, future: Tensor, predicted: Tensor) -> Video:
    """True frames above predicted ones, a column for each sequence; given frames, which are above and below, have a
    grey border, those to be predicted a blue one.

    past (N, T, 1, H, W) and future (N, T', 1, H, W) uint8; predicted (N, T', 1, H, W) in [0, 1].
    """
    true = torch.cat([past, future], 1)
    below = torch.cat([past, (predicted.clamp(0, 1) * 255).round().byte()], 1)
    frames = []
    for time in range(true.shape[1]):
        colour = GIVEN if time < past.shape[1] else AHEAD
        rows = [torch.cat([bordered(clip[time, 0], colour) for clip in clips], 1) for clips in (true, below)]
        frames.append(even(torch.cat(rows).numpy()))
    caption = f"truth above, prediction below; {past.shape[1]} frames given, {future.shape[1]} predicted (blue border)"
    return Video(frames, FPS, caption)


def bordered(frame: Tensor, colour: tuple[int, int, int]) -> Tensor:
    """A grey frame (H, W) uint8, enlarged, in a border of a colour: (H', W', 3)."""
    large = frame.repeat_interleave(LARGER, 0).repeat_interleave(LARGER, 1)
    height, width = large.shape
    picture = torch.tensor(colour, dtype=torch.uint8).expand(height + 4, width + 4, 3).clone()
    picture[2:-2, 2:-2] = large[..., None]
    return picture
