"""The U-Net of Ho et al. 2020 (arXiv:2006.11239, appendix B), of any size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, ProperFraction, Spec, UserError
from dlplug_generative.diffusion.denoisers import Conditioning, Denoiser

GROUPS = 8  # of group normalisation; Ho et al. use 32, with four times as many channels


class UNet(Denoiser):
    """The U-Net: residual blocks at each resolution on the way down and up, with skip connections.

    The first stage has `width` channels and the others twice as many (Ho et al.: 128, times 1, 2, 2 and 2).

    width: channels of the first stage; a multiple of 8.
    stages: number of resolutions; each is half of the one before.
    depth: residual blocks per stage on the way down, and one more on the way up.
    attention: largest resolution with self-attention; 0 for none.
    dropout: dropout rate in the residual blocks.
    patch: size of the square patches that each become one pixel with more channels; 2 costs a quarter of 1.
    labels: condition on the class, for --label and --loss.guidance.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 64,
        stages: PositiveInt = 3,
        depth: PositiveInt = 2,
        attention: NonNegativeInt = 16,
        dropout: ProperFraction = 0.0,
        patch: PositiveInt = 1,
        labels: bool = False,
    ) -> None:
        super().__init__(spec, labels)
        check_options(spec, width, stages, depth, dropout, patch)
        side = max(spec.input[1:]) // patch
        sides = [side // 2**stage for stage in range(stages)]
        widths = [width, *[2 * width] * (stages - 1)]
        numbers = spec.input[0] * patch**2
        embedding = 4 * width

        def block(inputs: int, outputs: int, attends: bool) -> Block:
            return Block(inputs, outputs, embedding, dropout, attends)

        self.patch = patch
        self.conditioning = Conditioning(embedding, self.classes)
        self.first = nn.Conv2d(numbers, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        carried = [width]  # channels of the skip connections
        for stage, (outputs, side) in enumerate(zip(widths, sides, strict=True)):
            for _ in range(depth):
                self.down.append(block(carried[-1], outputs, side <= attention))
                carried.append(outputs)
            if stage < stages - 1:
                self.down.append(Halve(outputs))
                carried.append(outputs)
        inner = widths[-1]
        self.middle = nn.ModuleList([block(inner, inner, attention > 0), block(inner, inner, False)])
        for stage, (outputs, side) in reversed(list(enumerate(zip(widths, sides, strict=True)))):
            for _ in range(depth + 1):
                self.up.append(block(inner + carried.pop(), outputs, side <= attention))
                inner = outputs
            if stage:
                self.up.append(Double(outputs))
        self.last = nn.Sequential(
            nn.GroupNorm(GROUPS, width), nn.SiLU(), zeroed(nn.Conv2d(width, numbers, 3, padding=1))
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, z: Tensor, time: Tensor, label: Tensor) -> Tensor:
        embedding = self.conditioning(time, label)
        h = self.first(F.pixel_unshuffle(z, self.patch))
        carried = [h]
        for layer in self.down:
            h = layer(h, embedding)
            carried.append(h)
        for layer in self.middle:
            h = layer(h, embedding)
        for layer in self.up:
            h = layer(h if isinstance(layer, Double) else torch.cat([h, carried.pop()], 1), embedding)
        return F.pixel_shuffle(self.last(h), self.patch)


def check_options(spec: Spec, width: int, stages: int, depth: int, dropout: float, patch: int) -> None:
    if len(spec.input) != 3:
        raise UserError(f"ddpm-unet takes images (channels, height, width), but one input has the shape {spec.input}")
    for option, value in (("stages", stages), ("depth", depth), ("patch", patch)):
        if value < 1:
            raise UserError(f"--model.{option} must be at least 1, got {value}")
    if width < GROUPS or width % GROUPS:
        raise UserError(f"--model.width must be a multiple of {GROUPS}, got {width}")
    if not 0 <= dropout < 1:
        raise UserError(f"--model.dropout must be in [0, 1), got {dropout}")
    _, height, width = spec.input
    if height % patch or width % patch:
        raise UserError(f"--model.patch {patch}: images of {height}x{width} cannot be divided into such patches")
    rows, columns = height // patch, width // patch
    if rows % 2 ** (stages - 1) or columns % 2 ** (stages - 1):
        often = next(n for n in range(stages) if (rows | columns) % 2 ** (n + 1))
        raise UserError(
            f"{rows}x{columns} pixels cannot be halved {stages - 1} times, only {often}:"
            f" choose --model.stages {often + 1}"
        )


class Block(nn.Module):
    """x + F(x, embedding), then, with attention, x + attention(x) over all pixels.

    F applies normalisation and SiLU before each of two convolutions, and adds the embedding of time and label between
    them. F and the attention start at 0, so that an untrained block is the identity.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int, dropout: float, attends: bool) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.GroupNorm(GROUPS, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.told = nn.Linear(embedding, outputs)
        self.after = nn.Sequential(
            nn.GroupNorm(GROUPS, outputs),
            nn.SiLU(),
            nn.Dropout(dropout),
            zeroed(nn.Conv2d(outputs, outputs, 3, padding=1)),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        self.attention = Attention(outputs) if attends else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.after(self.before(x) + self.told(embedding)[:, :, None, None])
        return self.attention(self.shortcut(x) + h)


class Attention(nn.Module):
    """x + W softmax(QKᵀ/√d) V over all pixels, with one head (Ho et al. 2020)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * channels, 1)
        self.after = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        # (B, 3C, H, W) → three of (B, 1, H·W, C)
        together = self.queries_keys_values(self.norm(x)).flatten(2).mT[:, None]
        attended = F.scaled_dot_product_attention(*together.chunk(3, -1))
        return x + self.after(attended[:, 0].mT.reshape(x.shape))


class Halve(nn.Module):
    """(B, C, H, W) → (B, C, H/2, W/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.conv(x)


class Double(nn.Module):
    """(B, C, H, W) → (B, C, 2H, 2W): nearest-neighbour upsampling, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
