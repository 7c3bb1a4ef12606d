"""The recipes of detectors. Hyperparameters were chosen on the validation set; the test set is for `eval`, `verify`."""

from __future__ import annotations

from typing import Any

from dlplug import Recipe, Target, use

METRICS = ["detection"]
WATCH = ["train/loss", "val/map50_coco101"]
CANVAS = "1 to 8 digits of scikit-learn on 128x128, overlapping by up to 30 %, noise; 500 test scenes of test digits"
CANVAS_PEER = "this project's own bar; brrond/MNIST-ODD-GAN: .883 by YOLO11s from nothing, on other canvases of digits"
MASK_PEER = "this project's own bar; matterport/Mask_RCNN, shapes notebook: .95 from COCO's weights, on 10 images"
REN = "Ren et al. 2015 (arXiv:1506.01497), by torchvision"


def adamw(learning_rate: float) -> Any:
    """AdamW with a learning rate that rises and falls linearly."""
    return use("adamw", learning_rate=learning_rate, weight_decay=0.05, schedule="linear", warmup=0.1)


def target(metric: str, bar: float, protocol: str, source: str, data: str, model: str) -> Target:
    definition = f"{protocol}; AP at an IoU of .50, mean over COCO's 101 recalls"
    return Target(metric, definition, source, at_least=bar, where={"data": data, "model": model})


BOX_RECIPES = {
    "canvas-yolo": Recipe(
        summary="A one-stage detector with anchors finds generated digits, in minutes on two cores",
        data="canvas-boxes",
        model=use("one-stage", anchors=3),
        loss="one-stage",
        optimizer=adamw(4e-3),
        length="20k images",
        source="Redmon & Farhadi 2018 (arXiv:1804.02767); one map: Chen et al. 2021 (arXiv:2103.09460)",
        metrics=METRICS,
        trainer=use("torch", eval_every=300),
        targets=[target("test/map50_coco101", 0.90, CANVAS, CANVAS_PEER, "canvas-boxes", "one-stage")],
        watch=WATCH,
        level=2,
    ),
    "canvas-faster-rcnn": Recipe(
        summary="Faster R-CNN finds generated digits, in minutes on two cores",
        data=use("canvas-boxes", batch_size=16),
        model="faster-rcnn",
        loss="two-stage",
        optimizer=adamw(2e-3),
        length="12k images",
        source=REN,
        metrics=METRICS,
        trainer=use("torch", eval_every=300),
        targets=[target("test/map50_coco101", 0.90, CANVAS, CANVAS_PEER, "canvas-boxes", "faster-rcnn")],
        watch=WATCH,
    ),
    "canvas-mask-rcnn": Recipe(
        summary="Mask R-CNN finds generated digits and their pixels, in minutes on two cores",
        data=use("canvas-instances", batch_size=16),
        model="mask-rcnn",
        loss="two-stage",
        optimizer=adamw(2e-3),
        length="12k images",
        source="He et al. 2017 (arXiv:1703.06870), by torchvision",
        metrics=METRICS,
        trainer=use("torch", eval_every=300),
        targets=[target("test/mask_map50_coco101", 0.85, CANVAS, MASK_PEER, "canvas-instances", "mask-rcnn")],
        watch=["train/loss", "val/mask_map50_coco101"],
    ),
}
