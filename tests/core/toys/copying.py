"""Sequences: an LSTM on a copy task."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Data, Labelled, Spec, minimise

from .devices import device_of, on


class Copy(Data):
    """Three symbols, then three blanks in which to repeat them."""

    def __init__(self, *, batch_size: int = 32, seed: int) -> None:
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(6,), output=4)

    def batches(self, model):
        while True:
            symbols = torch.randint(1, 4, (self.batch_size, 3), generator=self.generator)
            yield Labelled(*on(device_of(model), F.pad(symbols, (0, 3)), symbols))


class Recurrent(nn.Module):
    """An embedding, an LSTM and a read-out."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(spec.output, width), nn.LSTM(width, width, batch_first=True)
        self.read = nn.Linear(width, spec.output)

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.lstm(self.embed(x))[0])


@minimise
def repeat(model, batch):
    """Cross entropy of the repeated symbols."""
    return F.cross_entropy(model(batch.x)[:, 3:].transpose(1, 2), batch.y)
