"""Pictures of segmentation: class maps in colour over their images, beside the truth, with a legend."""

from __future__ import annotations

import colorsys

import torch
from dlplug_figures.figure import colour_legend, new_figure, to_image
from dlplug_figures.images import show
from torch import Tensor

from dlplug import Fraction, Image, Media, PositiveInt
from dlplug_detection.annotate.inputs import Draw, annotated
from dlplug_detection.annotate.seeing import enlarged, network_input
from dlplug_detection.boxes.fitting import Pixels
from dlplug_detection.segmentation.batches import IGNORE, HeldOutMaps, Segmenter
from dlplug_detection.segmentation.measures import confusion, intersection_over_union, segmented

GOLDEN = 0.618034  # successive hues are this far apart, so that neighbours in the list differ
WRONG, RIGHT = (213, 94, 0), (230, 230, 230)


def class_colours(count: int) -> Tensor:
    """(count, 3) uint8."""
    colours = [colorsys.hsv_to_rgb(n * GOLDEN % 1, (0.9, 0.6)[n % 2], (1.0, 0.8, 0.6)[n % 3]) for n in range(count)]
    return (255 * torch.tensor(colours)).round().byte()


def painted(images: Tensor, classes: Tensor, count: int, *, opacity: float = 0.6, background: bool = False) -> Tensor:
    """Class maps (N, H, W) of `count` classes in colour over images (N, H, W, 1 or 3) uint8 → (N, H, W, 3) uint8. What
    has no class stays as it is, and so does class 0 where it is the background."""
    images = images.expand(*images.shape[:3], 3).float()
    classes = classes.long()
    colours = class_colours(count).float()[classes.clamp(max=count - 1)]
    covered = (classes < count) & ~(background & (classes == 0))
    return torch.where(covered[..., None], torch.lerp(images, colours, opacity), images).round().byte()


def masks(
    model: Segmenter, data: HeldOutMaps, *, input: str = "", count: PositiveInt = 4, opacity: Fraction = 0.6
) -> dict[str, Media]:
    """Class maps over their images, the truth and what the model gives, evenly spread over the split; or over pictures
    and films of your own, at their own resolution, films as mp4 without sound.

    input: a picture or a film of your own, or a folder of them, instead of held-out images.
    count: number of held-out images to show.
    opacity: opacity of the colours.
    """
    if input:
        return annotated(input, drawing(model, data, opacity))
    count = min(count, len(data.images))
    chosen = torch.linspace(0, len(data.images) - 1, count).round().long()
    data = data._replace(images=data.images[chosen], classes=data.classes[chosen])
    return {"masks": compared(data, segmented(model, data.images), opacity, "truth and prediction")}


def drawing(model: Segmenter, data: HeldOutMaps, opacity: float) -> Draw:
    """Draws the class of each pixel over a picture of any size."""
    device = next(model.parameters()).device

    def draw(pixels: Pixels) -> Pixels:
        x, scale = network_input(pixels, data.images, device)
        classes = enlarged(model.segment(x).cpu(), pixels.shape[0], pixels.shape[1], scale)
        images = torch.from_numpy(pixels.copy())[None]
        return painted(images, classes, len(data.names), opacity=opacity, background=data.background)[0].numpy()

    return draw


def mask_mistakes(
    model: Segmenter, data: HeldOutMaps, *, count: PositiveInt = 4, opacity: Fraction = 0.6
) -> dict[str, Image]:
    """The images with the largest fraction of wrong pixels, with these pixels marked.

    count: number of images to show.
    opacity: opacity of the colours.
    """
    found = segmented(model, data.images)
    worst = worst_images(found, data.classes, count)
    data = data._replace(images=data.images[worst], classes=data.classes[worst])
    title = f"the {len(worst)} images with the most wrong pixels"
    return {"mistakes": compared(data, found[worst], opacity, title, wrong=True)}


def worst_images(found: Tensor, true: Tensor, count: int) -> Tensor:
    """The numbers (count,) of the images with the largest fraction of wrong pixels, among those that have a class."""
    valid = true != IGNORE
    wrong = ((found != true) & valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
    return wrong.argsort(descending=True)[:count]


def compared(data: HeldOutMaps, found: Tensor, opacity: float, title: str, *, wrong: bool = False) -> Image:
    """A figure with a row for each image: the image, the truth, the prediction, and with `wrong` the wrong pixels."""
    rows = len(found)
    height, width = found.shape[1:]
    columns = 3 + wrong
    figure = new_figure(2.6 * columns, 2.6 * height / width * rows + 1.1)
    figure.suptitle(title)
    maps = [painted(data.images, part, len(data.names), opacity=opacity, background=data.background)
            for part in (data.classes, found)]  # fmt: skip
    pictures = [data.images, *maps, *([errors(found, data.classes)] if wrong else [])]
    places = figure.subplots(rows, columns, squeeze=False)
    for row, axes in enumerate(places):
        for place, picture in zip(axes, pictures, strict=True):
            show(place, picture[row])
        axes[2].set_title(f"prediction, {scores(found[row], data.classes[row], len(data.names))}", fontsize=7)
        axes[1].set_title("truth", fontsize=7)
        if wrong:
            axes[3].set_title("wrong pixels", fontsize=7)
    first = int(data.background)
    colours = class_colours(len(data.names)) / 255
    colour_legend(figure, data.names[first:], colours[first:].tolist())
    return to_image(figure, title)


def scores(found: Tensor, true: Tensor, classes: int) -> str:
    matrix = confusion(found[None], true[None], classes)
    accuracy = matrix.trace() / matrix.sum().clamp(min=1)
    return f"pixels {accuracy:.0%}, mIoU of this image {intersection_over_union(matrix).nanmean():.2f}"


def errors(found: Tensor, true: Tensor) -> Tensor:
    """(N, H, W, 3) uint8: wrong pixels orange, right ones light grey, those without a class black."""
    wrong = torch.where((found != true)[..., None], torch.tensor(WRONG), torch.tensor(RIGHT))
    return torch.where((true == IGNORE)[..., None], 0, wrong).byte()
