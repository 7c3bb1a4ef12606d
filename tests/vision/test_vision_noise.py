"""The noise is what it is said to be, compression is PCA, and the table is counted image by image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_images.images import HeldOut, ImageSpec, scaled
from dlplug_vision.autoencoders.pca import Compress, flattened
from dlplug_vision.noise.networks import NoisyCrossEntropy, ResidualBlock, ThreeNets
from dlplug_vision.noise.pixels import replaced, replaced_alike
from dlplug_vision.noise.recipes import LECTURE, NETS, NOISE_RECIPES, PERCENT
from dlplug_vision.noise.table import noise_table
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlplug import Labelled, Spec, UserError, testing

SMALL = {"data.validation": 50, "data.batch_size": 25, "model.hidden": 8, "model.width": 8, "model.blocks": 1}


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, 6, 5, 1), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def nets() -> ThreeNets:
    torch.manual_seed(0)
    return ThreeNets(ImageSpec((1, 6, 5), 3, train=images(100)), components=4, hidden=6, width=5, blocks=2)


@given(st.integers(1, 4), st.integers(1, 5), st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_a_pixel_keeps_its_value_or_loses_it(count, size, probability, seed):
    x = torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed + 1))
    noisy = replaced(x, probability, torch.Generator().manual_seed(seed))
    draws = torch.Generator().manual_seed(seed)
    coins, values = (torch.rand(x.shape, generator=draws).flatten().tolist() for _ in range(2))
    for pixel, clean, coin, value in zip(noisy.flatten().tolist(), x.flatten().tolist(), coins, values, strict=True):
        assert pixel == (value if coin < probability else clean)


def test_as_many_are_replaced_as_is_said_by_draws_that_are_uniform():
    x = torch.full((2, 1, 200, 200), 2.0)  # no draw can be mistaken for it
    share = torch.tensor([0.1, 0.5])[:, None, None, None]
    torch.manual_seed(0)
    noisy = replaced(x, share)
    for image, probability in zip(noisy, (0.1, 0.5), strict=True):
        drawn = image[image != 2]
        assert len(drawn) / image.numel() == pytest.approx(probability, abs=4 * (0.25 / 40_000) ** 0.5)
        assert np.histogram(drawn, 10, (0, 1))[0] / len(drawn) == pytest.approx(np.full(10, 0.1), abs=0.03)


def test_what_is_measured_on_is_the_same_noise_and_leaves_training_its_own():
    x = torch.rand(3, 1, 4, 4)
    before = torch.get_rng_state()
    one, other = replaced_alike(x, 0.5), replaced_alike(x, 0.5)
    assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(replaced(x, 0.5), replaced(x, 0.5))


def test_compressed_images_are_their_principal_components_with_variance_1():
    train = images(100)
    compress = Compress(train, 7)
    flat = flattened(train).double().numpy()
    z = compress(scaled(train)).double().numpy()
    # uncorrelated, and each of variance 1
    assert np.cov(z.T) == pytest.approx(np.eye(7), abs=1e-4)
    values, vectors = np.linalg.eigh(np.cov(flat.T))
    for component in range(7):
        expected = (flat - flat.mean(0)) @ vectors[:, -1 - component] / values[-1 - component] ** 0.5
        assert abs(z[:, component] @ expected) / 99 == pytest.approx(1, abs=1e-4)
    assert not list(compress.parameters())
    assert compress.state_dict().keys() == {"mean", "directions"}


def test_a_residual_that_says_nothing_leaves_the_identity():
    block, z = ResidualBlock(5).eval(), torch.randn(3, 5)
    torch.testing.assert_close(block(z), z + block.residual(z))
    nn.init.zeros_(block.residual[-1].weight)
    assert torch.equal(block(z), z)


def test_each_net_is_moved_by_its_own_cross_entropy_alone():
    batch = Labelled(torch.rand(8, 1, 6, 5), torch.arange(8) % 3)
    model = nets()
    torch.manual_seed(4)
    updates = testing.check_loss(NoisyCrossEntropy(model), batch)
    assert [update.part for update in updates] == list(NETS)
    torch.manual_seed(4)
    noisy = replaced(batch.x, 0.5 * torch.rand(8, 1, 1, 1))
    for update in NoisyCrossEntropy(model, noise=0.0).updates(batch):
        inside = {id(p) for p in model.get_submodule(update.part).parameters()}
        slopes = torch.autograd.grad(update.loss, list(model.parameters()), allow_unused=True, retain_graph=True)
        for parameter, slope in zip(model.parameters(), slopes, strict=True):
            assert (slope is not None) == (id(parameter) in inside)
    for update in updates:
        log_probability = model(noisy)[update.part].log_softmax(1)
        expected = -np.mean([log_probability[n, n % 3].item() for n in range(8)])
        assert update.loss.item() == pytest.approx(expected, rel=1e-4)


def test_the_table_is_counted_image_by_image():
    model, split = nets().eval(), HeldOut(images(40, 1), torch.arange(40) % 3, ("a", "b", "c"))
    with torch.no_grad():
        values = noise_table(model, split, count=3, seed=0)
        for percent in PERCENT:
            noisy = replaced_alike(scaled(split.images), percent / 100)
            for name in NETS:
                right = [model(noisy[n : n + 1])[name].argmax().item() == n % 3 for n in range(40)]
                assert values[f"{name}_{percent}"] == np.mean(right)
    assert values["table"].pixels.std() > 10
    assert "replaced" in values["protocol"]


def test_every_cell_of_the_lectures_table_is_a_target():
    targets = {target.metric: target.at_least for target in NOISE_RECIPES["noise-table"].targets}
    assert targets == {f"test/{name}_{percent}": LECTURE[name][percent] for name in NETS for percent in PERCENT}
    assert len(targets) == 18


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ThreeNets(Spec((1, 6, 5), 3)), "PCA to the training images"),
        (lambda: ThreeNets(ImageSpec((1, 6, 5), 3, train=images(100)), components=31), "at most 30 principal"),
        (lambda: ThreeNets(ImageSpec((1, 6, 5), 3, train=images(100)), blocks=0), "at least 1"),
        (lambda: NoisyCrossEntropy(nets(), noise=-0.1), "--loss.noise is the fraction"),
        (lambda: NoisyCrossEntropy(nn.Linear(2, 2)), "--model three-nets"),
        (lambda: noise_table(nn.Linear(2, 2), HeldOut(images(4), torch.zeros(4), ("a",)), seed=0), "three-nets"),
    ],
)
def test_bad_options_are_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()


def test_the_recipe_learns_and_resumes(tiny_mnist: Path):
    testing.check_recipe("noise-table", SMALL)


def test_the_table_can_be_seen(tiny_mnist: Path):
    testing.check_sampler("noise-table", "noise-table", SMALL)
