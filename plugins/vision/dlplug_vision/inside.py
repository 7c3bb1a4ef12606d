"""What a trained net has inside: its first filters, its feature maps, and the pixels on which its answer depends."""

from __future__ import annotations

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, NonNegativeInt, PositiveInt, UserError

NOISE = 0.15  # deviation, of pixels in [0, 1]: within the 10 to 20 % that Smilkov et al. 2017 advise


def filters(model: nn.Module, data: HeldOut, *, count: PositiveInt = 64) -> dict[str, Image]:
    """The filters of the first layer: a convolution's, or an affine layer's as pictures of the images' size.

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


def maps(
    model: nn.Module, data: HeldOut, *, image: NonNegativeInt = 0, layers: PositiveInt = 4, count: PositiveInt = 16
) -> dict[str, Image]:
    """Feature maps of several convolutions for one image.

    image: index of the image in the split.
    layers: number of convolutions, evenly from the first to the last.
    count: largest number of channels of each.
    """
    if not 0 <= image < len(data.images):
        raise UserError(f"--image must be between 0 and {len(data.images) - 1}, got {image}")
    picture = data.images[image]
    everywhere = convolutions(model)
    layers = min(layers, len(everywhere))
    places = torch.linspace(0, len(everywhere) - 1, layers).round().int().tolist()
    features = outputs_of(model, [everywhere[place] for place in places], picture[None])
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
            f"convolution {place + 1} of {len(everywhere)}: {len(maps)} of {output.shape[1]} maps, {size}", fontsize=9
        )
    return {"maps": to_image(figure, "feature maps of one image, each from its least to its largest value")}


def saliency(
    model: nn.Module, data: HeldOut, *, count: PositiveInt = 8, copies: PositiveInt = 16, seed: int
) -> dict[str, Image]:
    """The pixels on which the score of the predicted class depends, by its gradient.

    count: number of images, drawn from the split by --seed.
    copies: noisy copies over which the gradient is averaged; 1 takes the image itself.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(len(data.images), generator=generator)[:count]
    images = data.images[drawn]
    slopes, chosen = saliency_of(model, scaled(images.to(next(model.parameters()).device)), copies)
    figure = new_figure(1.4 * len(images) + 0.3, 3.6)
    above, below = figure.subplots(2, len(images), squeeze=False)
    for place, index in enumerate(drawn.tolist()):
        show(above[place], images[place])
        true, predicted = data.names[int(data.y[index])], data.names[int(chosen[place])]
        above[place].set_title(f"true {true}\npredicted {predicted}", fontsize=8)
        # the brightest hundredth would leave the rest dark
        slope = slopes[place].cpu()
        below[place].imshow(slope, cmap="inferno", vmin=0, vmax=float(slope.quantile(0.99).clamp(min=1e-12)))
        below[place].axis("off")
    figure.suptitle("saliency |∂s/∂x| of the predicted class's score s", fontsize=10)
    return {"saliency": to_image(figure, "images, and the gradient of the predicted class's score by each pixel")}


def saliency_of(model: nn.Module, x: Tensor, copies: int = 1) -> tuple[Tensor, Tensor]:
    """max over channels of |∂s_c/∂x| (B, H, W), and the class c (B,) that the model chooses for x (B, C, H, W):
    Simonyan et al. 2014, arXiv:1312.6034, section 3.1. With more copies than one, the gradient is their mean, each with
    noise of its own (SmoothGrad, Smilkov et al. 2017, arXiv:1706.03825)."""
    called = model(x).argmax(1)
    total = torch.zeros_like(x)
    for _ in range(copies):
        noisy = x + NOISE * torch.randn_like(x) if copies > 1 else x.clone()
        with torch.enable_grad():
            noisy.requires_grad_()
            # images do not touch each other in eval mode: the sum's gradient is each one's own
            score = model(noisy).gather(1, called[:, None]).sum()
        total += torch.autograd.grad(score, noisy)[0]
    return (total / copies).abs().amax(1), called


def first_weights(model: nn.Module, images: Tensor) -> Tensor:
    """(outputs, C, H, W) of the first layer that sees images (N, H, W, C). Raises UserError where there is none."""
    height, width, channels = images.shape[1:]
    first = next((module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))), None)
    if isinstance(first, nn.Linear) and first.in_features == channels * height * width:
        return first.weight.unflatten(1, (channels, height, width))
    return convolutions(model)[0].weight


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    """In the order in which they are defined. Raises UserError where there is none."""
    found = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not found:
        raise UserError("this model has no convolution to look into; --what saliency and --what mistakes need none")
    return found


def outputs_of(model: nn.Module, layers: list[nn.Conv2d], images: Tensor) -> list[Tensor]:
    """What each of the layers gives for uint8 images (B, H, W, C)."""
    seen: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, _: object, output: Tensor) -> None:
        seen[layer] = output.clone()  # a rectifier that follows may work in place

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        model(scaled(images.to(next(model.parameters()).device)))
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[layer] for layer in layers]
