"""A tiny detector: each image has as many boxes as it likes, padded to the most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toys.devices import device_of, on

from dlplug import Data, Spec, minimise


class Boxes(NamedTuple):
    """Images x (B, 1, 16, 16), their boxes (B, 2, 4) as left, top, right, bottom in [0, 1], and how many (B,)."""

    x: Tensor
    boxes: Tensor
    boxes_count: Tensor


class Squares(Data):
    """One or two bright squares on black, in cells of 4 pixels."""

    def __init__(self, *, batch_size: int = 32, seed: int) -> None:
        self.batch_size, self.spec = batch_size, Spec(input=(1, 16, 16), output=4)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, model: nn.Module) -> Iterator[Boxes]:
        while True:
            yield Boxes(*on(device_of(model), *self.draw(self.batch_size)))

    def draw(self, size: int) -> Boxes:
        count = torch.randint(1, 3, (size,), generator=self.generator)
        cells = torch.rand(size, 16, generator=self.generator).argsort(1)[:, :2]  # two different ones
        top = torch.stack([cells % 4, cells // 4], 2) * 4 + torch.randint(2, (size, 2, 2), generator=self.generator)
        corner = torch.cat([top, top + 3], 2)
        corner = corner * (torch.arange(2) < count[:, None])[..., None]
        along = torch.arange(16)
        inside = [(along >= corner[..., i, None]) & (along < corner[..., i + 2, None]) for i in (1, 0)]
        x = (inside[0][..., :, None] & inside[1][..., None, :]).any(1, keepdim=True).float()
        return Boxes(x, corner / 16, count)


class Detector(nn.Sequential):
    """For each of 4x4 cells whether a box begins there, and its corners within the cell: (B, 5, 4, 4)."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(nn.Conv2d(1, 16, 4, stride=4), nn.ReLU(), nn.Conv2d(16, 16, 1), nn.ReLU(), nn.Conv2d(16, 5, 1))


@minimise
def detection(model, batch: Boxes):
    """Cross entropy of the cells, and the distance of the corners of those that have a box."""
    found = model(batch.x).flatten(2)  # (B, 5, 16)
    real = torch.arange(2, device=batch.x.device) < batch.boxes_count[:, None]
    place = (4 * batch.boxes[..., :2]).floor().long()
    cell = place[..., 1] * 4 + place[..., 0]  # (B, 2)
    wanted = torch.zeros_like(found[:, 0]).scatter_add(1, cell, real.float()).clamp(max=1)
    corners = found[:, 1:].gather(2, cell[:, None].expand(-1, 4, -1)).transpose(1, 2)
    offset = (corners - (4 * batch.boxes - place.repeat(1, 1, 2))).abs().sum(2).masked_fill(~real, 0)
    return F.binary_cross_entropy_with_logits(found[:, 0], wanted) + offset.sum() / real.sum()


def recall(model: nn.Module, batch: Boxes) -> float:
    """The share of boxes that are found, with an intersection over union above 0.5."""
    found = model(batch.x)
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    corners = (found[:, 1:] + torch.stack([columns, rows, columns, rows])).flatten(2).transpose(1, 2) / 4
    real = torch.arange(2) < batch.boxes_count[:, None]
    low = torch.max(corners[:, None, :, :2], batch.boxes[:, :, None, :2])
    high = torch.min(corners[:, None, :, 2:], batch.boxes[:, :, None, 2:])
    overlap = (high - low).clamp(min=0).prod(3)
    area = [(boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1) for boxes in (batch.boxes, corners)]
    union = area[0][:, :, None] + area[1][:, None] - overlap
    hits = (overlap / union > 0.5) & (found[:, 0].flatten(1) > 0)[:, None]
    return (hits.any(2) & real).sum().item() / real.sum().item()
