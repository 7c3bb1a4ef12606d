"""Reconstruction by autoencoders: the loss, the metric, and figures that compare it with PCA."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Fraction, Image, Labelled, PositiveInt, UserError, checked_by, minimise, neutral_options
from dlplug.stop import stoppable
from dlplug_vision.autoencoders.networks import halves
from dlplug_vision.autoencoders.pca import fitted_pca, most_components, through_pca
from dlplug_vision.noise.pixels import check_probability, replaced, replaced_alike


@minimise
def reconstruction(model: nn.Module, batch: Labelled, *, noise: Fraction = 0.0) -> Tensor:
    """Mean squared reconstruction error per pixel in [0, 1]; with noise, of a denoising autoencoder.

    noise: fraction of the input's pixels replaced by uniform draws from [0, 1]; the target is the clean image
        (Vincent et al. 2008, doi:10.1145/1390156.1390294).
    """
    check_probability("--loss.noise", noise)
    inputs = replaced(batch.x, noise) if noise else batch.x
    output = model(inputs)
    if output.shape != batch.x.shape:
        raise UserError(
            f"the loss reconstruction needs a model that outputs images {tuple(batch.x.shape[1:])}, such as "
            f"autoencoder or conv-autoencoder; got {tuple(output.shape[1:])}"
        )
    # L = |x - g(f(x̃))|² / pixels
    return F.mse_loss(output, batch.x)


def check_autoencoder(model: nn.Module, data: HeldOut, **options: Any) -> None:
    halves(model)


@checked_by(check_autoencoder)
@neutral_options("count")
def reconstructions(
    model: nn.Module, data: HeldOut, *, noise: Fraction = 0.0, count: PositiveInt = 10, seed: int
) -> Mapping[str, Any]:
    """The squared error of an autoencoder and of PCA with as many components, and reconstructions by both.

    PCA is scikit-learn's, fitted to the training images; errors are means over pixels in [0, 1] and over the whole
    split. With noise, both get the same noisy images and are compared with the clean ones.

    noise: fraction of pixels replaced by uniform draws from [0, 1].
    count: number of images to show, drawn from the split by the seed.
    """
    check_probability("noise", noise)
    clean = scaled(data.images.cpu())
    inputs = replaced_alike(clean, noise) if noise else clean
    output, code = reconstructed_by(model, inputs)
    components = min(code, most_components(data.train))
    linear = through_pca(fitted_pca(data.train, components), inputs)
    values: dict[str, Any] = {"mse": F.mse_loss(output, clean), "pca_mse": F.mse_loss(linear, clean)}
    values["against_pca"] = values["mse"] / values["pca_mse"] if values["pca_mse"] else math.inf
    rows = {f"PCA, {components} components": linear, f"autoencoder, {code} latents": output}
    if noise:
        values["noisy_mse"] = F.mse_loss(inputs, clean)
        rows = {"noisy": inputs, **rows}
    drawn = torch.randperm(len(clean), generator=torch.Generator().manual_seed(seed))[:count]
    picture = side_by_side(clean[drawn], {name: x[drawn] for name, x in rows.items()})
    return {**values, "reconstructions": picture}


def reconstructed_by(model: nn.Module, x: Tensor, batch_size: int = 500) -> tuple[Tensor, int]:
    """Reconstructions of x (N, C, H, W), on the CPU, and the dimensions of the model's code."""
    device = next(model.parameters()).device
    encoder, decoder = halves(model)
    codes = [encoder(part.to(device)) for part in stoppable(x.split(batch_size))]
    return torch.cat([decoder(code).float().cpu() for code in codes]), codes[0].shape[1]


def side_by_side(clean: Tensor, rows: Mapping[str, Tensor]) -> Image:
    """The images (N, C, H, W) above a row for each name, of reconstructions."""
    figure = new_figure(0.7 * len(clean) + 0.2, 1.0 + len(rows))
    above, *below = figure.subplots(1 + len(rows), 1)
    show(above, sheet(clean))
    above.set_title("image", fontsize=8, loc="left")
    for axes, (name, x) in zip(below, rows.items(), strict=True):
        show(axes, sheet(x))
        axes.set_title(f"{name}: mean squared error {F.mse_loss(x, clean):.4f}", fontsize=8, loc="left")
    return to_image(figure, f"images, {', '.join(rows)}; the errors are of the images shown")


def sheet(x: Tensor) -> Tensor:
    """(N, C, H, W) as one image, in a row."""
    return tiled(x.clamp(0, 1).permute(0, 2, 3, 1), len(x))
