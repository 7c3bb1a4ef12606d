"""Objects and masks in pictures: detectors, segmentation nets, and their metrics."""

from dlplug import hookimpl


@hookimpl
def register_data():
    return {
        "canvas-boxes": "dlplug_detection.boxes.canvas:CanvasBoxes",
        "canvas-instances": "dlplug_detection.boxes.canvas:CanvasInstances",
    }


@hookimpl
def register_metrics():
    return {"detection": "dlplug_detection.measures.detection:detection"}
