"""Recurrent layers: torch's fast kernels, the same equations step by step in plain torch, and a parallel minimal GRU.

Shapes: B sequences, T steps, W inputs, H units. A layer's state is a tuple of tensors (B, H): h, and an LSTM's c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Cell = Literal["rnn", "lstm", "gru", "min-gru"]
State = tuple[Tensor, ...]
Step = Callable[[Tensor, State, Tensor, Tensor], State]


def rnn_step(x: Tensor, state: State, W: Tensor, w: Tensor) -> State:
    """h' = tanh(W h + U x) (Elman 1990); the argument x (B, H) is U x plus its bias, w is the bias of W."""
    (h,) = state
    return (torch.tanh(F.linear(h, W, w) + x),)


def lstm_step(x: Tensor, state: State, W: Tensor, w: Tensor) -> State:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; x (B, 4H) is U x plus its bias."""
    h, c = state
    i, f, g, o = (F.linear(h, W, w) + x).chunk(4, 1)
    # c' = σ(f) c + σ(i) tanh(g)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    # h' = σ(o) tanh(c')
    return o.sigmoid() * c.tanh(), c


def gru_step(x: Tensor, state: State, W: Tensor, w: Tensor) -> State:
    """Cho et al. 2014 as in cuDNN: r resets the output of W, not its input; x (B, 3H) is U x plus its bias."""
    (h,) = state
    x_r, x_z, x_n = x.chunk(3, 1)
    h_r, h_z, h_n = F.linear(h, W, w).chunk(3, 1)
    r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    # n = tanh(U x + r W h)
    n = (x_n + r * h_n).tanh()
    # h' = (1 - z) n + z h
    return ((1 - z) * n + z * h,)


STEPS: dict[str, Step] = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
TORCH: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def unroll(step: Step, net: nn.RNNBase, x: Tensor, state: State) -> tuple[Tensor, State]:
    """The same result as torch's net (batch_first, one layer) for x (B, T, W): h (B, T, H), and the final state."""
    outputs = []
    U, W, u, w = net.all_weights[0]
    # U x of all steps in one matrix product
    for x_t in F.linear(x, U, u).unbind(1):
        state = step(x_t, state, W, w)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state


class Layer(nn.Module):
    """Maps x (B, T, W) and a state to h (B, T, H) and the final state.

    written_out: use the equations in plain torch instead of torch's kernel, with the same weights.
    """

    def __init__(self, cell: Cell, inputs: int, units: int, written_out: bool = False) -> None:
        super().__init__()
        self.cell, self.units, self.parts = cell, units, 2 if cell == "lstm" else 1
        self.written_out = written_out
        self.net = TORCH[cell](inputs, units, batch_first=True)
        if cell == "lstm":  # the forget gate is initialised open (Jozefowicz et al. 2015, section 3.2)
            with torch.no_grad():
                self.net.all_weights[0][3][units : 2 * units] = 1.0

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if self.written_out:
            return unroll(STEPS[self.cell], self.net, x, state)
        stacked = tuple(part[None].contiguous() for part in state)
        h, after = self.net(x, stacked if self.parts == 2 else stacked[0])
        return h, tuple(part[0] for part in (after if self.parts == 2 else (after,)))

    def activation(self, state: State) -> Tensor:
        """The units' activations (B, H), in [-1, 1]: tanh(c) of an LSTM (Karpathy et al. 2016), or h."""
        return state[-1].tanh() if self.parts == 2 else state[0]


class MinimalLayer(nn.Module):
    """A GRU whose gate does not depend on h, so that all steps are computed at once (Feng et al. 2024,
    arXiv:2410.01201, section 3.1 and appendix B): h' = (1 - z) h + z h̃, with z = σ(A x) and h̃ = g(B x) > 0."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.units, self.parts = units, 1
        self.gate = nn.Linear(inputs, units)
        self.candidate = nn.Linear(inputs, units)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = parallel_scan(self.gate(x).sigmoid(), positive(self.candidate(x)), state[0])
        return h, (h[:, -1],)

    def activation(self, state: State) -> Tensor:
        """tanh h (B, H), since h has no upper bound."""
        return state[0].tanh()


def positive(x: Tensor) -> Tensor:
    """g(x) = x + 1/2 where x ≥ 0, else σ(x): continuous, and never 0."""
    return torch.where(x >= 0, x + 0.5, x.sigmoid())


def parallel_scan(z: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
    """h_t = (1 - z_t) h_{t-1} + z_t h̃_t for all t at once: z, candidate (B, T, H), and the initial h (B, H).

    A step is an affine function of h, and so is the composition of several. Each round composes twice as many steps
    (Hillis & Steele 1986), so that T steps take log₂ T rounds. No factor exceeds 1, so logarithms are not needed.
    """
    factor, term = 1 - z, z * candidate
    reach = 1
    while reach < z.shape[1]:
        # (f_t ∘ … ∘ f_{t-r+1}) ∘ (f_{t-r} ∘ …): a a' h + a b' + b
        longer_term = torch.addcmul(term[:, reach:], factor[:, reach:], term[:, :-reach])
        longer_factor = factor[:, reach:] * factor[:, :-reach]
        term = torch.cat([term[:, :reach], longer_term], 1)
        factor = torch.cat([factor[:, :reach], longer_factor], 1)
        reach *= 2
    return torch.addcmul(term, factor, h[:, None])
