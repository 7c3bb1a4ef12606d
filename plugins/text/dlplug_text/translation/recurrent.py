"""The recurrent encoder-decoder, with or without attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlplug import PositiveInt, ProperFraction
from dlplug_text.data.pairs import PAD, PairSpec
from dlplug_text.language.cells import State
from dlplug_text.language.model import check_dropout, check_sizes
from dlplug_text.translation.model import Encoded, Translator


class AdditiveAttention(nn.Module):
    """e_ij = vᵀ tanh(W s_i + U h_j), α = softmax_j e, c_i = Σ_j α_ij h_j (Bahdanau et al. 2015, section A.1.2)."""

    def __init__(self, queries: int, states: int, units: int) -> None:
        super().__init__()
        self.of_query = nn.Linear(queries, units, bias=False)
        self.of_state = nn.Linear(states, units)
        self.score = nn.Linear(units, 1, bias=False)

    def forward(self, query: Tensor, states: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """c (B, W) and α (B, S) of query (B, Q), states (B, S, W), keys = `of_state(states)` and mask (B, S)."""
        e = self.score(torch.tanh(self.of_query(query)[:, None] + keys)).squeeze(2)
        alpha = e.masked_fill(~mask, -torch.inf).softmax(1)
        return (alpha[:, None] @ states).squeeze(1), alpha


class EncoderDecoder(Translator):
    """A bidirectional LSTM encoder and an LSTM decoder, with or without attention.

    units: embedding size, and hidden size of the decoder; each direction of the encoder has half of it.
    attention: use additive attention; otherwise the decoder sees only the encoder's last state (Sutskever et al. 2014).
    dropout: dropout rate of the embeddings and of the output layer's input.
    """

    def __init__(
        self, spec: PairSpec, *, units: PositiveInt = 256, attention: bool = True, dropout: ProperFraction = 0.0
    ) -> None:
        super().__init__()
        check_sizes(units=units)
        check_dropout(dropout)
        half = -(-units // 2)
        self.source = nn.Embedding(spec.source, units, padding_idx=PAD)
        self.reader = nn.LSTM(units, half, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * half, units)
        self.target = nn.Embedding(spec.output, units, padding_idx=PAD)
        self.attention = AdditiveAttention(units, 2 * half, units) if attention else None
        context = 2 * half if attention else 0
        self.writer = nn.LSTMCell(units + context, units)
        self.say = nn.Linear(2 * units + context, units)
        self.head = nn.Linear(units, spec.output)
        self.dropout = nn.Dropout(dropout)

    def encode(self, source: Tensor, lengths: Sequence[int] = ()) -> Encoded:
        mask, x = source != PAD, self.dropout(self.source(source))
        x = pack_padded_sequence(
            x, torch.tensor(lengths or mask.sum(1).tolist()), batch_first=True, enforce_sorted=bool(lengths)
        )
        packed, (h, _) = self.reader(x)
        states, _ = pad_packed_sequence(packed, batch_first=True, total_length=source.shape[1])
        # h (2, B, units / 2): the last states of both directions
        return Encoded(states, mask, (torch.tanh(self.bridge(torch.cat([h[0], h[1]], 1))),))

    def start(self, encoded: Encoded) -> State:
        (h,) = encoded.last
        keys = () if self.attention is None else (self.attention.of_state(encoded.states),)
        return (h, torch.zeros_like(h), *keys)

    def decode(self, tokens: Tensor, encoded: Encoded, state: State) -> tuple[Tensor, State, Tensor | None]:
        h, c, *keys = state
        outputs, weights = [], []
        for y in self.dropout(self.target(tokens)).unbind(1):
            inputs = [y]
            if self.attention is not None:
                context, alpha = self.attention(h, encoded.states, keys[0], encoded.mask)
                inputs.append(context)
                weights.append(alpha)
            h, c = self.writer(torch.cat(inputs, 1), (h, c))
            outputs.append(torch.cat([h, *inputs], 1))
        logits = self.head(self.dropout(torch.tanh(self.say(torch.stack(outputs, 1)))))
        return logits, (h, c, *keys), torch.stack(weights, 1) if weights else None
