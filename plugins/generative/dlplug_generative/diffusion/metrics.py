"""The variational bound in bits per dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dlplug import PositiveInt, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_generative.diffusion.bound import (
    bits_per_dimension,
    decoder_deviation,
    denoising_term,
    discretised_log_likelihood,
    prior_term,
)
from dlplug_generative.diffusion.product import Denoising
from dlplug_generative.diffusion.samplers import noise_like
from dlplug_generative.diffusion.targets import noised
from dlplug_generative.generating import device_of, examples_of


def check_bound(product: Any, data: Any, *, bound_images: int, bound_terms: int, seed: int) -> None:
    if not isinstance(product, Denoising):
        raise UserError(f"it needs a model trained by the loss diffusion, not a {type(product).__name__}")
    if examples_of(data).x.ndim != 4:
        raise UserError("it is defined for images, whose pixels have 256 levels, not for points in the plane")
    if bound_images > len(data.y):
        raise UserError(
            f"--metrics.diffusion-bound.bound-images must be at most {len(data.y)}, the number of held-out images, got"
            f" {bound_images}"
        )


@checked_by(check_bound)
def diffusion_bound(
    product: Any, data: Any, *, bound_images: PositiveInt = 256, bound_terms: PositiveInt = 100, seed: int
) -> Mapping[str, Any]:
    """The variational bound on -log₂ p(x) of images, in bits per dimension (Ho et al. 2020, equation 5 and table 2).

    It is the sum of the rate (L_T and every L_{t-1}: the information about an image in z_1) and the distortion (L_0:
    the information left in the 256 levels of each pixel). A conditional model's bound is on -log₂ p(x | label), with
    --loss.guidance as in sampling. The metric's name contains the numbers of images and of terms.

    bound_images: number of images, from the start of the split.
    bound_terms: number of terms L_{t-1}, one drawn from each of as many equal parts of the schedule; at least T takes
        all of them.
    """
    if not isinstance(product, Denoising):
        raise UserError(f"diffusion-bound needs a model trained by the loss diffusion, not a {type(product).__name__}")
    for option, value in (("bound-images", bound_images), ("bound-terms", bound_terms)):
        if value < 1:
            raise UserError(f"--{option} must be at least 1, got {value}")
    pictures = examples_of(data)
    if pictures.x.ndim != 4:
        raise UserError("diffusion-bound is defined for images, whose pixels have 256 levels, not for points")
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
    """One timestep drawn from each of `terms` equal parts of 2 … T; all of them if `terms` is at least T - 1."""
    inner = timesteps - 1
    if terms >= inner:
        return list(range(2, timesteps + 1))
    places = torch.rand(terms, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return [2 + int((part + place) * inner / terms) for part, place in enumerate(places.tolist())]


def bound_parts(
    product: Denoising, x: Tensor, label: Tensor, times: list[int], draw: torch.Generator
) -> tuple[float, float]:
    """Rate and distortion in bits per dimension, of x (B, C, H, W) in [-1, 1] with labels (B,). The terms at some
    timesteps give an unbiased estimate of the rate."""
    schedule = product.schedule

    def guess(t: int) -> Tensor:
        z = noised(x, noise_like(x, draw), float(schedule.alpha[t]), float(schedule.sigma[t]))
        return product.clean(z, t, label)

    terms = [bits_per_dimension(denoising_term(x, guess(t), t, schedule, product.variance)) for t in stoppable(times)]
    rate = bits_per_dimension(prior_term(x, schedule)) + (schedule.steps - 1) * torch.stack(terms).mean()
    deviation = decoder_deviation(schedule, product.variance)
    # p(x | z_1) = N(x̂(z_1), σ_1²): at the last step the posterior's mean is x̂
    return rate.item(), bits_per_dimension(-discretised_log_likelihood(x.cpu(), guess(1).cpu(), deviation)).item()
