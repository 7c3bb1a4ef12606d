"""The loss of two-stage detectors: the sum of torchvision's terms."""

from __future__ import annotations

import torch
from torch import Tensor

from dlplug import minimise
from dlplug_detection.boxes.batches import Boxed
from dlplug_detection.two_stage.models import TwoStage


@minimise
def two_stage(model: TwoStage, batch: Boxed) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of both stages' losses: objectness and boxes of the proposals, classes and boxes of the regions, and, of
    Mask R-CNN, masks."""
    terms = model(batch)
    return torch.stack(list(terms.values())).sum(), {LOGGED[name]: value for name, value in terms.items()}


LOGGED = {
    "loss_objectness": "proposal_objectness",
    "loss_rpn_box_reg": "proposal_box",
    "loss_classifier": "class",
    "loss_box_reg": "box",
    "loss_mask": "mask",
}
