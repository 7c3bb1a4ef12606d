"""A transformer that writes: layers that look back at all tokens before, in nanoGPT's form."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_text.language.cells import State
from dlplug_text.language.model import Writer, check_dropout, check_sizes


class Attention(nn.Module):
    """softmax(QKᵀ/√d) V for several heads at once (Vaswani et al. 2017, equation 1), by torch's fused kernels.

    Takes the keys and values (B, heads, L, d) of earlier tokens and returns them with the new ones appended.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = nn.Linear(width, 3 * width, bias)
        self.out = nn.Linear(width, width, bias)

    def forward(self, x: Tensor, cache: State = ()) -> tuple[Tensor, State]:
        """x and the result are (B, T, width); no token sees one that comes after it."""
        # (3, B, heads, T, d)
        query, key, value = self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None
        if cache:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
            mask = sees(x.shape[1], key.shape[2], x.device)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=mask is None)
        return self.out(y.transpose(1, 2).flatten(2)), (key, value)


def sees(count: int, length: int, device: torch.device) -> Tensor:
    """Which of `length` tokens the last `count` of them see: (count, length), true for themselves and those before."""
    return torch.ones(count, length, dtype=torch.bool, device=device).tril(length - count)


class Block(nn.Module):
    """Attention, then a perceptron, normalised before and added after (GPT-2, Radford et al. 2019)."""

    def __init__(self, width: int, heads: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(width, bias=bias), Attention(width, heads, dropout, bias)
        self.norm = nn.LayerNorm(width, bias=bias)
        self.widen, self.narrow = nn.Linear(width, 4 * width, bias), nn.Linear(4 * width, width, bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: State = ()) -> tuple[Tensor, State]:
        y, cache = self.attention(self.attention_norm(x), cache)
        x = x + self.dropout(y)
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.norm(x))))), cache


class GPT(Writer):
    """A transformer of the kind of GPT-2 as nanoGPT writes it; its context is the data's window.

    width: embedding size.
    depth: number of layers.
    heads: attention heads; must divide the embedding size.
    dropout: dropout rate of the embedding, the attention weights and after each half of a layer.
    bias: use biases in affine layers and norms.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: PositiveInt = 128,
        depth: PositiveInt = 4,
        heads: PositiveInt = 4,
        dropout: ProperFraction = 0.0,
        bias: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(width=width, depth=depth, heads=heads)
        check_dropout(dropout)
        if width % heads:
            raise UserError(f"--model.width must be a multiple of --model.heads, got {width} and {heads}")
        self.context, self.width, self.heads = spec.input[0], width, heads
        self.embedding = nn.Embedding(spec.output, width)
        self.position = nn.Embedding(self.context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks: Any = nn.ModuleList(Block(width, heads, dropout, bias) for _ in range(depth))
        self.norm = nn.LayerNorm(width, bias=bias)
        self.head = nn.Linear(width, spec.output, bias=False)
        self.apply(begin)
        for block in self.blocks:
            # the sum of 2 · depth branches keeps the deviation of one (Radford et al. 2019, section 2.3)
            for layer in (block.attention.out, block.narrow):
                nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * depth))
        self.head.weight = self.embedding.weight  # tied: what says a token is what knows it (Press & Wolf 2017)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Weight decay is for matrices alone, as in nanoGPT; what the optimizer's says is theirs."""
        weights = [p for p in self.parameters() if p.requires_grad]
        vectors = [p for p in weights if p.dim() < 2]
        return [
            {"params": [p for p in weights if p.dim() >= 2]},
            *([{"params": vectors, "weight_decay": 0.0}] if vectors else []),
        ]

    def start(self, count: int) -> State:
        """Keys and values of no tokens yet, of each layer."""
        empty = self.head.weight.new_empty(count, self.heads, 0, self.width // self.heads)
        return (empty,) * (2 * len(self.blocks))

    def embed(self, tokens: Tensor, state: State | None = None) -> Tensor:
        past = state[0].shape[2] if state else 0
        if past + tokens.shape[1] > self.context:
            raise ValueError(f"{past} + {tokens.shape[1]} tokens are more than the context of {self.context}")
        place = torch.arange(past, past + tokens.shape[1], device=tokens.device)
        return self.embedding(tokens) + self.position(place)

    def read(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        x = self.dropout(x)
        after: State = ()
        for number, block in enumerate(self.blocks):
            x, cache = block(x, state[2 * number : 2 * number + 2] if state else ())
            after += cache if state is not None else ()
        return self.head(self.norm(x)), after


def begin(module: nn.Module) -> None:
    """Weights ~ N(0, 0.02²), biases 0, as GPT-2's."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
