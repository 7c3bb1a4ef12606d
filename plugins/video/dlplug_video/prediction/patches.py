"""Frames cut into patches that become channels, as in Shi et al. 2015 (arXiv:1506.04214), section 4.1."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from dlplug import Spec, UserError


def patches(frames: Tensor, side: int) -> Tensor:
    """(N, C, H, W) → (N, C·side², H / side, W / side)."""
    return F.pixel_unshuffle(frames, side)


def unpatched(frames: Tensor, side: int) -> Tensor:
    """The inverse of `patches`."""
    return F.pixel_shuffle(frames, side)


def check_frames(name: str, spec: Spec, multiple: int) -> tuple[int, int, int, int]:
    """(T, C, H, W). Raises UserError for a spec that is no video, or whose height or width is no multiple of the
    model's coarsest cell."""
    if len(spec.input) != 4:
        raise UserError(f"the model {name} takes videos (time, channels, height, width), such as moving-digits; these "
                        f"data have inputs {spec.input}")  # fmt: skip
    frames, channels, height, width = spec.input
    if height % multiple or width % multiple:
        raise UserError(
            f"the model {name} cuts frames into cells of {multiple}x{multiple} pixels, which do not divide "
            f"{height}x{width}: choose another --model.patch"
        )
    return frames, channels, height, width
