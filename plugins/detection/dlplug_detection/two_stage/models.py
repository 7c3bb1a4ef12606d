"""Faster R-CNN and Mask R-CNN by torchvision's classes, with sizes for small images and a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import Fraction, PositiveInt
from dlplug_detection.backbone import STRIDE, Backbone, Features, parameter_groups
from dlplug_detection.boxes.batches import Boxed, Detections, DetectionSpec, Masked
from dlplug_detection.two_stage.pooling import RegionSamples

POOLED = 7  # cells across a region, for the box head; twice as many for the mask head
MASK_WIDTH = 32  # channels of the mask head; torchvision's default is 256


@dataclass(frozen=True)
class Stages:
    """anchors: sides of the square anchors in pixels; torchvision's default is 32 to 512 in three shapes.
    sampled: anchors of an image that the first stage's loss samples, and proposals that the second's does;
        torchvision's defaults are 256 and 512.
    positive: largest fraction of the sampled proposals that are on objects; torchvision's default is 0.25.
    proposals: of the first stage for each image; torchvision's defaults are 2000 in training and 1000 after it.
    head: hidden size of the second stage's head; torchvision's default is 1024.
    score: lowest score of a detection.
    suppression: largest IoU of two detections of one class.
    most: largest number of detections in an image; COCO's is 100.
    """

    anchors: tuple[PositiveInt, ...] = (16, 32, 64)
    sampled: PositiveInt = 64
    positive: Fraction = 0.25
    proposals: PositiveInt = 300
    head: PositiveInt = 128
    score: Fraction = 0.02
    suppression: Fraction = 0.5
    most: PositiveInt = 100


class TwoStage(nn.Module):
    """A wrapper around torchvision's detectors: padded batches in, summed losses and `Detections` out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.to(memory_format=torch.channels_last)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return parameter_groups(self)

    def forward(self, batch: Boxed | Masked) -> Mapping[str, Tensor]:
        """torchvision's losses of a batch by its names, in training mode. Boxes without an area must be left out."""
        targets = []
        for n, count in enumerate(batch.counts.tolist()):
            target = {"boxes": batch.boxes[n, :count], "labels": batch.labels[n, :count] + 1}  # 0 is the background
            if isinstance(batch, Masked):
                target["masks"] = batch.masks[n, :count].to(torch.uint8)
            targets.append(target)
        return self.network(list(batch.images), targets)

    @torch.no_grad()
    def detect(self, images: Tensor) -> list[Detections]:
        """Objects in each of images (N, C, H, W), floats in [0, 1], in eval mode. Images of another size than the
        training's are resized by torchvision, and boxes and masks back."""
        return [
            Detections(
                found["boxes"],
                found["scores"],
                found["labels"] - 1,
                found["masks"][:, 0] >= 0.5 if "masks" in found else None,
            )
            for found in self.network(list(images))
        ]


class FasterRCNN(TwoStage):
    """Faster R-CNN: a network proposes regions, and a head classifies and refines each (Ren et al. 2015).

    torchvision's, but smaller in every respect: images keep their size, where its `min_size=800` enlarges one of
    320x240 elevenfold; one map of stride 8 instead of a pyramid.
    """

    def __init__(self, spec: DetectionSpec, *, features: Features = Features(), stages: Stages = Stages()) -> None:
        from torchvision.models.detection import faster_rcnn

        network = faster_rcnn.FasterRCNN(Backbone(spec, features), **box_options(spec, features, stages))
        network.roi_heads.box_roi_pool = RegionSamples(POOLED)
        super().__init__(network)


class MaskRCNN(TwoStage):
    """Mask R-CNN: Faster R-CNN with a head that draws each object's mask (He et al. 2017).

    torchvision's, but smaller in every respect, as `faster-rcnn`; masks of 28x28 come from a head of 2 convolutions of
    32 channels on 14x14 cells, where torchvision's has 4 of 256.
    """

    def __init__(self, spec: DetectionSpec, *, features: Features = Features(), stages: Stages = Stages()) -> None:
        from torchvision.models.detection import mask_rcnn

        network = mask_rcnn.MaskRCNN(
            Backbone(spec, features),
            mask_head=mask_rcnn.MaskRCNNHeads(features.width, (MASK_WIDTH, MASK_WIDTH), 1),
            mask_predictor=mask_rcnn.MaskRCNNPredictor(MASK_WIDTH, MASK_WIDTH, spec.output + 1),
            **box_options(spec, features, stages),
        )
        network.roi_heads.box_roi_pool = RegionSamples(POOLED)
        network.roi_heads.mask_roi_pool = RegionSamples(2 * POOLED)
        super().__init__(network)


def box_options(spec: DetectionSpec, features: Features, stages: Stages) -> dict[str, Any]:
    """What both of torchvision's classes take."""
    from torchvision.models.detection import faster_rcnn
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    channels, height, width = spec.input
    return {
        "min_size": min(height, width),
        "max_size": max(height, width),
        "size_divisible": STRIDE,
        "image_mean": [0.0] * channels,  # the backbone standardises
        "image_std": [1.0] * channels,
        "rpn_anchor_generator": AnchorGenerator((stages.anchors,), ((1.0,),)),
        "rpn_pre_nms_top_n_train": stages.proposals,
        "rpn_pre_nms_top_n_test": stages.proposals,
        "rpn_post_nms_top_n_train": stages.proposals,
        "rpn_post_nms_top_n_test": stages.proposals,
        "rpn_batch_size_per_image": stages.sampled,
        "box_batch_size_per_image": stages.sampled,
        "box_positive_fraction": stages.positive,
        "box_head": faster_rcnn.TwoMLPHead(features.width * POOLED**2, stages.head),
        "box_predictor": faster_rcnn.FastRCNNPredictor(stages.head, spec.output + 1),
        "box_score_thresh": stages.score,
        "box_nms_thresh": stages.suppression,
        "box_detections_per_img": stages.most,
    }
