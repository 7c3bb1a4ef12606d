"""The encoder-decoder transformer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dlplug_words.transformer.blocks import DecoderBlock, EncoderBlock
from dlplug_words.transformer.positions import sinusoids
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, UserError
from dlplug_text.data.pairs import PAD, PairSpec
from dlplug_text.language.cells import State
from dlplug_text.language.model import check_dropout, check_sizes
from dlplug_text.translation.model import Encoded, Translator


class Transformer(Translator):
    """Encoder and decoder of Vaswani et al. 2017 (arXiv:1706.03762), with pre-norm layers.

    width: embedding size.
    depth: number of encoder layers, and of decoder layers.
    heads: attention heads; must divide the embedding size.
    hidden: hidden size of the feed-forward layers.
    dropout: dropout rate of embeddings, attention weights, feed-forward layers and residual branches.
    """

    def __init__(
        self,
        spec: PairSpec,
        *,
        width: PositiveInt = 256,
        depth: PositiveInt = 3,
        heads: PositiveInt = 8,
        hidden: PositiveInt = 512,
        dropout: ProperFraction = 0.1,
    ) -> None:
        super().__init__()
        check_sizes(width=width, depth=depth, heads=heads, hidden=hidden)
        check_dropout(dropout)
        if width % (2 * heads):
            raise UserError(f"--model.width must be a multiple of twice --model.heads, got {width} and {heads}")
        self.width, self.heads = width, heads
        self.source = nn.Embedding(spec.source, width)
        self.target = nn.Embedding(spec.output, width)
        self.reading: Any = nn.ModuleList(EncoderBlock(width, hidden, heads, dropout) for _ in range(depth))
        self.writing: Any = nn.ModuleList(DecoderBlock(width, hidden, heads, dropout) for _ in range(depth))
        self.read_norm, self.written_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, spec.output, bias=False)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=width**-0.5)
        self.head.weight = self.target.weight  # tied (section 3.4)

    def encode(self, source: Tensor, lengths: Sequence[int] = ()) -> Encoded:
        mask = source != PAD
        x = self.embedded(self.source(source), 0)
        for layer in self.reading:
            x = layer(x, mask)
        return Encoded(self.read_norm(x), mask, ())

    def start(self, encoded: Encoded) -> State:
        """Each layer's empty cache for the target, and the keys and values of the source."""
        count = len(encoded.states)
        empty = encoded.states.new_empty(count, self.heads, 0, self.width // self.heads)
        return tuple(part for layer in self.writing for part in (empty, empty, *layer.look.keys(encoded.states)))

    def decode(self, tokens: Tensor, encoded: Encoded, state: State) -> tuple[Tensor, State, Tensor | None]:
        x, after, weights = self.embedded(self.target(tokens), state[0].shape[2]), list[Tensor](), None
        for number, layer in enumerate(self.writing):
            x, part, query = layer(x, encoded.mask, state[4 * number : 4 * number + 4])
            after.extend(part)
            if not self.training and layer is self.writing[-1]:
                weights = layer.look.weights(query, part[2], encoded.mask)
        return self.head(self.written_norm(x)), tuple(after), weights

    def embedded(self, x: Tensor, past: int) -> Tensor:
        """Scaled embeddings (B, T, width) plus positional encodings, from position `past` on (sections 3.4 and 3.5)."""
        positions = sinusoids(past, x.shape[1], self.width, x.device).to(x.dtype)
        return self.dropout(x * math.sqrt(self.width) + positions)
