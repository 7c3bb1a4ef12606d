"""The interface of a language model."""

from __future__ import annotations

from torch import Tensor, nn

from dlplug import UserError
from dlplug_text.language.cells import State


class LanguageModel(nn.Module):
    """Logits (B, T, tokens) of the next token after each of the tokens (B, T), and the state after the last.

    A state is a tuple of tensors (B, ...); None starts a text.

    stateful: whether training carries the state from one window of a stream to the next.
    context: context length in tokens; 0 for a model without a limit.
    """

    stateful = False
    context = 0
    head: nn.Linear

    def start(self, count: int) -> State:
        """The initial state of `count` texts."""
        raise NotImplementedError

    def embed(self, tokens: Tensor, state: State | None = None) -> Tensor:
        """The input (B, T, W) of `read`."""
        raise NotImplementedError

    def read(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits and the next state from embedded tokens. Without a state a transformer returns no state."""
        raise NotImplementedError

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        return self.read(self.embed(tokens, state), state)


def check_sizes(**sizes: int) -> None:
    """Raises UserError for a size below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"--model.{name} must be at least 1, got {size}")


def check_dropout(dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise UserError(f"--model.dropout must be in [0, 1), got {dropout}")
