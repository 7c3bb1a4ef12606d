"""A transformer that translates: layers that read, and layers that write while they look at what was read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, UserError
from dlplug_text.data.pairs import PAD, PairSpec
from dlplug_text.language.cells import State
from dlplug_text.language.gpt import Attention
from dlplug_text.language.model import check_dropout, check_sizes
from dlplug_text.translation.model import Memory, Translator


class Look(nn.Module):
    """softmax(QKᵀ/√d) V of several heads, queries from one sentence and keys and values from another."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def keys(self, x: Tensor) -> State:
        """Keys and values (B, heads, S, d) of x (B, S, width)."""
        key, value = self.key_value(x).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return key, value

    def queries(self, x: Tensor) -> Tensor:
        return self.query(x).unflatten(2, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, key: Tensor, value: Tensor, known: Tensor) -> Tensor:
        """x and the result (B, T, width); known (B, S) tells which keys are of tokens."""
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(self.queries(x), key, value, known[:, None, None], dropout)
        return self.out(y.transpose(1, 2).flatten(2))

    def weights(self, x: Tensor, key: Tensor, known: Tensor) -> Tensor:
        """How much each of x (B, T, width) looks at each key, the mean of the heads: (B, T, S)."""
        scores = self.queries(x) @ key.transpose(2, 3) / math.sqrt(key.shape[3])
        return scores.masked_fill(~known[:, None, None], -torch.inf).softmax(3).mean(1)


class Perceptron(nn.Sequential):
    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))


class ReadingLayer(nn.Module):
    """Every token looks at all of its sentence, then a perceptron; normalised before (Xiong et al. 2020)."""

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.look_norm, self.look = nn.LayerNorm(width), Look(width, heads, dropout)
        self.think = nn.Sequential(nn.LayerNorm(width), Perceptron(width, hidden, dropout))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, known: Tensor) -> Tensor:
        normal = self.look_norm(x)
        x = x + self.dropout(self.look(normal, *self.look.keys(normal), known))
        return x + self.dropout(self.think(x))


class WritingLayer(nn.Module):
    """Every token looks back at those before it, then at the sentence that was read, then a perceptron."""

    def __init__(self, width: int, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.back_norm, self.back = nn.LayerNorm(width), Attention(width, heads, dropout)
        self.look_norm, self.look = nn.LayerNorm(width), Look(width, heads, dropout)
        self.think = nn.Sequential(nn.LayerNorm(width), Perceptron(width, hidden, dropout))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, known: Tensor, state: State) -> tuple[Tensor, State, Tensor]:
        """The state is the keys and values of what was written, and those of what was read; the third result is what
        the look at the latter was asked by."""
        past, read = state[:2], state[2:]
        y, past = self.back(self.back_norm(x), past)
        x = x + self.dropout(y)
        asked = self.look_norm(x)
        x = x + self.dropout(self.look(asked, read[0], read[1], known))
        return x + self.dropout(self.think(x)), past + read, asked


class Transformer(Translator):
    """Encoder and decoder of Vaswani et al. 2017 (arXiv:1706.03762), normalised before each half of a layer.

    width: embedding size.
    depth: number of encoder layers, and of decoder layers.
    heads: attention heads; must divide the embedding size.
    hidden: hidden size of the feed-forward layers.
    dropout: dropout rate of embeddings, attention weights, feed-forward layers and after each part of a layer.
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
        self.reading: Any = nn.ModuleList(ReadingLayer(width, hidden, heads, dropout) for _ in range(depth))
        self.writing: Any = nn.ModuleList(WritingLayer(width, hidden, heads, dropout) for _ in range(depth))
        self.read_norm, self.written_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.head = nn.Linear(width, spec.output, bias=False)
        self.dropout = nn.Dropout(dropout)
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=width**-0.5)
        self.head.weight = self.target.weight  # tied (section 3.4)

    def remember(self, source: Tensor, lengths: Sequence[int] = ()) -> Memory:
        known = source != PAD
        x = self.embedded(self.source(source), 0)
        for layer in self.reading:
            x = layer(x, known)
        return Memory(self.read_norm(x), known, ())

    def start(self, memory: Memory) -> State:
        """Of each layer: keys and values of no token yet that was written, and of all that were read."""
        count = len(memory.states)
        nothing = memory.states.new_empty(count, self.heads, 0, self.width // self.heads)
        return tuple(part for layer in self.writing for part in (nothing, nothing, *layer.look.keys(memory.states)))

    def step(self, tokens: Tensor, memory: Memory, state: State) -> tuple[Tensor, State, Tensor | None]:
        x, after, looked = self.embedded(self.target(tokens), state[0].shape[2]), list[Tensor](), None
        for number, layer in enumerate(self.writing):
            x, part, asked = layer(x, memory.known, state[4 * number : 4 * number + 4])
            after.extend(part)
            if not self.training and layer is self.writing[-1]:
                looked = layer.look.weights(asked, part[2], memory.known)
        return self.head(self.written_norm(x)), tuple(after), looked

    def embedded(self, x: Tensor, past: int) -> Tensor:
        """Scaled, with the places of tokens (B, T, width) that come after `past` others (sections 3.4 and 3.5)."""
        where = places(past, x.shape[1], self.width, x.device).to(x.dtype)
        return self.dropout(x * math.sqrt(self.width) + where)


def places(past: int, count: int, width: int, device: torch.device | None = None) -> Tensor:
    """PE(p, 2i) = sin(p / 10000^(2i/width)), PE(p, 2i + 1) = cos of the same: (count, width)."""
    place = torch.arange(past, past + count, device=device)[:, None]
    angle = place * torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
