"""A direct predictor of frames without recurrence, after SimVP (Gao et al. 2022, arXiv:2206.05099; Tan et al. 2022,
arXiv:2211.12509)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec
from dlplug_video.prediction.patches import check_frames, patches, unpatched


class SimVP(nn.Module):
    """All next frames at once: a convolutional encoder of each frame, a translator of all frames' features, which are
    stacked as channels, and a decoder of each next frame.

    Smaller than the papers': frames are cut into patches first, so that no layer works at full resolution; the
    translator has gated blocks, like the second paper's; the decoder's skip connection is from the last frame.

    patch: side of a patch in pixels.
    spatial: channels of a frame's features; half resolution has twice as many.
    temporal: channels of the translator.
    blocks: blocks of the translator.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 4,
        spatial: PositiveInt = 16,
        temporal: PositiveInt = 256,
        blocks: PositiveInt = 3,
    ) -> None:
        super().__init__()
        frames, channels, _, _ = check_frames("simvp", spec, 2 * patch)
        self.patch, self.ahead = patch, spec.output
        self.encoder = block(channels * patch**2, spatial, 1)
        self.down = block(spatial, 2 * spatial, 3, stride=2)
        self.translator = nn.Sequential(
            nn.Conv2d(frames * 2 * spatial, temporal, 1),
            *(Gated(temporal) for _ in range(blocks)),
            nn.BatchNorm2d(temporal),
            nn.SiLU(),
            nn.Conv2d(temporal, spec.output * 2 * spatial, 1),
        )
        self.up = nn.Sequential(nn.Conv2d(2 * spatial, 4 * spatial, 1), nn.PixelShuffle(2))
        self.skip = nn.Conv2d(spatial, spatial, 3, padding=1)
        self.decoder = nn.Sequential(
            nn.BatchNorm2d(spatial), nn.SiLU(), nn.Conv2d(spatial, channels * patch**2, 3, padding=1)
        )
        # frames are mostly black
        nn.init.constant_(self.decoder[-1].bias, -3.0)  # pyright: ignore[reportArgumentType]
        self.to(memory_format=torch.channels_last)

    def forward(self, past: Tensor) -> Tensor:
        """(B, T, C, H, W) in [0, 1] → (B, T', C, H, W) in [0, 1]."""
        batch = len(past)
        fine = self.encoder(patches(past.flatten(0, 1), self.patch))
        coarse = self.down(fine).unflatten(0, (batch, -1)).flatten(1, 2)
        coarse = self.translator(coarse).unflatten(1, (self.ahead, -1)).flatten(0, 1)
        last = self.skip(fine.unflatten(0, (batch, -1))[:, -1])
        fine = self.up(coarse).unflatten(0, (batch, -1)) + last[:, None]
        frames = unpatched(self.decoder(fine.flatten(0, 1)), self.patch)
        return frames.unflatten(0, (batch, -1)).sigmoid()


def block(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(inplace=True),
    )


class Gated(nn.Module):
    """y = x + W₂(silu(g) ∘ v), where g and v are W₁ of a depthwise convolution of x: a gate can multiply what is seen
    by how it moves."""

    def __init__(self, width: int, kernel: int = 5) -> None:
        super().__init__()
        self.near = nn.Sequential(
            nn.BatchNorm2d(width), nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        )
        self.gate_and_value = nn.Conv2d(width, 2 * width, 1)
        self.output = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.gate_and_value(self.near(x)).chunk(2, 1)
        return x + self.output(F.silu(gate) * value)
