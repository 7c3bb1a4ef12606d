"""A transformer language model in nanoGPT's form."""

from __future__ import annotations

import math
from typing import Any

import torch
from dlplug_words.transformer.blocks import CausalBlock
from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_text.language.cells import State
from dlplug_text.language.model import LanguageModel, check_dropout, check_sizes


class GPT(LanguageModel):
    """GPT-2 as in nanoGPT; its context length is the data's window.

    width: embedding size.
    depth: number of layers.
    heads: attention heads; must divide the embedding size.
    dropout: dropout rate of the embedding, the attention weights and each residual branch.
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
        self.blocks: Any = nn.ModuleList(CausalBlock(width, heads, dropout, bias) for _ in range(depth))
        self.norm = nn.LayerNorm(width, bias=bias)
        self.head = nn.Linear(width, spec.output, bias=False)
        self.apply(initialise)
        for block in self.blocks:
            # the sum of 2 · depth residual branches then has the standard deviation of one (Radford et al. 2019, 2.3)
            for layer in (block.attention.out, block.narrow):
                nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * depth))
        self.head.weight = self.embedding.weight  # tied (Press & Wolf 2017)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Weight decay applies to matrices only, as in nanoGPT."""
        weights = [p for p in self.parameters() if p.requires_grad]
        vectors = [p for p in weights if p.dim() < 2]
        return [
            {"params": [p for p in weights if p.dim() >= 2]},
            *([{"params": vectors, "weight_decay": 0.0}] if vectors else []),
        ]

    def start(self, count: int) -> State:
        """Each layer's empty cache of keys and values."""
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


def initialise(module: nn.Module) -> None:
    """Weights ~ N(0, 0.02²), biases 0, as in GPT-2."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
