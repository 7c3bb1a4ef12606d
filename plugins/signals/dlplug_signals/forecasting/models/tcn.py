"""The temporal convolutional network (Bai et al. 2018, arXiv:1803.01271)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_signals.forecasting.models.columns import Normalised


class CausalConv(nn.Conv1d):
    """A dilated convolution whose output at a time step depends on no later one."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, T) to (N, C', T)."""
        return super().forward(F.pad(input, ((self.kernel_size[0] - 1) * self.dilation[0], 0)))


class CausalBlock(nn.Module):
    """x + two dilated causal convolutions of it."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(CausalConv(width, width, kernel, dilation=dilation), nn.ReLU(), nn.Dropout(dropout)),
            *(CausalConv(width, width, kernel, dilation=dilation), nn.ReLU(), nn.Dropout(dropout)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, T) to the same shape."""
        return x + self.layers(x)


class TCN(Normalised):
    """Dilated causal convolutions over patches of each column; the last patch's features give the whole horizon.

    The dilation doubles from block to block until the last patch sees the whole input.

    patch: time steps per patch; 1 convolves the time steps themselves, as in the paper.
    width: channels.
    kernel: patches per convolution.
    dropout: dropout rate after each convolution.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 4,
        width: PositiveInt = 32,
        kernel: PositiveInt = 3,
        dropout: ProperFraction = 0.1,
    ) -> None:
        super().__init__(spec)
        if kernel < 2:
            raise UserError(f"--model.kernel must be at least 2 to look back, got {kernel}")
        self.patches = whole_patches(self.length, patch)
        self.stem = nn.Conv1d(1, width, patch, stride=patch)
        self.blocks = nn.Sequential(
            *(CausalBlock(width, kernel, dilation, dropout) for dilation in dilations(self.patches, kernel))
        )
        self.head = nn.Linear(width, self.horizon)

    def features(self, x: Tensor) -> Tensor:
        """(N, width, patches) of x (N, L): those of a patch depend on no later one."""
        return self.blocks(self.stem(x[:, None]))

    def forecast(self, x: Tensor) -> Tensor:
        return self.head(self.features(x)[:, :, -1])


def dilations(length: int, kernel: int) -> list[int]:
    """1, 2, 4, … : the dilations of as many blocks as the last of `length` steps needs to see the first."""
    chosen, sees = [1], 1 + 2 * (kernel - 1)
    while sees < length:
        chosen.append(2 * chosen[-1])
        sees += 2 * (kernel - 1) * chosen[-1]
    return chosen


def whole_patches(length: int, patch: int) -> int:
    """The number of patches of the input. Raises UserError where some time steps would be left over."""
    if length % patch:
        raise UserError(f"--model.patch {patch} does not divide --data.input {length}")
    return length // patch
