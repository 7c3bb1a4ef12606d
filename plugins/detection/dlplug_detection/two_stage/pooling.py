"""Features of regions: one bilinear sample in the centre of each cell of a grid over the region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug_detection.backbone import STRIDE


class RegionSamples(nn.Module):
    """The features that torchvision's `MultiScaleRoIAlign` with `sampling_ratio=1` takes from one map of stride 8, in a
    third of its time on a CPU, where the gradient of its `roi_align` would be the slowest part of a step.

    cells: cells across a region, and down.
    """

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, maps: Mapping[str, Tensor], boxes: Sequence[Tensor], sizes: object) -> Tensor:
        """Features (K, C, cells, cells) of all images' regions, from a map (N, C, h, w) and N tensors (K_n, 4) of boxes
        in pixels, without a gradient for the boxes. sizes: the images', which torchvision hands over."""
        (features,) = maps.values()
        each = zip(features.split(1), boxes, strict=True)
        return torch.cat([sampled(image, of.detach() / STRIDE, self.cells) for image, of in each])


def sampled(features: Tensor, boxes: Tensor, cells: int) -> Tensor:
    """(K, C, cells, cells) of a map (1, C, h, w) and boxes (K, 4) in its cells, whose centres are whole numbers, as in
    `roi_align` with `aligned=False`. A region is at least one cell wide and high."""
    height, width = features.shape[2:]
    share = (torch.arange(cells, device=boxes.device) + 0.5) / cells
    start, end = boxes[:, :2, None], boxes[:, 2:, None]
    x, y = (start + (end - start).clamp(min=1) * share).unbind(1)  # (K, cells) each
    # from -1 to 1 across the map
    x, y = 2 * x / max(1, width - 1) - 1, 2 * y / max(1, height - 1) - 1
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1).flatten(1, 2)[None]
    samples = F.grid_sample(features, grid.to(features.dtype), padding_mode="border", align_corners=True)
    return samples[0].transpose(0, 1).unflatten(2, (cells, cells))
