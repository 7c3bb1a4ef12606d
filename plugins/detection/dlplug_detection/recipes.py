"""The recipes of detectors. Hyperparameters were chosen on the validation set; the test set is for `eval`, `verify`."""

from __future__ import annotations

from typing import Any

from dlplug import Preset, Recipe, Target, use

METRICS = ["detection"]
SAMPLERS = ["detections", "detection-mistakes"]
WATCH = ["train/loss", "val/map50_coco101"]
CANVAS = "1 to 8 digits of scikit-learn on 128x128, overlapping by up to 30 %, noise; 500 test scenes of test digits"
CANVAS_PEER = "this project's own bar; brrond/MNIST-ODD-GAN: .883 by YOLO11s from nothing, on other canvases of digits"
MASK_PEER = "this project's own bar; matterport/Mask_RCNN, shapes notebook: .95 from COCO's weights, on 10 images"
BCCD = "BCCD's own lists, 205 train, 87 val, 72 test images, at 240x180"
BCCD_PEER = "this project's own bar; published from COCO's weights: .90 to .96 (YOLOv8n .90, PMC13023828)"
BCCD_NEEDS = "BCCD, 7 MB"
BLOOD = use("bccd", height=180, width=240, batch_size=4, flip_vertical=True, crop=0.3, colour=0.2)
CELLS = (15, 39, 75)  # median sides of platelets, red and white cells at 240x180
GLYPHS = (14, 24)  # sides of narrow and of wide digits
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
        data=use("canvas-boxes", batch_size=16),
        model=use("one-stage", anchors=3),
        loss="one-stage",
        optimizer=adamw(3e-3),
        length="14k images",
        source="Redmon & Farhadi 2018 (arXiv:1804.02767); one map: Chen et al. 2021 (arXiv:2103.09460)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=300),
        targets=[target("test/map50_coco101", 0.90, CANVAS, CANVAS_PEER, "canvas-boxes", "one-stage")],
        watch=WATCH,
        level=2,
    ),
    "bccd-yolo": Recipe(
        summary="A one-stage detector with anchors finds blood cells, in minutes on two cores",
        data=BLOOD,
        model=use("one-stage", anchors=3),
        loss="one-stage",
        optimizer=adamw(2e-3),
        length="6k images",
        source="Redmon & Farhadi 2018 (arXiv:1804.02767); one map: Chen et al. 2021 (arXiv:2103.09460)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=250),
        targets=[target("test/map50_coco101", 0.80, BCCD, BCCD_PEER, "bccd", "one-stage")],
        presets={
            "squeezenet": Preset(
                "the encoder is SqueezeNet with ImageNet's weights, another 0.7 MB",
                {"model.encoder": "squeezenet", "images": 2000},
                [target("test/map50_coco101", 0.85, BCCD, BCCD_PEER, "bccd", "one-stage")],
            )
        },
        watch=WATCH,
        needs=BCCD_NEEDS,
    ),
    "canvas-faster-rcnn": Recipe(
        summary="Faster R-CNN finds generated digits, in minutes on two cores",
        data=use("canvas-boxes", batch_size=4),
        model=use("faster-rcnn", anchors=GLYPHS, sampled=32, positive=0.5, proposals=100),
        loss="two-stage",
        optimizer=adamw(2e-3),
        length="8k images",
        source=REN,
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=1000),
        targets=[target("test/map50_coco101", 0.90, CANVAS, CANVAS_PEER, "canvas-boxes", "faster-rcnn")],
        watch=WATCH,
    ),
    "bccd-faster-rcnn": Recipe(
        summary="Faster R-CNN finds blood cells, in minutes on two cores",
        data=BLOOD,
        model=use("faster-rcnn", anchors=CELLS, positive=0.5),
        loss="two-stage",
        optimizer=adamw(1e-3),
        length="6k images",
        source=REN,
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=500),
        targets=[target("test/map50_coco101", 0.80, BCCD, BCCD_PEER, "bccd", "faster-rcnn")],
        watch=WATCH,
        needs=BCCD_NEEDS,
    ),
    "canvas-mask-rcnn": Recipe(
        summary="Mask R-CNN finds generated digits and their pixels, in minutes on two cores",
        data=use("canvas-instances", batch_size=4),
        model=use("mask-rcnn", anchors=GLYPHS, sampled=32, positive=0.5, proposals=100),
        loss="two-stage",
        optimizer=adamw(2e-3),
        length="16k images",
        source="He et al. 2017 (arXiv:1703.06870), by torchvision",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=1000),
        targets=[target("test/mask_map50_coco101", 0.85, CANVAS, MASK_PEER, "canvas-instances", "mask-rcnn")],
        watch=["train/loss", "val/mask_map50_coco101"],
    ),
}
