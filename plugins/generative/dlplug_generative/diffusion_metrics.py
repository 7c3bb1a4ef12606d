"""How many bits a diffusion needs for a pixel, at most; and how pictures come out of noise, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import torch
from dlplug_figures.figure import new_figure, to_image
from torch import Tensor

from dlplug import Image, NonNegativeInt, PositiveInt, Range, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_generative.diffusion_bound import (
    bits_per_dimension,
    decoder_deviation,
    denoising_term,
    discretised_log_likelihood,
    prior_term,
)
from dlplug_generative.diffusion_product import Denoising
from dlplug_generative.diffusion_samplers import Moment, noise_like
from dlplug_generative.diffusion_targets import noised
from dlplug_generative.generating import device_of, examples_of
from dlplug_generative.pictures import grid

SHOWN_POINTS = 2000


def check_bound(product: Any, data: Any, *, bound_images: int, bound_terms: int, seed: int) -> None:
    if not isinstance(product, Denoising):
        raise UserError(f"it measures what the loss diffusion trains, not a {type(product).__name__}")
    if examples_of(data).x.ndim != 4:
        raise UserError("it is of pictures, whose pixels have 256 levels; points of a plane have none")
    if bound_images > len(data.y):
        raise UserError(
            f"--metrics.diffusion-bound.bound-images is at most {len(data.y)}, as many as are held out, got"
            f" {bound_images}"
        )


@checked_by(check_bound)
def diffusion_bound(
    product: Any, data: Any, *, bound_images: PositiveInt = 256, bound_terms: PositiveInt = 100, seed: int
) -> Mapping[str, Any]:
    """The variational bound of pictures' -log₂ p(x), in bits per dimension (Ho et al. 2020, equation 5 and table 2).

    It is the sum of the rate (L_T and every L_{t-1}: the information about a picture in z_1) and the distortion (L_0:
    the information left in the 256 levels of each pixel). With labels it bounds p(x | label), under the guidance of
    generation. The metric's name holds the number of images and of terms.

    bound_images: number of images, from the start of the split.
    bound_terms: number of terms L_{t-1}, one drawn from each of as many equal parts of the schedule; at least T takes
        all of them.
    """
    if not isinstance(product, Denoising):
        raise UserError(f"diffusion-bound measures what the loss diffusion trains, not a {type(product).__name__}")
    for option, value in (("bound-images", bound_images), ("bound-terms", bound_terms)):
        if value < 1:
            raise UserError(f"--{option} must be at least 1, got {value}")
    pictures = examples_of(data)
    if pictures.x.ndim != 4:
        raise UserError("diffusion-bound is of pictures, whose pixels have 256 levels; points of a plane have none")
    device = device_of(product)
    x = product.denoiser.range.inward(pictures.x[:bound_images].to(device))
    label = pictures.y[:bound_images].to(device)
    draw = torch.Generator(device).manual_seed(seed)
    times = chosen_times(product.schedule.steps, bound_terms, seed)
    rate, distortion = bound_parts(product, x, label, times, draw)
    of = f"{len(x)}images_{len(times)}terms"
    return {
        f"bpd_bound_{of}": rate + distortion,
        f"bpd_rate_{of}": rate,
        f"bpd_distortion_{of}": distortion,
        "protocol": f"bound of {len(x)} images, {len(times)} of the {product.schedule.steps - 1} terms L_1 … L_(T-1)",
    }


def chosen_times(timesteps: int, terms: int, seed: int) -> list[int]:
    """Of the times 2 … T one from each of `terms` equal parts, so that every time is as likely; all where that many."""
    inner = timesteps - 1
    if terms >= inner:
        return list(range(2, timesteps + 1))
    places = torch.rand(terms, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return [2 + int((part + place) * inner / terms) for part, place in enumerate(places.tolist())]


def bound_parts(
    product: Denoising, x: Tensor, label: Tensor, times: list[int], draw: torch.Generator
) -> tuple[float, float]:
    """Rate and distortion in bits per dimension, of x (B, C, H, W) in [-1, 1] with labels (B,). The rate is estimated
    without bias from the terms of some times."""
    schedule = product.schedule

    def guess(t: int) -> Tensor:
        z = noised(x, noise_like(x, draw), float(schedule.alpha[t]), float(schedule.sigma[t]))
        return product.clean(z, t, label)

    terms = [bits_per_dimension(denoising_term(x, guess(t), t, schedule, product.variance)) for t in stoppable(times)]
    rate = bits_per_dimension(prior_term(x, schedule)) + (schedule.steps - 1) * torch.stack(terms).mean()
    deviation = decoder_deviation(schedule, product.variance)
    # p(x | z_1) = N(x̂(z_1), σ_1²): at the last step the posterior's mean is x̂
    return rate.item(), bits_per_dimension(-discretised_log_likelihood(x.cpu(), guess(1).cpu(), deviation)).item()


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
    """How noise becomes pictures, from left to right: z_t above, the model's estimate of the clean picture below.

    count: number of pictures; for points of a plane always 2,000.
    label: class to generate, for a conditional model.
    steps: sampling steps.
    moments: number of timesteps shown, including the first and the last.
    """
    if not isinstance(product, Denoising):
        raise UserError(f"denoising shows what the loss diffusion trains, not a {type(product).__name__}")
    if moments < 2:
        raise UserError(f"--moments must be at least 2, got {moments}")
    points = len(product.denoiser.shape) == 1
    walked = product.trajectory(SHOWN_POINTS if points else count, seed=seed, label=label, steps=steps)
    total = (product.steps if steps is None else steps) + 1
    shown = list(evenly(walked, total, min(moments, total)))
    times = ", ".join(str(moment.t) for moment in shown)
    caption = f"t = {times} of {product.schedule.steps}: z_t above, the estimate x̂ below"
    if points:
        return {"denoising": scatters(product, shown, examples_of(data).x, caption)}
    rows = [torch.stack([getattr(moment, what) for moment in shown], 1) for what in ("z", "clean")]
    together = product.denoiser.natural(torch.cat(rows).flatten(0, 1))
    return {"denoising": Image(grid(together, len(shown)), caption)}


def evenly(walked: Iterator[Moment], total: int, count: int) -> Iterator[Moment]:
    """`count` of `total` moments, the first and the last among them; the others are not kept."""
    wanted = {round(i * (total - 1) / (count - 1)) for i in range(count)}
    return (moment for place, moment in enumerate(walked) if place in wanted)


def scatters(product: Denoising, shown: list[Moment], data: Tensor, caption: str) -> Image:
    """Points of a plane at each moment, over the data's; noise that is outside of the picture is not seen."""
    figure = new_figure(1.7 * len(shown), 3.9)
    rows = figure.subplots(2, len(shown), squeeze=False, sharex=True, sharey=True)
    low, high = data.amin(0), data.amax(0)
    centre, reach = (low + high) / 2, 0.75 * float((high - low).max())
    for moment, column in zip(shown, rows.T, strict=True):
        for axes, points in zip(column, (moment.z, moment.clean), strict=True):
            axes.scatter(*data[:SHOWN_POINTS].T.numpy(), s=2, linewidths=0, color="#9aa7b5")
            axes.scatter(*product.denoiser.natural(points).cpu().T.numpy(), s=2, linewidths=0, color="#b2182b")
            axes.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach))
            axes.set(aspect="equal", xticks=[], yticks=[])
        column[0].set_title(f"t = {moment.t}", fontsize=8)
    rows[0, 0].set_ylabel("z_t", fontsize=8)
    rows[1, 0].set_ylabel("x̂", fontsize=8)
    return to_image(figure, caption)
