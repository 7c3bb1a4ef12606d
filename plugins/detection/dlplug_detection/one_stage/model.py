"""The one-stage detector: a prediction in each cell of the map, or one for each of its anchors."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Fraction, NonNegativeInt, PositiveInt
from dlplug_detection.backbone import STRIDE, Backbone, Features, parameter_groups
from dlplug_detection.boxes.batches import Detections, DetectionSpec
from dlplug_detection.layers import conv_norm_relu
from dlplug_detection.one_stage.anchors import fitted_anchors

PRIOR = 0.01  # π, the probability of an object that every prediction begins with (Lin et al. 2017, section 4.1)
CANDIDATES = 300  # boxes of an image that suppression sees
LARGEST = math.log(1000 / 16)  # bound of a predicted log of a size, as torchvision's box coder has it


class Predictions(NamedTuple):
    """P = QA predictions for each of N images: boxes (N, P, 4) in pixels, logits of objectness (N, P) and of the
    classes (N, P, K); and where they are made: cells (Q, 2), the centres in pixels, and their stride (2,)."""

    boxes: Tensor
    objectness: Tensor
    classes: Tensor
    cells: Tensor
    stride: Tensor


class OneStage(nn.Module):
    """A convolutional detector that predicts every box at once, in one map of stride 8 (Redmon et al. 2016; FCOS).

    anchors: shapes of boxes, fitted to the training split, that a cell's predictions begin from, as in YOLOv3; 0 for
        one prediction of a cell without an anchor, as in FCOS and YOLOX.
    score: lowest score of a detection: objectness times the class's probability.
    suppression: largest IoU of two detections of one class.
    most: largest number of detections in an image; COCO's is 100.
    """

    anchors: Tensor

    def __init__(
        self,
        spec: DetectionSpec,
        *,
        features: Features = Features(),
        anchors: NonNegativeInt = 0,
        score: Fraction = 0.02,
        suppression: Fraction = 0.5,
        most: PositiveInt = 100,
    ) -> None:
        super().__init__()
        self.score, self.suppression, self.most = score, suppression, most
        self.anchored = anchors > 0
        begin = fitted_anchors(spec.sizes, anchors) if self.anchored else torch.full((1, 2), float(STRIDE))
        self.register_buffer("anchors", begin)
        self.backbone = Backbone(spec, features)
        self.tower = conv_norm_relu(features.width, features.width)
        self.head = nn.Conv2d(features.width, len(begin) * (5 + spec.output), 1)
        nn.init.normal_(self.head.weight, std=0.01)
        bias = torch.zeros(len(begin), 5 + spec.output)
        bias[:, 4] = -math.log((1 - PRIOR) / PRIOR)
        self.head.bias = nn.Parameter(bias.flatten())
        self.to(memory_format=torch.channels_last)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self)

    def forward(self, images: Tensor) -> Predictions:
        raw = self.head(self.tower(self.backbone(images))).float()
        count, _, rows, columns = raw.shape
        raw = raw.permute(0, 2, 3, 1).reshape(count, rows * columns, len(self.anchors), -1)
        cells, stride = grid(rows, columns, images)
        boxes = decoded(raw[..., :4], cells, stride, self.anchors)
        flat = raw.flatten(1, 2)
        return Predictions(boxes.flatten(1, 2), flat[..., 4], flat[..., 5:], cells, stride)

    @torch.no_grad()
    def detect(self, images: Tensor) -> list[Detections]:
        """Objects in each of images (N, C, H, W) of any size, floats in [0, 1], after suppression."""
        from torchvision.ops import clip_boxes_to_image

        predictions = self(images)
        scores = predictions.objectness.sigmoid()[..., None] * predictions.classes.softmax(-1)
        boxes = clip_boxes_to_image(predictions.boxes, (images.shape[2], images.shape[3]))
        return [self.suppressed(*each) for each in zip(boxes, scores, strict=True)]

    def suppressed(self, boxes: Tensor, scores: Tensor) -> Detections:
        """The detections of one image from boxes (P, 4) and scores (P, K)."""
        from torchvision.ops import batched_nms

        best = scores.flatten().topk(min(CANDIDATES, scores.numel()))
        best_scores, index = best.values, best.indices[best.values >= self.score]
        best_scores = best_scores[: len(index)]
        labels, boxes = index % scores.shape[1], boxes[index // scores.shape[1]]
        keep = batched_nms(boxes, best_scores, labels, self.suppression)[: self.most]
        return Detections(boxes[keep], best_scores[keep], labels[keep])


def grid(rows: int, columns: int, images: Tensor) -> tuple[Tensor, Tensor]:
    """The centres (Q, 2) of a map's cells and their stride (2,), in pixels of images (N, C, H, W), row by row."""
    down, across = images.shape[2] / rows, images.shape[3] / columns
    y = (torch.arange(rows, device=images.device) + 0.5) * down
    x = (torch.arange(columns, device=images.device) + 0.5) * across
    cells = torch.stack([x.repeat(rows), y.repeat_interleave(columns)], 1)
    # filled on the device: the copy of a host tensor would wait for it
    stride = torch.stack([torch.full((), length, device=images.device) for length in (across, down)])
    return cells, stride


def decoded(raw: Tensor, cells: Tensor, stride: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (N, Q, A, 4) of predictions t = raw (N, Q, A, 4), cells c = (Q, 2), stride s = (2,), anchors p = (A, 2).

    b_x = c_x + s t_x and b_w = p_w e^{t_w}, and the same for y and h (YOLOX: Ge et al. 2021, arXiv:2107.08430, where
    p = s).
    """
    centre = cells[:, None] + stride * raw[..., :2]
    half = anchors * raw[..., 2:].clamp(max=LARGEST).exp() / 2
    return torch.cat([centre - half, centre + half], -1)
