"""Cross entropy of the next token. A recurrent model's state is carried from batch to batch, gradients are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F

from dlplug import Loss, Update, UserError
from dlplug_text.data.streams import Tokens
from dlplug_text.language.cells import State
from dlplug_text.language.model import LanguageModel


class NextToken(Loss):
    """Cross entropy of the next token, in nats.

    In rows that continue the previous batch, a stateful model starts from that batch's final state; gradients stop at
    the window's start: truncated backpropagation through time (Williams & Peng 1990).
    """

    remembers = ("state",)

    def __init__(self, model: LanguageModel) -> None:
        if not isinstance(model, LanguageModel):
            raise UserError(f"the loss next-token needs a language model; {type(model).__name__} is not one")
        super().__init__(model)
        self.state: State = ()

    def updates(self, batch: Tokens) -> Iterator[Update]:
        assert isinstance(self.model, LanguageModel)
        if not self.model.stateful:
            logits, _ = self.model(batch.x)
            yield Update(F.cross_entropy(logits.flatten(0, 1), batch.y.flatten()))
            return
        if not self.state or len(self.state[0]) != len(batch.x):
            self.state = self.model.start(len(batch.x))
        before = tuple(part * batch.carried[:, None] for part in self.state)
        logits, after = self.model(batch.x, before)
        yield Update(F.cross_entropy(logits.flatten(0, 1), batch.y.flatten()))
        with torch.no_grad():  # in place, so that a captured step finds it at the same address
            for state, new in zip(self.state, after, strict=True):
                state.copy_(new)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        device = next(self.model.parameters()).device
        self.state = tuple(part.to(device) for part in self.state)
