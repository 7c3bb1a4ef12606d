"""Figures of the reverse process: images, or points, at several timesteps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import torch
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor

from dlplug import Image, NonNegativeInt, PositiveInt, Range, UserError
from dlplug_generative.diffusion.product import Denoising
from dlplug_generative.diffusion.samplers import Moment
from dlplug_generative.generating import examples_of
from dlplug_generative.samples.drawing import grid

SHOWN_POINTS = 2000


def denoising(
    product: Any,
    data: Any,
    *,
    count: PositiveInt = 6,
    label: NonNegativeInt | None = None,
    steps: PositiveInt | None = None,
    moments: Annotated[int, Range(ge=2)] = 10,
    seed: int,
) -> dict[str, Image]:
    """The reverse process from left to right: z_t above, the model's estimate of the clean image below.

    count: number of images; for points in the plane always 2,000.
    label: class to generate, for a conditional model.
    steps: sampling steps.
    moments: number of timesteps shown, including the first and the last.
    """
    if not isinstance(product, Denoising):
        raise UserError(f"denoising needs a model trained by the loss diffusion, not a {type(product).__name__}")
    if moments < 2:
        raise UserError(f"--moments must be at least 2, got {moments}")
    points = len(product.denoiser.shape) == 1
    walked = product.trajectory(SHOWN_POINTS if points else count, seed=seed, label=label, steps=steps)
    total = (product.steps if steps is None else steps) + 1
    chosen = list(evenly(walked, total, min(moments, total)))
    times = ", ".join(str(moment.t) for moment in chosen)
    caption = f"t = {times} of {product.schedule.steps}: z_t above, the estimate x̂ below"
    if points:
        return {"denoising": scatters(product, chosen, examples_of(data).x, caption)}
    rows = [torch.stack([getattr(moment, name) for moment in chosen], 1) for name in ("z", "clean")]
    together = product.denoiser.natural(torch.cat(rows).flatten(0, 1))
    return {"denoising": Image(grid(together, len(chosen)), caption)}


def evenly(walked: Iterator[Moment], total: int, count: int) -> Iterator[Moment]:
    """`count` of `total` moments, evenly spaced, including the first and the last."""
    places = {round(i * (total - 1) / (count - 1)) for i in range(count)}
    return (moment for place, moment in enumerate(walked) if place in places)


def scatters(product: Denoising, moments: list[Moment], data: Tensor, caption: str) -> Image:
    """Points in the plane at each timestep, over those of the data; the axes leave out noise far from the data."""
    figure = new_figure(1.7 * len(moments), 3.9)
    rows = figure.subplots(2, len(moments), squeeze=False, sharex=True, sharey=True)
    low, high = data.amin(0), data.amax(0)
    centre, reach = (low + high) / 2, 0.75 * float((high - low).max())
    for moment, column in zip(moments, rows.T, strict=True):
        for axes, points in zip(column, (moment.z, moment.clean), strict=True):
            axes.scatter(*data[:SHOWN_POINTS].T.numpy(), s=2, linewidths=0, color="#9aa7b5")
            axes.scatter(*product.denoiser.natural(points).cpu().T.numpy(), s=2, linewidths=0, color="#b2182b")
            axes.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach))
            axes.set(aspect="equal", xticks=[], yticks=[])
        column[0].set_title(f"t = {moment.t}", fontsize=8)
    rows[0, 0].set_ylabel("z_t", fontsize=8)
    rows[1, 0].set_ylabel("x̂", fontsize=8)
    return to_image(figure, caption)
