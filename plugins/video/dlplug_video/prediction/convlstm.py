"""Convolutional LSTM (Shi et al. 2015, arXiv:1506.04214)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlplug import PositiveInt, Spec
from dlplug_video.prediction.patches import check_frames, patches, unpatched

State = tuple[Tensor, Tensor]


class ConvLSTMCell(nn.Module):
    """One layer: an LSTM whose matrices are convolutions, without peepholes.

    i, f, o = σ(W * [x; h] + b); c' = f ∘ c + i ∘ tanh(W_c * [x; h] + b_c); h' = o ∘ tanh(c')
    """

    def __init__(self, inputs: int, width: int, kernel: int) -> None:
        super().__init__()
        self.width = width
        self.gates = nn.Conv2d(inputs + width, 4 * width, kernel, padding=kernel // 2)
        with torch.no_grad():
            # the cell remembers at first (Jozefowicz et al. 2015)
            self.gates.bias[width : 2 * width] = 1.0  # pyright: ignore[reportOptionalSubscript]

    def forward(self, x: Tensor, state: State | None) -> State:
        """x (B, inputs, H, W) and the state h, c, (B, width, H, W) each; None is zero. Returns the next state."""
        if state is None:
            zero = x.new_zeros(len(x), self.width, *x.shape[2:])
            state = zero, zero
        h, c = state
        i, f, o, g = self.gates(torch.cat([x, h], 1)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ConvLSTM(nn.Module):
    """ConvLSTM layers that read the given frames, then predict frame by frame. Predictions, not the true frames, are
    their inputs from then on, in training too.

    patch: side of the patches that become channels; the paper's 4 makes 64x64 pixels 16x16 of 16 channels.
    width: channels of a layer. The paper has 128, 64 and 64; fewer here, for a CPU.
    layers: number of layers.
    kernel: side of the convolutions' kernels.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        patch: PositiveInt = 4,
        width: PositiveInt = 32,
        layers: PositiveInt = 2,
        kernel: PositiveInt = 3,
    ) -> None:
        super().__init__()
        _, channels, _, _ = check_frames("convlstm", spec, patch)
        self.patch, self.ahead = patch, spec.output
        inner = channels * patch**2
        self.layers = nn.ModuleList(ConvLSTMCell(width if n else inner, width, kernel) for n in range(layers))
        self.head = nn.Conv2d(layers * width, inner, 1)  # of all layers' h, as in the paper
        # frames are mostly black
        nn.init.constant_(self.head.bias, -3.0)  # pyright: ignore[reportArgumentType]
        self.to(memory_format=torch.channels_last)

    def forward(self, past: Tensor) -> Tensor:
        """(B, T, C, H, W) in [0, 1] → (B, T', C, H, W) in [0, 1]."""
        states: list[State | None] = [None] * len(self.layers)
        frame = past[:, 0]
        for frame in past.unbind(1):
            states = self.step(patches(frame, self.patch), states)
        predicted = [self.read(states)]
        while len(predicted) < self.ahead:
            states = self.step(predicted[-1], states)
            predicted.append(self.read(states))
        return unpatched(torch.stack(predicted, 1).flatten(0, 1), self.patch).unflatten(0, (len(past), -1))

    def step(self, x: Tensor, states: list[State | None]) -> list[State | None]:
        """The layers' states after an input (B, inner, H, W)."""
        after: list[State | None] = []
        for layer, state in zip(self.layers, states, strict=True):
            state = layer(x, state)
            x = state[0]
            after.append(state)
        return after

    def read(self, states: list[State | None]) -> Tensor:
        """The predicted frame's patches in [0, 1]."""
        return self.head(torch.cat([state[0] for state in states if state is not None], 1)).sigmoid()
