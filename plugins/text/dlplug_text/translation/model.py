"""The interface of a translation model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from dlplug_text.language.cells import State


class Encoded(NamedTuple):
    """The encoder's output: states (B, S, W) of the source tokens, mask (B, S) bool, false for padding, and the last
    state of a recurrent encoder."""

    states: Tensor
    mask: Tensor
    last: State


class Translator(nn.Module):
    """Encodes a source (B, S) once, and decodes the target token by token, or all at once with teacher forcing.

    lengths: lengths of the sources in descending order; without them they are counted, which synchronises the device.

    A state is a tuple of tensors (B, ...).
    """

    def encode(self, source: Tensor, lengths: Sequence[int] = ()) -> Encoded:
        raise NotImplementedError

    def start(self, encoded: Encoded) -> State:
        """The decoder's initial state."""
        raise NotImplementedError

    def decode(self, tokens: Tensor, encoded: Encoded, state: State) -> tuple[Tensor, State, Tensor | None]:
        """Logits (B, T, tokens) of the token after each of the tokens (B, T), the next state, and the attention weights
        (B, T, S) of a model with attention."""
        raise NotImplementedError

    def forward(self, source: Tensor, target: Tensor, lengths: Sequence[int] = ()) -> Tensor:
        """Logits (B, T, tokens) of the token after each of the target's tokens (B, T)."""
        encoded = self.encode(source, lengths)
        return self.decode(target, encoded, self.start(encoded))[0]
