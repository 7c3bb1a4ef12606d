"""What a VAE makes: labels that are asked for, and pictures of its latents."""

from __future__ import annotations

import pytest
import torch
from dlplug_generative.vae.losses import EvidenceLowerBound
from dlplug_generative.vae.networks import ConvVAE, DenseVAE
from dlplug_generative.vae.samplers import interpolated, interpolation, manifold, plane, reconstructed
from small_batches import spec, split

from dlplug import Labelled


def test_what_is_made_hangs_on_weights_and_arguments_alone():
    model = DenseVAE(spec(), latents=3, hidden=8, conditional=True)
    made = model.generate(6, seed=2)
    torch.manual_seed(9)
    assert torch.equal(model.generate(6, seed=2), made)
    assert not torch.equal(model.generate(6, seed=3), made)
    assert not made.requires_grad
    assert not torch.equal(model.generate(6, seed=2, label=1), model.generate(6, seed=2, label=2))


def test_a_conditional_model_learns_what_its_label_means():
    """Class c is a picture whose left half is as bright as c says; z cannot tell, for it is switched off by β."""
    torch.manual_seed(0)
    model = DenseVAE(spec((1, 4, 4)), latents=2, hidden=16, conditional=True)
    loss = EvidenceLowerBound(model, beta=10.0, binarisation="dynamic")
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    y = torch.arange(4).repeat(16)
    x = torch.zeros(64, 1, 4, 4)
    x[..., :2] = (y / 3).view(-1, 1, 1, 1)
    for _ in range(150):
        for update in loss.updates(Labelled(x, y)):
            update.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    for label in range(4):
        made = model.generate(50, label=label)
        assert float(made[..., :2].mean()) == pytest.approx(label / 3, abs=0.1)
        assert float(made[..., 2:].mean()) < 0.05


@torch.no_grad()
def test_pictures_of_the_latents_have_their_size():
    model, held_out = ConvVAE(spec(), latents=2, hidden=8, conditional=True), split(40)

    def shape(*tiles: int) -> tuple[int, ...]:
        """Of rows and columns of 56 pixels with lines of one between, made even."""
        return *(57 * count - 1 + (57 * count - 1) % 2 for count in tiles), 3

    assert reconstructed(model, held_out, count=8, seed=0)["reconstructed"].pixels.shape == shape(2, 8)
    assert interpolation(model, held_out, count=3, between=4, seed=0)["interpolation"].pixels.shape == shape(3, 6)
    assert manifold(model, held_out, side=5, label=1)["manifold"].pixels.shape == shape(5, 5)


def test_the_way_between_two_latents_is_straight():
    ends = torch.tensor([[[0.0, 2.0], [3.0, -1.0]]])
    expected = torch.tensor([[[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [3.0, -1.0]]])
    torch.testing.assert_close(interpolated(ends, 4), expected, rtol=0, atol=1e-6)


def test_the_plane_is_evenly_likely_and_the_first_latent_runs_along_a_row():
    z = plane(4)
    shares = torch.special.ndtr(z)
    torch.testing.assert_close(shares[:4, 0], torch.tensor([0.125, 0.375, 0.625, 0.875]))
    torch.testing.assert_close(shares[::4, 1], torch.tensor([0.875, 0.625, 0.375, 0.125]))
