"""An autoregressive model of audio, and a sampler of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of, on

from dlplug import Audio, Data, Labelled, Spec, minimise

LEVELS, RATE, TONE = 32, 800, 100


class Tones(Data):
    """Windows of a tone of 100 Hz at any phase, in 32 levels."""

    unit = "samples"

    def __init__(self, *, batch_size: int = 16, window: int = 32, seed: int) -> None:
        self.batch_size, self.window, self.spec = batch_size, window, Spec(input=(window,), output=LEVELS)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, model: nn.Module) -> Iterator[Labelled]:
        time = torch.arange(self.window + 1) / RATE
        while True:
            phase = torch.randint(8, (self.batch_size, 1), generator=self.generator) / 8
            wave = torch.sin(2 * math.pi * (TONE * time + phase))
            level = ((wave + 1) / 2 * (LEVELS - 1)).round().long()
            self.count += self.batch_size * self.window
            yield Labelled(*on(device_of(model), level[:, :-1], level[:, 1:]))


class NextSample(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.embed, self.gru = nn.Embedding(LEVELS, 32), nn.GRU(32, 32, batch_first=True)
        self.read = nn.Linear(32, LEVELS)

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h, state = self.gru(self.embed(x), before)
        return self.read(h), state


@minimise
def next_sample(model, batch: Labelled):
    """Cross entropy of the next sample."""
    return F.cross_entropy(model(batch.x)[0].transpose(1, 2), batch.y)


def hum(product, data, *, samples: int = 400):
    """A tone, sample by sample."""
    level, state, made = torch.full((1, 1), LEVELS // 2, device=device_of(product)), None, []
    for _ in range(samples):
        logits, state = product(level, state)
        level = logits[:, -1].softmax(1).multinomial(1)
        made.append(level.item() / (LEVELS - 1) * 2 - 1)
    return {"tone": Audio(np.array(made), RATE)}
