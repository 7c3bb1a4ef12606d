"""An unpackaged plugin of one recipe, which draws while it learns: `-p tests/wandb/drawing.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Data, Image, Labelled, Recipe, Spec, hookimpl, minimise, use


class Line(Data):
    """Points on y = 2x."""

    unit = "points"

    def __init__(self, *, size: int = 8, seed: int) -> None:
        self.size, self.generator = size, torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(1,), output=1)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        while True:
            x = torch.rand(self.size, 1, generator=self.generator).to(next(model.parameters()).device)
            self.count += self.size
            yield Labelled(x, 2 * x)


def linear(spec: Spec) -> nn.Module:
    """One weight and one bias."""
    return nn.Linear(spec.input[0], spec.output)


@minimise
def squared(model: nn.Module, batch: Labelled) -> Tensor:
    """Mean squared error."""
    return (model(batch.x) - batch.y).square().mean()


def picture(product: nn.Module, data: Any) -> Mapping[str, Any]:
    """The answer at 1, as a number and as a grey square."""
    answer = float(product(torch.ones(1, 1)))
    return {"answer": answer, "square": Image(np.full((8, 8), int(100 * min(max(answer, 0.0), 2.5)), np.uint8))}


@hookimpl
def register_data() -> dict[str, Any]:
    return {"tiny-line": Line}


@hookimpl
def register_models() -> dict[str, Any]:
    return {"tiny-linear": linear}


@hookimpl
def register_losses() -> dict[str, Any]:
    return {"tiny-squared": squared}


@hookimpl
def register_metrics() -> dict[str, Any]:
    return {"tiny-picture": picture}


@hookimpl
def register_recipes() -> dict[str, Recipe]:
    return {
        "tiny": Recipe(
            summary="double a number",
            data="tiny-line",
            model="tiny-linear",
            loss="tiny-squared",
            length="20 steps",
            source="none",
            optimizer=use("adam", learning_rate=0.01),
            metrics=["tiny-picture"],
            trainer=use("torch", threads=1, log_every=5, eval_every=10),
        )
    }
