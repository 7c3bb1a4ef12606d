"""The sampler `annotate`: what a network sees in anybody's pictures and films."""

from __future__ import annotations

from dlplug import Fraction, Media, UserError
from dlplug_detection.annotate.inputs import annotated
from dlplug_detection.annotate.seeing import boxes_drawn, classes_drawn
from dlplug_detection.boxes.batches import Detector, HeldOut
from dlplug_detection.segmentation.batches import HeldOutMaps, Segmenter


def annotate(
    model: Detector | Segmenter, data: HeldOut | HeldOutMaps, *, input: str = "", score: Fraction = 0.5
) -> dict[str, Media]:
    """Your own pictures and films with boxes or class colours drawn over them, at their own resolution: pictures as PNG,
    films as mp4 without sound.

    input: a picture, a film, or a folder of them.
    score: lowest score of a detection that is shown.
    """
    if not input:
        raise UserError("annotate needs --input: a picture, a film, or a folder of them")
    if isinstance(data, HeldOutMaps):
        return annotated(input, classes_drawn(model, data))
    return annotated(input, boxes_drawn(model, data, score))
