"""The Differentiable Neural Computer (Graves et al. 2016, doi:10.1038/nature20101), as published or with the
improvements of Csordás & Schmidhuber 2019 (arXiv:1904.10278)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, Spec
from dlplug_memory.cells.content import content_weights
from dlplug_memory.cells.controllers import LARGEST, LSTM, Hidden, controller
from dlplug_memory.cells.recurrent import Cell, Recurrent, Snapshot, check_sizes, clip_gradient
from dlplug_memory.dnc import addressing

# initial logits with `ready`: every step is written (0.88), to a new slot (0.95), and reading frees no slot (0.05)
WRITE, ALLOCATE, FREE = 2.0, 3.0, -3.0
STRENGTH, LOOK_UP = 6.0, 2.0  # β starts at 7; content addressing starts with 0.79 of the read mode


class DNCState(NamedTuple):
    """memory (B, N, W); usage (B, N); links (B, N, N) and precedence (B, N); the weights of the read heads (B, R, N)
    and of the write head (B, N); the read vectors, reads (B, R W); the controller's state."""

    memory: Tensor
    usage: Tensor
    links: Tensor
    precedence: Tensor
    read_weights: Tensor
    write_weights: Tensor
    reads: Tensor
    hidden: Hidden


class DNCCell(Cell):
    """One step: write first, then read."""

    def __init__(
        self,
        inputs: int,
        *,
        slots: PositiveInt,
        word: PositiveInt,
        reads: PositiveInt,
        width: PositiveInt,
        control: str,
        mask: bool,
        deallocate: bool,
        sharpen: bool,
        ready: bool,
    ) -> None:
        super().__init__()
        self.slots, self.word, self.reads = slots, word, reads
        self.mask, self.deallocate, self.sharpen = mask, deallocate, sharpen
        self.controller = controller(control, inputs + reads * word, width)
        keys = reads + 1  # of the read heads and the write head
        # the interface vector ξ, in the order of the activation functions: none, sigmoid, softplus, softmax
        self.sizes = (
            (keys + 1) * word,
            word + reads + 2 + mask * keys * word,
            keys + sharpen * 2 * reads,
            3 * reads,
        )
        self.interface = nn.Linear(width, sum(self.sizes))
        nn.init.xavier_uniform_(self.interface.weight)
        nn.init.zeros_(self.interface.bias)
        if ready:
            self.initialise_ready()
        self.outputs = width + reads * word

    @torch.no_grad()
    def initialise_ready(self) -> None:
        """Changes the initial weights so that every step is written to a slot of its own and read by its content."""
        keys, reads, word = self.reads + 1, self.reads, self.word
        vectors, _, _, _ = self.interface.weight.split(self.sizes)
        # all keys start as the vector that would be written
        vectors.view(keys + 1, word, -1)[:keys] = vectors.view(keys + 1, word, -1)[keys]
        _, gates, positive, modes = self.interface.bias.split(self.sizes)
        _, free, allocation_gate, write_gate, _ = gates.split((word, reads, 1, 1, self.mask * keys * word))
        for bias, value in (
            (free, FREE),
            (allocation_gate, ALLOCATE),
            (write_gate, WRITE),
            (positive[:keys], STRENGTH),
            (modes.view(reads, 3)[:, 1], LOOK_UP),
        ):
            bias.fill_(value)
        if isinstance(self.controller, LSTM):
            self.controller.favour_the_input()

    def start(self, x: Tensor) -> DNCState:
        batch, slots = len(x), self.slots
        return DNCState(
            memory=x.new_zeros(batch, slots, self.word),
            usage=x.new_zeros(batch, slots),
            links=x.new_zeros(batch, slots, slots),
            precedence=x.new_zeros(batch, slots),
            read_weights=x.new_zeros(batch, self.reads, slots),
            write_weights=x.new_zeros(batch, slots),
            reads=x.new_zeros(batch, self.reads * self.word),
            hidden=self.controller.start(x),
        )

    def forward(self, x: Tensor, state: DNCState) -> tuple[Tensor, DNCState]:
        """Maps x (B, inputs) to the controller's output and the read vectors, (B, outputs)."""
        output, hidden = self.controller(torch.cat([x, state.reads], 1), state.hidden)
        free_vectors, gates, positive, modes = self.interface(output).clamp(-LARGEST, LARGEST).split(self.sizes, 1)

        reads, word = self.reads, self.word
        vectors = free_vectors.unflatten(1, (reads + 2, word))
        keys, add = vectors[:, : reads + 1], vectors[:, reads + 1]
        erase, free, allocation_gate, write_gate, mask = torch.sigmoid(gates).split(
            (word, reads, 1, 1, self.mask * (reads + 1) * word), 1
        )
        # oneplus(x) = 1 + log(1 + eˣ)
        strengths, powers = (1 + F.softplus(positive)).split((reads + 1, self.sharpen * 2 * reads), 1)
        masks = mask.unflatten(1, (reads + 1, word)) if self.mask else None
        read_masks, write_mask = (None, None) if masks is None else (masks[:, :reads], masks[:, reads:])

        # write
        retention = addressing.retention(free, state.read_weights)
        usage = addressing.usage(state.usage, state.write_weights, retention)
        looked_up = content_weights(state.memory, keys[:, reads:], strengths[:, reads:], write_mask).squeeze(1)
        allocated = addressing.allocation(usage)
        write_weights = clip_gradient(addressing.write_weighting(looked_up, allocated, allocation_gate, write_gate))
        # de-allocation erases freed slots (Csordás & Schmidhuber 2019)
        memory = state.memory * retention.unsqueeze(2) if self.deallocate else state.memory
        memory = addressing.write(memory, write_weights, erase, add)

        # read
        links = addressing.linkage(state.links, write_weights, state.precedence)
        backward, forward = addressing.follow_links(links, state.read_weights)
        if self.sharpen:
            backward = addressing.sharpen(backward, powers[:, :reads])
            forward = addressing.sharpen(forward, powers[:, reads:])
        looked_up = content_weights(memory, keys[:, :reads], strengths[:, :reads], read_masks)
        ways = modes.unflatten(1, (reads, 3)).softmax(2)
        read_weights = clip_gradient(addressing.read_weighting(backward, looked_up, forward, ways))
        read = clip_gradient((read_weights @ memory).flatten(1))

        precedence = addressing.precede(state.precedence, write_weights)
        return torch.cat([output, read], 1), DNCState(
            memory, usage, links, precedence, read_weights, write_weights, read, hidden
        )

    def snapshot(self, state: DNCState) -> Snapshot:
        return Snapshot(state.memory, state.read_weights, state.write_weights.unsqueeze(1), state.links)


class DNC(Recurrent):
    """A Differentiable Neural Computer.

    slots: memory slots, N.
    word: size of a slot, W.
    reads: read heads.
    width: hidden size of the controller.
    control: kind of controller.
    mask: masked content lookup: the controller chooses which components of a slot are compared.
    deallocate: erase a slot when it is freed.
    sharpen: let the controller sharpen the weightings found by following links.
    ready: initialise as a memory of every step, addressed by content; otherwise reading and writing start unfocused.
        Needs one slot per step.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        slots: PositiveInt = 64,
        word: PositiveInt = 16,
        reads: PositiveInt = 1,
        width: PositiveInt = 64,
        control: Literal["feed-forward", "lstm"] = "lstm",
        mask: bool = True,
        deallocate: bool = True,
        sharpen: bool = False,
        ready: bool = False,
    ) -> None:
        check_sizes("dnc", slots=slots, word=word, reads=reads, width=width)
        cell = DNCCell(
            spec.input[0],
            slots=slots,
            word=word,
            reads=reads,
            width=width,
            control=control,
            mask=mask,
            deallocate=deallocate,
            sharpen=sharpen,
            ready=ready,
        )
        super().__init__(cell, spec)
