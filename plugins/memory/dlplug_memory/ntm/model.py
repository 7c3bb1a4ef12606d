"""The Neural Turing Machine (Graves et al. 2014, arXiv:1410.5401): a controller with read and write heads."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec, UserError
from dlplug_memory.cells.content import content_weights
from dlplug_memory.cells.controllers import LSTM, Hidden, controller
from dlplug_memory.cells.recurrent import Cell, Recurrent, Snapshot, check_sizes, clip_gradient
from dlplug_memory.ntm.addressing import interpolate, read, sharpen, shift, write

CONFIDENT = 2.0  # initial logits: g_t starts near 0.12, and one of three shifts near 0.79
STRENGTH = 6.0  # with `ready`, β starts near 6
BLANK = 1e-6  # initial memory, which trained fastest in Collier & Beel 2018


class NTMState(NamedTuple):
    """memory (B, N, W); weights (B, H, N) of the read heads and, after them, of the write heads; the read vectors,
    reads (B, R W); and the controller's state."""

    memory: Tensor
    weights: Tensor
    reads: Tensor
    hidden: Hidden


class NTMCell(Cell):
    """One step: all heads address the memory of the previous step; read heads read from it, then write heads write.

    Every head starts at the first slot: nothing else distinguishes the blank slots. No parameter depends on the number
    of slots, so a trained network can use more of them than in training.
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
        # the heads' parameters, in the order of their activation functions: tanh, sigmoid, softplus, softmax
        self.sizes = (heads + writes) * word, heads + writes * word, 2 * heads, heads * shifts
        self.heads = nn.Linear(width, sum(self.sizes))
        nn.init.xavier_uniform_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)
        # Initially heads keep their focus, as an LSTM's forget gate starts open: read heads stay, write heads move by
        # one slot. With g_t = 1/2 and uniform s_t the focus is lost after a few steps, and training finds networks that
        # work without it up to the training length, but no further.
        _, gates, _, shift = self.heads.bias.detach().split(self.sizes)
        nn.init.constant_(gates[:heads], -CONFIDENT)
        nn.init.constant_(shift.view(heads, shifts)[:reads, reach], CONFIDENT)
        nn.init.constant_(shift.view(heads, shifts)[reads:, min(reach + 1, 2 * reach)], CONFIDENT)
        if ready:
            self.initialise_ready()
        self.outputs = width + reads * word

    @torch.no_grad()
    def initialise_ready(self) -> None:
        """Changes the initial weights so that read heads look up slots that are similar to the current step."""
        heads, word = self.reads + self.writes, self.word
        vectors = self.heads.weight[: self.sizes[0]].view(heads + self.writes, word, -1)
        # the read keys start as the vector that the first write head would add
        vectors[: self.reads] = vectors[heads]
        _, gates, positive, _ = self.heads.bias.split(self.sizes)
        gates[: self.reads] = CONFIDENT
        positive[: self.reads] = STRENGTH
        if isinstance(self.controller, LSTM):
            self.controller.favour_the_input()

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
        """Maps x (B, inputs) to the controller's output and the read vectors, (B, outputs)."""
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
        weights = clip_gradient(sharpen(shift(weights, distribution), 1 + powers))

        reads = read(state.memory, weights[:, : self.reads]).flatten(1)
        memory = write(state.memory, weights[:, self.reads :], erase, add)
        return torch.cat([output, reads], 1), NTMState(memory, weights, reads, hidden)

    def snapshot(self, state: NTMState) -> Snapshot:
        reads, writes = state.weights.split((self.reads, self.writes), 1)
        return Snapshot(state.memory, reads, writes, None)


class NTM(Recurrent):
    """A Neural Turing Machine.

    slots: memory slots, N; at least the length of a sequence that must be remembered completely.
    word: size of a slot, W.
    reads: read heads.
    writes: write heads.
    reach: largest shift of a head per step, in slots, in either direction.
    width: hidden size of the controller.
    control: kind of controller; a feed-forward one has no state of its own.
    ready: initialise as a memory of every step, addressed by content; otherwise read heads initially stay in place.
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
