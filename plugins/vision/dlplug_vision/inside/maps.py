"""Feature maps: the outputs of several convolutions for one image."""

from __future__ import annotations

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut
from torch import nn

from dlplug import Image, NonNegativeInt, PositiveInt, UserError
from dlplug_vision.inside.layers import convolutions, outputs_of


def maps(
    model: nn.Module, data: HeldOut, *, image: NonNegativeInt = 0, layers: PositiveInt = 4, count: PositiveInt = 16
) -> dict[str, Image]:
    """Feature maps of several convolutions for one image.

    image: index of the image in the split.
    layers: number of convolutions, evenly spaced from the first to the last.
    count: largest number of channels of each.
    """
    if not 0 <= image < len(data.images):
        raise UserError(f"--image must be between 0 and {len(data.images) - 1}, got {image}")
    picture = data.images[image]
    every_layer = convolutions(model)
    layers = min(layers, len(every_layer))
    places = torch.linspace(0, len(every_layer) - 1, layers).round().int().tolist()
    features = outputs_of(model, [every_layer[place] for place in places], picture[None])
    figure = new_figure(9, 1.5 + 1.5 * layers)
    axes = figure.subplots(layers + 1, 1, height_ratios=[1, *[1.2] * layers])
    show(axes[0], picture)
    axes[0].set_title(f"image {image}: {data.names[int(data.y[image])]}", fontsize=9)
    for place, output, row in zip(places, features, axes[1:], strict=True):
        maps = output[0, :count].cpu()
        low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
        maps = (maps - low) / (high - low).clamp(min=1e-12)
        show(row, tiled(maps[..., None], -(-len(maps) // 2)))
        size = "x".join(map(str, output.shape[2:]))
        row.set_title(
            f"convolution {place + 1} of {len(every_layer)}: {len(maps)} of {output.shape[1]} maps, {size}", fontsize=9
        )
    return {"maps": to_image(figure, "feature maps of one image, each scaled to its own range")}
