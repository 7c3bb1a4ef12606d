"""The interface of a model that translates, and the recurrent encoder-decoder, with attention or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from dlplug_text.language.cells import State


class Memory(NamedTuple):
    """What was read: a vector of each token (B, S, W), which of them are tokens (B, S), and the reader's last state."""

    states: Tensor
    known: Tensor
    last: State


class Translator(nn.Module):
    """Reads a source (B, S) once, and writes the target from it a token at a time, or all at once where it is known.

    Whoever knows the lengths of the sources, in falling order, spares the host a wait for the device by giving them.

    A state is a tuple of tensors (B, ...).
    """

    def remember(self, source: Tensor, lengths: Sequence[int] = ()) -> Memory:
        raise NotImplementedError

    def start(self, memory: Memory) -> State:
        """The state before the first token is written."""
        raise NotImplementedError

    def step(self, tokens: Tensor, memory: Memory, state: State) -> tuple[Tensor, State, Tensor | None]:
        """What follows each of the tokens (B, T): logits (B, T, tokens), the state after them, and how much each looked
        at each of the source's tokens (B, T, S), for a model that does."""
        raise NotImplementedError

    def forward(self, source: Tensor, target: Tensor, lengths: Sequence[int] = ()) -> Tensor:
        """Logits (B, T, tokens) of what follows each of the target's tokens (B, T)."""
        memory = self.remember(source, lengths)
        return self.step(target, memory, self.start(memory))[0]
