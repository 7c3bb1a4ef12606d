"""Autoencoders give back images of any size, are measured beside PCA, and beat it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_images.images import HeldOut, scaled
from dlplug_vision.autoencoders.between import interpolated
from dlplug_vision.autoencoders.networks import Autoencoder, ConvAutoencoder
from dlplug_vision.autoencoders.pca import fitted_pca, flattened, through_pca
from dlplug_vision.autoencoders.reconstruction import reconstructed_by, reconstruction, reconstructions
from dlplug_vision.inside.layers import first_weights
from dlplug_vision.noise.pixels import replaced
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import dlplug
from dlplug import Labelled, Spec, UserError, testing

SMALL = {"data.validation": 50, "data.batch_size": 25, "model.code": 5}


def images(count: int, seed: int = 0) -> torch.Tensor:
    """Blurred noise: neighbours are alike, so that some directions matter more than others."""
    generator = torch.Generator().manual_seed(seed)
    x = nn.functional.avg_pool2d(torch.rand(count, 1, 10, 10, generator=generator), 3, 1)
    return (255 * x).to(torch.uint8).permute(0, 2, 3, 1)


def held_out() -> HeldOut:
    return HeldOut(images(40, 1), torch.zeros(40).long(), ("a",), images(200))


def linear_autoencoder(train: torch.Tensor, code: int) -> nn.Sequential:
    """The best that is linear, by singular values: what PCA does, with none of its code."""
    flat = flattened(train)
    mean = flat.mean(0)
    directions = torch.linalg.svd(flat - mean, full_matrices=False).Vh[:code]
    encoder, decoder = nn.Linear(64, code), nn.Linear(code, 64)
    for layer, weight, bias in ((encoder, directions, -directions @ mean), (decoder, directions.T, mean)):
        layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
    model = nn.Sequential()
    model.add_module("encoder", nn.Sequential(nn.Flatten(), encoder))
    model.add_module("decoder", nn.Sequential(decoder, nn.Unflatten(1, (1, 8, 8))))
    return model.eval()


@given(st.sampled_from([1, 3]), st.integers(4, 19), st.integers(4, 19), st.integers(1, 2), st.integers(1, 9))
@settings(max_examples=15, deadline=None)
def test_images_of_any_size_pass_through_as_many_numbers_as_asked(channels, height, width, deep, code):
    spec = Spec((channels, height, width), 10, 0.3, 0.2)
    x = torch.rand(3, channels, height, width)
    for model in (
        Autoencoder(spec, hidden=7, depth=deep, code=code),
        ConvAutoencoder(spec, width=2, stages=deep, code=code),
    ):
        assert model.encoder(x).shape == (3, code)
        assert model(x).shape == x.shape
        made, numbers = reconstructed_by(model.eval(), x, 2)
        torch.testing.assert_close(made, model(x))
        assert numbers == code


def test_a_dense_autoencoder_is_affine_layers_there_and_back():
    model = Autoencoder(Spec((1, 28, 28), 10), hidden=100, depth=2, code=30)
    sizes = [tuple(m.weight.shape) for m in model.modules() if isinstance(m, nn.Linear)]
    assert sizes == [(100, 784), (100, 100), (30, 100), (100, 30), (100, 100), (784, 100)]
    assert not any(isinstance(m, nn.ReLU) for m in (model.encoder[-1], model.decoder[-1], model.decoder[-2]))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ConvAutoencoder(Spec((1, 7, 9), 10), stages=3), "at least 8x8, got 7x9; fewer --model.stages"),
        (lambda: Autoencoder(Spec((64,), 10)), "takes images"),
        (lambda: Autoencoder(Spec((1, 8, 8), 10), code=0), "--model.code must be at least 1"),
        (lambda: ConvAutoencoder(Spec((1, 8, 8), 10), width=0), "--model.width must be at least 1"),
        (lambda: reconstructions(nn.Linear(1, 1), held_out(), seed=0), "is not an autoencoder"),
        (lambda: fitted_pca(images(20), 21), "at most 20 principal components, got 21"),
        (lambda: list(reconstruction(nn.Identity(), noise=1.5).updates(batch())), "--loss.noise is the fraction"),
        (lambda: list(reconstruction(nn.Flatten()).updates(batch())), r"outputs images \(1, 8, 8\).*got \(64,\)"),
    ],
)
def test_bad_options_are_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()


def batch() -> Labelled:
    return Labelled(torch.rand(4, 1, 8, 8), torch.zeros(4).long())


def test_the_loss_is_the_mean_square_over_pixels_of_the_clean_image():
    clean = batch()
    model = Autoencoder(Spec((1, 8, 8), 10), hidden=6, code=3)
    for noise in (0.0, 0.4):
        torch.manual_seed(1)
        (update,) = testing.check_loss(reconstruction(model, noise=noise), clean)
        torch.manual_seed(1)
        made = model(replaced(clean.x, noise) if noise else clean.x)
        squares = [
            (made[n, 0, i, j] - clean.x[n, 0, i, j]).item() ** 2 for n in range(4) for i in range(8) for j in range(8)
        ]
        assert update.loss.item() == pytest.approx(np.mean(squares), rel=1e-5)


def test_pca_is_the_linear_autoencoder_of_least_error():
    data = held_out()
    with torch.no_grad():
        values = reconstructions(linear_autoencoder(data.train, 6), data, seed=0)
    assert values["against_pca"] == pytest.approx(1, abs=1e-4)
    assert values["mse"] == pytest.approx(float(values["pca_mse"]), rel=1e-4)
    assert "noisy_mse" not in values
    # on its own images, what is left is the variance of the directions that are left out
    x = scaled(data.train)
    left_out = np.linalg.eigvalsh(np.cov(flattened(data.train).double().numpy().T, bias=True))[:-6].sum() / 64
    error = ((through_pca(fitted_pca(data.train, 6), x) - x) ** 2).mean().item()
    assert error == pytest.approx(left_out, rel=1e-4)


def test_a_denoiser_is_measured_against_the_clean_images_beside_leaving_the_noise():
    data = held_out()
    nothing = nn.Sequential()  # flattens, puts back, and has a weight for the device's sake
    nothing.add_module("encoder", nn.Flatten())
    nothing.add_module("decoder", nn.Unflatten(1, (1, 8, 8)))
    nothing.add_module("unused", nn.Linear(1, 1))
    values = reconstructions(nothing, data, noise=0.5, seed=0)
    assert values["mse"] == values["noisy_mse"]
    # a pixel x that is replaced is off by (u - x)², in the mean 1/12 + (x - 1/2)²
    expected = 0.5 * (1 / 12 + ((scaled(data.images) - 0.5) ** 2).mean().item())
    assert values["noisy_mse"] == pytest.approx(expected, rel=0.1)
    assert values["pca_mse"] == pytest.approx(float(values["mse"]), rel=1e-3)  # 64 components of 64 pixels leave it too


def test_the_picture_depends_on_the_seed_and_the_numbers_do_not():
    data, model = held_out(), linear_autoencoder(images(200), 3)
    with torch.no_grad():
        one, other = (reconstructions(model, data, noise=0.3, count=4, seed=seed) for seed in (0, 1))
    assert one["mse"] == other["mse"]
    assert one["reconstructions"].pixels.shape == other["reconstructions"].pixels.shape
    assert (one["reconstructions"].pixels != other["reconstructions"].pixels).any()


def test_an_affine_first_layer_has_filters_of_the_images_size():
    model = Autoencoder(Spec((3, 4, 5), 10), hidden=7)
    weight = first_weights(model, torch.zeros(1, 4, 5, 3, dtype=torch.uint8))
    assert weight.shape == (7, 3, 4, 5)
    x = torch.rand(1, 3, 4, 5)
    affine = next(m for m in model.modules() if isinstance(m, nn.Linear))
    torch.testing.assert_close((weight * x).sum((1, 2, 3)) + affine.bias, affine(x.flatten(1))[0])


@pytest.mark.parametrize(
    ("recipe", "options"), [("mnist-autoencoder", {"model.width": 4}), ("mnist-denoise", {"model": "autoencoder"})]
)
def test_recipes_learn_and_resume(recipe: str, options: dict, tiny_mnist: Path):
    testing.check_recipe(recipe, SMALL | options)


def test_codes_between_two_are_on_the_line_from_one_to_the_other():
    ends = torch.randn(2, 2, 3)
    way = interpolated(ends, 5)
    for pair in range(2):
        for step in range(5):
            expected = ends[pair, 0] + step / 4 * (ends[pair, 1] - ends[pair, 0])
            torch.testing.assert_close(way[pair, step], expected)


@pytest.mark.parametrize("what", ["reconstructions", "between", "filters"])
def test_there_is_something_to_see(what: str, tiny_mnist: Path):
    testing.check_sampler("mnist-denoise", what, SMALL | {"model": "autoencoder"})


def test_few_numbers_of_scikit_learns_digits_say_more_than_pcas(tmp_path: Path):
    overlay = {**testing.QUIET, "data": "digits", "model.code": 8, "data.batch_size": 64, "images": 20_000}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("mnist-autoencoder", overlay, out=str(tmp_path / "run"))
    assert run.latest["val/against_pca"] < 0.8
    values = dlplug.evaluate(str(run.folder))
    assert values["test/against_pca"] == pytest.approx(values["test/mse"] / values["test/pca_mse"], rel=1e-6)
    assert values["test/against_pca"] < 1


def test_more_latents_than_principal_components_are_measured_beside_all_of_them():
    data = held_out()
    with torch.no_grad():
        values = reconstructions(linear_autoencoder(data.train, 64), data._replace(train=images(30)), seed=0)
    assert values["pca_mse"] > 1e-6
    assert values["against_pca"] < 1e-3
