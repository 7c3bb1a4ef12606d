"""Objects and masks in pictures: detectors, segmentation nets, and their metrics."""

from dlplug import hookimpl
from dlplug_detection.segmentation.recipes import SEGMENTATION_RECIPES


@hookimpl
def register_data():
    return {
        "canvas-boxes": "dlplug_detection.boxes.canvas:CanvasBoxes",
        "canvas-instances": "dlplug_detection.boxes.canvas:CanvasInstances",
        "canvas-masks": "dlplug_detection.segmentation.canvas:CanvasMasks",
        "camvid": "dlplug_detection.segmentation.camvid:CamVid",
    }


@hookimpl
def register_models():
    return {
        "unet": "dlplug_detection.segmentation.unet:UNet",
        "segnet": "dlplug_detection.segmentation.segnet:SegNet",
    }


@hookimpl
def register_losses():
    return {"segmentation": "dlplug_detection.segmentation.loss:segmentation"}


@hookimpl
def register_metrics():
    return {"segmentation": "dlplug_detection.segmentation.measures:segmentation"}


@hookimpl
def register_recipes():
    return SEGMENTATION_RECIPES
