"""Saliency: the pixels on which the score of the predicted class depends."""

from __future__ import annotations

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, PositiveInt

NOISE = 0.15  # standard deviation, of pixels in [0, 1]: within the 10 to 20 % that Smilkov et al. 2017 advise


def saliency(
    model: nn.Module, data: HeldOut, *, count: PositiveInt = 8, copies: PositiveInt = 16, seed: int
) -> dict[str, Image]:
    """Saliency maps: the gradient of the predicted class's score with respect to each pixel.

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
        # clipped at the 99th percentile, as a few outliers would leave the rest dark
        slope = slopes[place].cpu()
        below[place].imshow(slope, cmap="inferno", vmin=0, vmax=float(slope.quantile(0.99).clamp(min=1e-12)))
        below[place].axis("off")
    figure.suptitle("saliency |∂s/∂x| of the predicted class's score s", fontsize=10)
    return {
        "saliency": to_image(
            figure, "images, and the gradient of the predicted class's score with respect to each pixel"
        )
    }


def saliency_of(model: nn.Module, x: Tensor, copies: int = 1) -> tuple[Tensor, Tensor]:
    """max over channels of |∂s_c/∂x| (B, H, W), and the predicted class c (B,) of x (B, C, H, W):
    Simonyan et al. 2014, arXiv:1312.6034, section 3.1. With several copies, the gradient is averaged over noisy
    copies (SmoothGrad, Smilkov et al. 2017, arXiv:1706.03825)."""
    predicted = model(x).argmax(1)
    total = torch.zeros_like(x)
    for _ in range(copies):
        noisy = x + NOISE * torch.randn_like(x) if copies > 1 else x.clone()
        with torch.enable_grad():
            noisy.requires_grad_()
            # in eval mode images do not interact: the sum's gradient is that of each image
            score = model(noisy).gather(1, predicted[:, None]).sum()
        total += torch.autograd.grad(score, noisy)[0]
    return (total / copies).abs().amax(1), predicted
