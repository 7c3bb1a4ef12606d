"""Held-out images with what a detector finds in them, and with the truth."""

from __future__ import annotations

from typing import Any

import torch
from dlplug_figures.images import tiled

from dlplug import Fraction, Image, Media, PositiveInt
from dlplug_detection.annotate.inputs import Draw, annotated, files_of
from dlplug_detection.annotate.seeing import network_input, scaled_back
from dlplug_detection.annotate.watching import BoxTable, folded
from dlplug_detection.boxes.batches import Detections, Detector, HeldOut
from dlplug_detection.boxes.fitting import Pixels
from dlplug_detection.measures.detection import detected, on_cpu
from dlplug_detection.pictures.drawing import TRUTH, as_rgb, at_least, enlarged, with_boxes, with_detections

COLUMNS = 4


def detections(
    model: Detector,
    data: HeldOut,
    *,
    input: str = "",
    draw: bool = True,
    count: PositiveInt = 12,
    score: Fraction = 0.5,
    seed: int,
) -> dict[str, Media]:
    """What is found in held-out images, in the colours of the classes, the true boxes in grey; or in pictures and films
    of your own, at their own resolution, films as mp4 without sound.

    input: a picture or a film of your own, or a folder of them, instead of held-out images.
    draw: draw over what is in `input`; otherwise the boxes are written as a table, which is much quicker for films.
    count: number of held-out images, drawn from the split by --seed.
    score: lowest score of a detection that is shown.
    """
    if input and draw:
        return annotated(input, drawing(model, data, score))
    if input:
        return {"boxes": BoxTable(files_of(input), folded(model), data, score)}
    drawn = torch.randperm(len(data.images), generator=torch.Generator().manual_seed(seed))[:count]
    found = detected(model, data.images[drawn])
    pictures = [pictured(data, n, at_least(one, score)) for n, one in zip(drawn.tolist(), found, strict=True)]
    grid = tiled(torch.stack(pictures).float() / 255, min(COLUMNS, len(pictures)))
    caption = f"what is found with a score of at least {score:g}; true boxes in grey"
    return {"detections": Image((grid * 255).round().byte().numpy(), caption)}


def drawing(model: Detector, data: HeldOut, score: float) -> Draw:
    """Draws the detections of at least that score over a picture of any size."""
    device = next(model.parameters()).device

    def draw(pixels: Pixels) -> Pixels:
        x, scale = network_input(pixels, data.images, device)
        found = at_least(on_cpu(model.detect(x)[0]), score)
        return with_detections(pixels, scaled_back(found, pixels.shape[0], pixels.shape[1], scale), data.names)

    return draw


def pictured(data: HeldOut, n: int, found: Detections) -> Any:
    """Image n (H, W, 3) uint8, enlarged, with its true boxes and what was found."""
    pixels = as_rgb(data.images[n].numpy())
    count = int(data.targets.counts[n])
    truth = Detections(data.targets.boxes[n, :count], torch.ones(count), data.targets.labels[n, :count])
    larger, true = enlarged(pixels, truth)
    larger = with_boxes(larger, true.boxes.tolist(), [TRUTH] * count, [""] * count)
    _, found = enlarged(pixels, found)
    return torch.from_numpy(with_detections(larger, found, data.names).copy())
