"""Exercises: functions of object detection that a student writes."""

from dlplug import Exercise, Target

SMALL = {
    "data.height": 48,
    "data.width": 48,
    "data.objects": [1, 2],
    "data.sizes": [16, 24],
    "data.validation": 100,
    "model.width": 32,
    "model.blocks": 2,
    "images": 5000,
    "eval_every": 0,
    "threads": 1,
}
FOUND = Target("val/map50_coco101", "one or two digits on 48x48 pixels, 100 held-out scenes", at_least=0.1)

EXERCISES = {
    "iou": Exercise(
        summary="Intersection over union of every detection with every object",
        function="dlplug_detection.measures.matching:box_overlaps",
        check="dlplug_detection.exercises.checks:box_overlaps",
        recipe="canvas-yolo",
        options=SMALL,
        target=FOUND,
        hints=[
            "The shared part begins at the larger of the two x1 and ends at the smaller of the two x2; y likewise.",
            "found[:, None] and objects[None] compare each with each, (K, G). Boxes that do not meet would have a"
            " negative width: clip it to 0.",
            "The union is both areas less the shared one; for an object that is a crowd it is the detection's area"
            " alone. Where the union is 0, so is the result.",
        ],
        level=2,
    ),
    "average-precision": Exercise(
        summary="The precision of a detector at given recalls, from its hits and false alarms",
        function="dlplug_detection.measures.precision:precision_at",
        check="dlplug_detection.exercises.checks:precision_at",
        recipe="canvas-yolo",
        options=SMALL,
        target=FOUND,
        hints=[
            "After the k best detections there are so many hits and so many alarms: cumsum of hit & counts, and of"
            " ~hit & counts. Precision is hits / (hits + alarms), recall hits / objects.",
            "At a recall r the precision is the highest of all places whose recall is at least r: a running maximum"
            " from the end.",
            "searchsorted finds the first place that reaches each recall; a recall that is never reached has 0.",
        ],
        level=3,
    ),
}
