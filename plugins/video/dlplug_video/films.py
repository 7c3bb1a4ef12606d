"""Films of videos beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from dlplug_figures.figure import even
from torch import Tensor

from dlplug import Video

LARGER = 2  # a pixel's side in the film
GIVEN, AHEAD = (70, 70, 70), (30, 110, 200)  # colours of the frame around given and around predicted frames
FPS = 5
WIDEST, TITLE = 128, 18  # width of a clip in a row and height of its title, in pixels


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


def in_a_row(clips: Sequence[Tensor], titles: Sequence[str], caption: str, fps: int = 12) -> Video:
    """Clips (T, C, H, W) uint8, of different lengths, beside each other, each below its title; the last frame of a
    clip remains."""
    from PIL import Image, ImageDraw

    larger = max(1, WIDEST // max(clip.shape[3] for clip in clips))
    grey = [clip.float().mean(1).round().byte() for clip in clips]
    grey = [clip.repeat_interleave(larger, 1).repeat_interleave(larger, 2).numpy() for clip in grey]
    frames = []
    for time in range(max(map(len, grey))):
        row = [np.pad(clip[min(time, len(clip) - 1)], ((TITLE, 4), (2, 2))) for clip in grey]
        picture = Image.fromarray(np.concatenate(row, 1)).convert("RGB")
        pen = ImageDraw.Draw(picture)
        for n, title in enumerate(titles):
            pen.text((n * row[0].shape[1] + 4, 3), title, fill=(255, 255, 255))
        frames.append(even(np.asarray(picture)))
    return Video(frames, fps, caption)


def bordered(frame: Tensor, colour: tuple[int, int, int]) -> Tensor:
    """A grey frame (H, W) uint8, enlarged, in a border of a colour: (H', W', 3)."""
    large = frame.repeat_interleave(LARGER, 0).repeat_interleave(LARGER, 1)
    height, width = large.shape
    picture = torch.tensor(colour, dtype=torch.uint8).expand(height + 4, width + 4, 3).clone()
    picture[2:-2, 2:-2] = large[..., None]
    return picture
