"""The layers of a network that can be visualised, and their outputs."""

from __future__ import annotations

from dlplug_images.images import scaled
from torch import Tensor, nn

from dlplug import UserError


def first_weights(model: nn.Module, images: Tensor) -> Tensor:
    """(outputs, C, H, W) of the first layer that sees images (N, H, W, C). Raises UserError where there is none."""
    height, width, channels = images.shape[1:]
    first = next((module for module in model.modules() if isinstance(module, (nn.Conv2d, nn.Linear))), None)
    if isinstance(first, nn.Linear) and first.in_features == channels * height * width:
        return first.weight.unflatten(1, (channels, height, width))
    return convolutions(model)[0].weight


def convolutions(model: nn.Module) -> list[nn.Conv2d]:
    """In the order in which they are defined. Raises UserError where there is none."""
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if not layers:
        raise UserError("this model has no convolution; --what saliency and --what mistakes work without one")
    return layers


def outputs_of(model: nn.Module, layers: list[nn.Conv2d], images: Tensor) -> list[Tensor]:
    """The output of each of the layers for uint8 images (B, H, W, C)."""
    outputs: dict[nn.Module, Tensor] = {}

    def keep(layer: nn.Module, _: object, output: Tensor) -> None:
        outputs[layer] = output.clone()  # a ReLU that follows may work in place

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        model(scaled(images.to(next(model.parameters()).device)))
    finally:
        for hook in hooks:
            hook.remove()
    return [outputs[layer] for layer in layers]
