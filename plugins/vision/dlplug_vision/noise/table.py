"""The noise table: the accuracy of three nets on noisy images, compared with a lecture's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, PositiveInt, UserError, checked_by, neutral_options
from dlplug.stop import stoppable
from dlplug_vision.noise.networks import ThreeNets
from dlplug_vision.noise.pixels import replaced_alike
from dlplug_vision.noise.recipes import LECTURE, NETS, NOISE, PERCENT


def check_nets(model: nn.Module, data: HeldOut, **options: Any) -> None:
    if not isinstance(model, ThreeNets):
        raise UserError(f"the noise table measures {', '.join(NETS)}: it needs --model three-nets")


@checked_by(check_nets)
@neutral_options("count")
def noise_table(model: nn.Module, data: HeldOut, *, count: PositiveInt = 4, seed: int) -> Mapping[str, Any]:
    """The accuracy of each net with 0 to 50 % of the pixels replaced by uniform draws from [0, 1], as numbers and as a
    table beside a lecture's. The noise is the same in every evaluation.

    count: number of images shown for each noise level, drawn from the split by the seed.
    """
    if not isinstance(model, ThreeNets):
        raise UserError(f"the noise table measures {', '.join(NETS)}: it needs --model three-nets")
    clean = scaled(data.images.cpu())
    drawn = torch.randperm(len(clean), generator=torch.Generator().manual_seed(seed))[:count]
    accuracy: dict[int, dict[str, float]] = {}
    examples: dict[int, Tensor] = {}
    for percent in PERCENT:
        noisy = replaced_alike(clean, percent / 100)
        accuracy[percent], examples[percent] = accuracies(model, noisy, data.y), noisy[drawn]
    numbers = {f"{name}_{percent}": accuracy[percent][name] for name in NETS for percent in PERCENT}
    return {**numbers, "table": table_picture(accuracy, examples), "protocol": NOISE}


def accuracies(model: nn.Module, x: Tensor, y: Tensor, batch_size: int = 500) -> dict[str, float]:
    """The accuracy of each net on x (N, C, H, W) with classes y (N,)."""
    device = next(model.parameters()).device
    correct = dict.fromkeys(NETS, 0)
    for images, labels in stoppable(zip(x.split(batch_size), y.split(batch_size), strict=True)):
        for name, logits in model(images.to(device)).items():
            correct[name] += int((logits.argmax(1).cpu() == labels).sum())
    return {name: number / len(y) for name, number in correct.items()}


def table_picture(accuracy: Mapping[int, Mapping[str, float]], examples: Mapping[int, Tensor]) -> Image:
    """A row for each noise level: noisy images (N, C, H, W), and each net's accuracy above the lecture's."""
    place = {name: 0.3 + 0.3 * column for column, name in enumerate(NETS)}
    columns = len(next(iter(examples.values())))
    figure = new_figure(5 + 0.7 * columns, 0.4 + 0.75 * len(examples))
    heights = [0.3] + [1] * len(examples)
    grid = figure.subplots(len(heights), 2, width_ratios=[0.7 * columns, 5], height_ratios=heights)
    for axes in grid.flat:
        axes.axis("off")
    grid[0, 1].text(0, 0, "noise", va="bottom", fontsize=9)
    for name in NETS:
        grid[0, 1].text(place[name], 0, name, ha="center", va="bottom", fontsize=9)
    for (left, right), (percent, x) in zip(grid[1:], examples.items(), strict=True):
        show(left, tiled(x.permute(0, 2, 3, 1), columns))
        right.text(0, 0.5, f"{percent} %", va="center", fontsize=9)
        for name in NETS:
            ours, lecture = f"{accuracy[percent][name]:.4f}", f"lecture {LECTURE[name][percent]:.4f}"
            right.text(place[name], 0.5, ours, ha="center", va="bottom", fontsize=10)
            right.text(place[name], 0.45, lecture, ha="center", va="top", fontsize=8, color="#777777")
    return to_image(figure, "each net's accuracy by the fraction of pixels replaced, above the lecture's")
