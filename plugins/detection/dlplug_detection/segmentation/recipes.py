"""The recipes of segmentation. Their hyperparameters were chosen on the validation set."""

from __future__ import annotations

from typing import Any

from dlplug import Preset, Recipe, Target, use

METRICS = ["segmentation"]
SAMPLERS = ["masks", "mask-mistakes"]
WATCH = ["train/loss", "train/pixel_accuracy"]
CAMVID = "CamVid's 233 test images at 180x240, 11 classes, void ignored, one confusion matrix"
CAMVID_NEEDS = "CamVid, 14 MB at 180x240"
OWN = "this project's own bar; published at 360x480: {}"


def adamw(learning_rate: float, *, weight_decay: float = 0.01) -> Any:
    return use("adamw", learning_rate=learning_rate, weight_decay=weight_decay, schedule="cosine", warmup=0.1)


def camvid(bar: float, published: str, **where: Any) -> Target:
    return Target("test/miou_split", CAMVID, OWN.format(published), at_least=bar, where={"data": "camvid", **where})


SEGMENTATION_RECIPES = {
    "canvas-unet": Recipe(
        summary="A U-Net gives every pixel of a generated scene its digit, in minutes, without a download",
        data=use("canvas-masks", batch_size=16),
        model=use("unet", width=16, stages=4, stem=2),
        loss="segmentation",
        optimizer=adamw(4e-3),
        length="40k images",
        source="Ronneberger et al. 2015 (arXiv:1505.04597)",
        metrics=METRICS,
        samplers=SAMPLERS,
        targets=[
            Target(
                "test/miou_split",
                "500 generated scenes of digits that training has not, 11 classes, one confusion matrix",
                "this project's own bar",
                at_least=0.85,
                where={"data": "canvas-masks"},
            )
        ],
        watch=WATCH,
        level=2,
    ),
    "mask-folder": Recipe(
        summary="A U-Net segments your own images, from masks beside them",
        data=use("mask-folder", flip=True, zoom=(1.0, 1.5), jitter=0.2),
        model=use("unet", width=16, stages=5, stem=2),
        loss=use("segmentation", balance="root-median"),
        optimizer=adamw(4e-3),
        length="10k images",
        source="Ronneberger et al. 2015 (arXiv:1505.04597)",
        metrics=METRICS,
        samplers=SAMPLERS,
        watch=WATCH,
        needs="--data.path: a folder of images and masks, NAME.jpg beside NAME.png",
    ),
    "camvid-unet": Recipe(
        summary="A U-Net finds road, cars and trees in CamVid's street scenes",
        data=use("camvid", batch_size=4),
        model=use("unet", width=16, stages=5, stem=2),
        loss=use("segmentation", balance="root-median", dice=1.0),
        optimizer=adamw(3e-3),
        length="16k images",
        source="Ronneberger et al. 2015 (arXiv:1505.04597)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=1000),
        targets=[camvid(0.45, "SegNet .464, ENet .521, U-Net .552")],
        presets={
            "squeezenet": Preset(
                "the encoder starts from SqueezeNet's ImageNet weights, 0.7 MB",
                {"model.encoder": "squeezenet", "optimizer.learning_rate": 2e-3, "images": 8000},
                targets=[camvid(0.50, "SegNet .464, ENet .521, U-Net .552", **{"model.encoder": "squeezenet"})],
            )
        },
        watch=WATCH,
        needs=CAMVID_NEEDS,
    ),
    "camvid-segnet": Recipe(
        summary="SegNet on CamVid: max-unpooling in place of a U-Net's skip connections",
        data=use("camvid", batch_size=4),
        model=use("segnet", width=24, stages=4, stem=2),
        loss=use("segmentation", balance="root-median", dice=1.0),
        optimizer=adamw(3e-3),
        length="16k images",
        source="Badrinarayanan et al. 2017 (arXiv:1511.00561)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=1000),
        targets=[camvid(0.40, "SegNet .464")],
        watch=WATCH,
        needs=CAMVID_NEEDS,
    ),
}
