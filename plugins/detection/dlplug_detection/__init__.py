"""Objects and masks in pictures: detectors, segmentation nets, and their metrics."""

from dlplug import hookimpl
from dlplug_detection.recipes import BOX_RECIPES
from dlplug_detection.segmentation.recipes import SEGMENTATION_RECIPES


@hookimpl
def register_data():
    return {
        "canvas-boxes": "dlplug_detection.boxes.canvas:CanvasBoxes",
        "canvas-instances": "dlplug_detection.boxes.canvas:CanvasInstances",
        "bccd": "dlplug_detection.boxes.files.bccd:Bccd",
        "voc-folder": "dlplug_detection.boxes.files.sets:VocFolder",
        "coco-file": "dlplug_detection.boxes.files.sets:CocoFile",
        "canvas-masks": "dlplug_detection.segmentation.canvas:CanvasMasks",
        "camvid": "dlplug_detection.segmentation.camvid:CamVid",
        "mask-folder": "dlplug_detection.segmentation.mask_folder:MaskFolder",
    }


@hookimpl
def register_models():
    return {
        "unet": "dlplug_detection.segmentation.unet:UNet",
        "segnet": "dlplug_detection.segmentation.segnet:SegNet",
        "one-stage": "dlplug_detection.one_stage.model:OneStage",
        "faster-rcnn": "dlplug_detection.two_stage.models:FasterRCNN",
        "mask-rcnn": "dlplug_detection.two_stage.models:MaskRCNN",
    }


@hookimpl
def register_losses():
    return {
        "segmentation": "dlplug_detection.segmentation.loss:segmentation",
        "one-stage": "dlplug_detection.one_stage.loss:one_stage",
        "two-stage": "dlplug_detection.two_stage.loss:two_stage",
    }


@hookimpl
def register_metrics():
    return {
        "detection": "dlplug_detection.measures.detection:detection",
        "segmentation": "dlplug_detection.segmentation.measures:segmentation",
    }


@hookimpl
def register_samplers():
    return {
        "detections": "dlplug_detection.pictures.detections:detections",
        "detection-mistakes": "dlplug_detection.pictures.mistakes:mistakes",
        "masks": "dlplug_detection.segmentation.pictures:masks",
        "mask-mistakes": "dlplug_detection.segmentation.pictures:mask_mistakes",
    }


@hookimpl
def register_recipes():
    return BOX_RECIPES | SEGMENTATION_RECIPES


@hookimpl
def register_exercises():
    return "dlplug_detection.exercises:EXERCISES"
