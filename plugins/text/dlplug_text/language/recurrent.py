"""The recurrent language model."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from dlplug import PositiveInt, ProperFraction, Spec, UserError
from dlplug_text.language.cells import Layer, MinimalLayer, State
from dlplug_text.language.model import LanguageModel, check_dropout, check_sizes


class Recurrent(LanguageModel):
    """Stacked recurrent layers: rnn, lstm, gru or min-gru.

    cell: kind of cell in every layer.
    units: hidden size and embedding size.
    depth: number of layers.
    dropout: dropout rate of each layer's input and of the last layer's output.
    layer_norm: layer normalisation of each layer's input and of the last layer's output (Ba et al. 2016).
    residual: add a residual connection around each layer.
    written_out: use the equations in plain torch instead of torch's kernel.
    """

    stateful = True

    def __init__(
        self,
        spec: Spec,
        *,
        cell: Literal["rnn", "lstm", "gru", "min-gru"] = "lstm",
        units: PositiveInt = 256,
        depth: PositiveInt = 2,
        dropout: ProperFraction = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        written_out: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(units=units, depth=depth)
        check_dropout(dropout)
        if cell == "min-gru" and written_out:
            raise UserError("--model.written-out needs a step-by-step cell: rnn, lstm or gru, not min-gru")
        self.residual = residual
        self.embedding = nn.Embedding(spec.output, units)
        self.layers: Any = nn.ModuleList(
            MinimalLayer(units, units) if cell == "min-gru" else Layer(cell, units, units, written_out)
            for _ in range(depth)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(units) if layer_norm else nn.Identity() for _ in range(depth + 1))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(units, spec.output)

    def start(self, count: int) -> State:
        like = self.head.weight
        return tuple(like.new_zeros(count, layer.units) for layer in self.layers for _ in range(layer.parts))

    def embed(self, tokens: Tensor, state: State | None = None) -> Tensor:
        return self.embedding(tokens)

    def read(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        rest = self.start(len(x)) if state is None else state
        after: State = ()
        for layer, norm in zip(self.layers, self.norms, strict=False):
            y, part = layer(self.dropout(norm(x)), rest[: layer.parts])
            x = x + y if self.residual else y
            rest, after = rest[layer.parts :], after + part
        return self.head(self.dropout(self.norms[-1](x))), after

    def activations(self, state: State, layer: int) -> Tensor:
        """The activations (B, H) of a layer's units in a state."""
        before = sum(part.parts for part in list(self.layers)[:layer])
        chosen = self.layers[layer]
        return chosen.activation(state[before : before + chosen.parts])
