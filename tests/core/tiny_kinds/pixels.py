"""L-BFGS on the pixels of an image: the model is the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of

from dlplug import Data, Loss, Spec, Update


class Target(NamedTuple):
    x: Tensor


class Picture(Data):
    """One image, again and again."""

    def __init__(self, *, seed: int) -> None:
        self.spec = Spec(input=(1, 8, 8), output=0)
        self.x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(seed))

    def batches(self, model: nn.Module) -> Iterator[Target]:
        x = self.x.to(device_of(model))
        while True:
            yield Target(x)


class Pixels(nn.Module):
    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.zeros(1, *spec.input))


class Features(Loss):
    """The distance of an image's features from another's, in those of a fixed random net (Gatys et al. 2016)."""

    closures = True

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        generator = torch.Generator().manual_seed(7)
        self.kernel = torch.randn(16, 1, 3, 3, generator=generator).to(device_of(model))

    def updates(self, batch: Target) -> Iterator[Update]:
        assert isinstance(self.model, Pixels)
        wanted, pixels = self.features(batch.x), self.model.pixels
        yield Update(lambda: (self.features(pixels) - wanted).square().mean())

    def features(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, padding=1).tanh()
