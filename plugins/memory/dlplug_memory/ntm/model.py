"""The Neural Turing Machine (Graves et al. 2014, arXiv:1410.5401): a controller, and heads that move over a tape."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec, UserError
from dlplug_memory.cells.content import content_weights
from dlplug_memory.cells.controllers import LSTM, Hidden, controller
from dlplug_memory.cells.recurrent import Cell, Look, Recurrent, bound_gradient, check_sizes
from dlplug_memory.ntm.addressing import interpolate, read, sharpen, shift, write

SURE = 2.0  # in logits: at first g_t is near 0.12, and one of three shifts near 0.79
STRENGTH = 6.0  # of a ready net: β begins near 6
BLANK = 1e-6  # what every number of the memory is at first, as Collier & Beel 2018 found to learn fastest


class NTMState(NamedTuple):
    """memory (B, N, W); weights (B, H, N) of the heads that read and, after them, of those that write; what was read,
    reads (B, R W); and the controller's state."""

    memory: Tensor
    weights: Tensor
    reads: Tensor
    hidden: Hidden


class NTMCell(Cell):
    """One step. All heads look at the memory as the last step left it; what they read is of that memory too, and then
    they write.

    Every head starts at the first slot. Nothing else tells one blank slot from another, and so no weight depends on how
    many there are: a trained network can use more slots than in training.
    """

    def __init__(
        self,
        inputs: int,
        *,
        slots: PositiveInt,
        word: PositiveInt,
        reads: PositiveInt,
        writes: PositiveInt,
        reach: NonNegativeInt,
        width: PositiveInt,
        control: str,
        ready: bool,
    ) -> None:
        super().__init__()
        self.slots, self.word, self.reads, self.writes = slots, word, reads, writes
        heads, shifts = reads + writes, 2 * reach + 1
        self.controller = controller(control, inputs + reads * word, width)
        # the heads' parameters, in the order of the functions that bound them: tanh, sigmoid, softplus, softmax
        self.sizes = (heads + writes) * word, heads + writes * word, 2 * heads, heads * shifts
        self.heads = nn.Linear(width, sum(self.sizes))
        nn.init.xavier_uniform_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)
        # Heads begin with a focus that lasts, as an LSTM's forget gate begins open: those that read keep their place,
        # those that write move on. With g_t at 1/2 and s_t even it is gone after a few steps, and nets are found that
        # get along without one up to the length of training.
        _, gates, _, shift = self.heads.bias.detach().split(self.sizes)
        nn.init.constant_(gates[:heads], -SURE)
        nn.init.constant_(shift.view(heads, shifts)[:reads, reach], SURE)
        nn.init.constant_(shift.view(heads, shifts)[reads:, min(reach + 1, 2 * reach)], SURE)
        if ready:
            self.get_ready()
        self.outputs = width + reads * word

    @torch.no_grad()
    def get_ready(self) -> None:
        """Lets the heads that read begin by looking up what the step at hand is like."""
        heads, word = self.reads + self.writes, self.word
        vectors = self.heads.weight[: self.sizes[0]].view(heads + self.writes, word, -1)
        # what is looked for is what the first head would write
        vectors[: self.reads] = vectors[heads]
        _, gates, positive, _ = self.heads.bias.split(self.sizes)
        gates[: self.reads] = SURE
        positive[: self.reads] = STRENGTH
        if isinstance(self.controller, LSTM):
            self.controller.live_in_the_present()

    def start(self, x: Tensor) -> NTMState:
        batch = len(x)
        weights = x.new_zeros(batch, self.reads + self.writes, self.slots)
        weights[:, :, 0] = 1.0
        return NTMState(
            x.new_full((batch, self.slots, self.word), BLANK),
            weights,
            x.new_zeros(batch, self.reads * self.word),
            self.controller.start(x),
        )

    def forward(self, x: Tensor, state: NTMState) -> tuple[Tensor, NTMState]:
        """x (B, inputs) gives the controller's output beside what was read, (B, outputs)."""
        batch, heads = len(x), self.reads + self.writes
        output, hidden = self.controller(torch.cat([x, state.reads], 1), state.hidden)
        bounded, gates, positive, shifts = self.heads(output).split(self.sizes, 1)

        # k_t, a_t in (-1, 1); g_t, e_t in (0, 1); β_t > 0, γ_t > 1; s_t sums to 1
        keys, add = torch.tanh(bounded).view(batch, -1, self.word).split((heads, self.writes), 1)
        gates = torch.sigmoid(gates)
        gate, erase = gates[:, :heads], gates[:, heads:].unflatten(1, (self.writes, self.word))
        strengths, powers = F.softplus(positive).split(heads, 1)
        distribution = shifts.view(batch, heads, -1).softmax(2)

        weights = content_weights(state.memory, keys, strengths)
        weights = interpolate(weights, state.weights, gate)
        weights = bound_gradient(sharpen(shift(weights, distribution), 1 + powers))

        reads = read(state.memory, weights[:, : self.reads]).flatten(1)
        memory = write(state.memory, weights[:, self.reads :], erase, add)
        return torch.cat([output, reads], 1), NTMState(memory, weights, reads, hidden)

    def look(self, state: NTMState) -> Look:
        reads, writes = state.weights.split((self.reads, self.writes), 1)
        return Look(state.memory, reads, writes, None)


class NTM(Recurrent):
    """A Neural Turing Machine.

    slots: memory slots, N; at least the length of a sequence that must be remembered whole.
    word: size of a slot, W.
    reads: read heads.
    writes: write heads.
    reach: largest shift of a head per step, in slots, either way.
    width: hidden size of the controller.
    control: kind of controller; a feed-forward one has no memory but the tape.
    ready: initialise as a memory of every step, addressed by content; else read heads keep their place at first.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        slots: PositiveInt = 128,
        word: PositiveInt = 20,
        reads: PositiveInt = 1,
        writes: PositiveInt = 1,
        reach: NonNegativeInt = 1,
        width: PositiveInt = 100,
        control: Literal["feed-forward", "lstm"] = "feed-forward",
        ready: bool = False,
    ) -> None:
        check_sizes("ntm", slots=slots, word=word, reads=reads, writes=writes, width=width)
        if not 0 <= 2 * reach < slots:
            raise UserError(f"--model.reach must be at least 0 and below half of the {slots} slots, got {reach}")
        cell = NTMCell(
            spec.input[0],
            slots=slots,
            word=word,
            reads=reads,
            writes=writes,
            reach=reach,
            width=width,
            control=control,
            ready=ready,
        )
        super().__init__(cell, spec)
