"""The controllers: a feed-forward layer or an LSTM, both `(input, state) -> (output, state)`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

LARGEST = 20.0  # the interface vector is clipped to ± this, as in deepmind/dnc


class Hidden(NamedTuple):
    """An LSTM's state: output and cell, (B, width) each. A feed-forward controller's state is empty."""

    output: Tensor
    cell: Tensor


class FeedForward(nn.Module):
    """tanh(W x + b): stateless, so that only the external memory persists."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, width)
        nn.init.xavier_uniform_(self.layer.weight, gain=nn.init.calculate_gain("tanh"))
        nn.init.zeros_(self.layer.bias)

    def start(self, x: Tensor) -> Hidden:
        empty = x.new_zeros(len(x), 0)
        return Hidden(empty, empty)

    def forward(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        """x (B, inputs) gives (B, width)."""
        return torch.tanh(self.layer(x)), state


class LSTM(nn.Module):
    """One step of an LSTM (Hochreiter & Schmidhuber 1997; with a forget gate, Gers et al. 2000)."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.step = nn.LSTMCell(inputs, width)
        self.width = width
        for weight in (self.step.weight_ih, self.step.weight_hh):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.step.bias_ih)
        nn.init.zeros_(self.step.bias_hh)
        with torch.no_grad():
            self.step.bias_ih[width : 2 * width] = 1.0  # an open forget gate (Jozefowicz et al. 2015)

    @torch.no_grad()
    def favour_the_input(self) -> None:
        """Changes the initial weights so that the output depends more on the current input than on the past."""
        self.step.bias_ih[self.width : 2 * self.width] = 0.0
        self.step.weight_ih.mul_(3.0)

    def start(self, x: Tensor) -> Hidden:
        zeros = x.new_zeros(len(x), self.width)
        return Hidden(zeros, zeros)

    def forward(self, x: Tensor, state: Hidden) -> tuple[Tensor, Hidden]:
        """x (B, inputs) gives (B, width)."""
        state = Hidden(*self.step(x, state))
        return state.output.clamp(-LARGEST, LARGEST), state


def controller(name: str, inputs: int, width: int) -> FeedForward | LSTM:
    return {"feed-forward": FeedForward, "lstm": LSTM}[name](inputs, width)
