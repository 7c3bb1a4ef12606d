"""The filters of the first layer."""

from __future__ import annotations

from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut
from torch import nn

from dlplug import Image, PositiveInt
from dlplug_vision.inside.layers import first_weights


def filters(model: nn.Module, data: HeldOut, *, count: PositiveInt = 64) -> dict[str, Image]:
    """The filters of the first layer: a convolution's, or an affine layer's rows as images.

    count: largest number of filters.
    """
    weight = first_weights(model, data.images).detach().cpu()[:count]
    if weight.shape[1] not in (1, 3):
        weight = weight.mean(1, keepdim=True)
    # grey is 0; each filter's largest weight is black or white
    pixels = 0.5 + 0.5 * weight / weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    columns = min(8, len(pixels))
    figure = new_figure(columns, -(-len(pixels) // columns) + 0.4)
    show(figure.subplots(), tiled(pixels.permute(0, 2, 3, 1), columns))
    size = "x".join(map(str, weight.shape[2:]))
    figure.suptitle(f"{len(pixels)} filters of the first layer, {size}")
    return {"filters": to_image(figure, "the first layer's filters, each scaled by its largest weight")}
