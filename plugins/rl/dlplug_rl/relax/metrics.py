"""What the gradient race came to: expected losses, and each estimator's bias and variance, measured and by theory."""

from __future__ import annotations

import math
from typing import Any

import torch
from dlplug_figures.figure import COLOURS, new_figure, to_image

from dlplug import PositiveInt, Run, neutral_options
from dlplug.media import Image
from dlplug.runs.metrics_file import Series, read_metrics
from dlplug_rl.relax.race import BIASED, ESTIMATORS, Race, UniformNoise
from dlplug_rl.relax.theory import Moments, measured, theoretical, true_gradient


@neutral_options("figure")
def gradients(
    product: Race,
    data: UniformNoise,
    *,
    theta: float = -1.0,
    samples: PositiveInt = 100_000,
    figure: bool = True,
    seed: int = 0,
    run: Run,
) -> dict[str, Any]:
    """Bias and variance of each estimator at one θ, with the control variates as they were learnt.

    theta: θ, the logit at which they are measured
    samples: number of estimates that are measured
    figure: draw the race, and the moments beside theory

    Returns for each estimator NAME_bias and NAME_variance (measured), NAME_probability (of b = 1, where 0 is best) and
    NAME_loss (expected); `deviation`: the largest distance of an unbiased estimator's mean from the true gradient, in
    standard errors; `variance_ratio`: the variance of RELAX over that of REINFORCE; and the figure.
    """
    generator = torch.Generator().manual_seed(seed + 1)
    found = {name: measured(product, name, theta, samples, generator) for name in ESTIMATORS}
    expected = {name: theoretical(product, name, theta) for name in ESTIMATORS}
    values: dict[str, Any] = {}
    for name, (bias, variance) in found.items():
        p = float(product.model.theta(name).detach().sigmoid())
        one, zero = product.f(torch.tensor([1.0, 0.0])).tolist()
        values |= {f"{name}_bias": bias, f"{name}_variance": variance}
        values |= {f"{name}_probability": p, f"{name}_loss": p * one + (1 - p) * zero}
    unbiased = [name for name in ESTIMATORS if name not in BIASED]
    values["deviation"] = max(abs(found[name].bias) / math.sqrt(found[name].variance / samples) for name in unbiased)
    values["variance_ratio"] = found["relax"].variance / found["reinforce"].variance
    return values | ({"race": drawn(product, theta, found, expected, probabilities(run))} if figure else {})


def probabilities(run: Run) -> dict[str, Series]:
    """The probability of b = 1 over the steps, of each estimator, as it was logged."""
    logged = read_metrics(run.folder).series
    names = {name: f"train/logits_{name}_probability" for name in ESTIMATORS}
    return {name: logged[key] for name, key in names.items() if key in logged}


def drawn(
    race: Race, theta: float, found: dict[str, Moments], expected: dict[str, Moments], paths: dict[str, Series]
) -> Image:
    figure = new_figure(11, 3.6)
    path, bias, variance = figure.subplots(1, 3)
    for name, series in paths.items():
        path.plot(series.step, series.value, color=COLOURS[ESTIMATORS.index(name)], label=name.replace("_", "-"))
    path.set(xlabel="steps", ylabel="probability of b = 1", title="where each estimator leads")
    if paths:
        path.legend(fontsize=7)
    places = range(len(ESTIMATORS))
    for axes, field in (
        (bias, "bias"),
        (variance, "variance"),
    ):
        axes.bar(places, [getattr(found[name], field) for name in ESTIMATORS], color=COLOURS[: len(ESTIMATORS)])
        axes.plot(places, [getattr(expected[name], field) for name in ESTIMATORS], "k_", markersize=18, label="theory")
        axes.set_xticks(places, [name.replace("_", "-\n") for name in ESTIMATORS], fontsize=7)
        axes.set(title=f"{field} at θ = {theta:g}")
        axes.legend(fontsize=7)
    bias.axhline(true_gradient(race, theta), color="grey", linewidth=0.8, linestyle=":")
    variance.set_yscale("log")
    caption = "bars: measured; dashes: theory; dotted: the size of the true gradient"
    return to_image(figure, caption)
