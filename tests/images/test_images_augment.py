"""Augmentation against the same thing done to one image at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dlplug_images.augment import cutout, flip, normalise, padded_crop
from dlplug_images.images import Augmentation, Examples, Images, hold_out, scaled, statistics
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dlplug import UserError, testing
from dlplug.sampling import own_share

SHAPES = st.tuples(st.integers(1, 5), st.sampled_from([1, 3]), st.integers(2, 7), st.integers(2, 7))
SEEDS = st.integers(0, 10_000)


def batch(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.1  # never the 0 of the padding


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(SHAPES, SEEDS)
@settings(max_examples=50, deadline=None)
def test_a_flip_is_the_image_or_its_mirror(shape, seed):
    x = batch(shape, seed)
    flipped = flip(x, seeded(seed))
    mirrored = torch.rand(len(x), 1, 1, 1, generator=seeded(seed)).flatten() < 0.5
    for before, after, mirror in zip(x, flipped, mirrored, strict=True):
        expected = torch.stack([before[:, :, -1 - i] for i in range(shape[3])], 2) if mirror else before
        assert torch.equal(after, expected)


def test_half_of_many_images_are_flipped():
    x = torch.arange(2.0).view(1, 1, 1, 2).expand(4000, 1, 1, 2)
    share = flip(x, seeded(1))[:, 0, 0, 0].mean().item()
    assert abs(share - 0.5) < 0.03


@given(SHAPES, st.integers(0, 3), SEEDS)
@settings(max_examples=50, deadline=None)
def test_a_padded_crop_is_a_window_of_the_padded_image(shape, padding, seed):
    x = batch(shape, seed)
    cropped = padded_crop(x, padding, seeded(seed))
    tops, lefts = torch.randint(2 * padding + 1, (2, len(x)), generator=seeded(seed)).tolist()
    for n, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        expected = torch.zeros(shape[1:])
        for i in range(shape[2]):
            for j in range(shape[3]):
                row, column = i + top - padding, j + left - padding
                if 0 <= row < shape[2] and 0 <= column < shape[3]:
                    expected[:, i, j] = x[n, :, row, column]
        assert torch.equal(cropped[n], expected)


def test_every_shift_comes_up():
    x = torch.zeros(3000, 1, 5, 5)
    x[:, :, 2, 2] = 1
    places = {tuple(image[0].nonzero()[0].tolist()) for image in padded_crop(x, 2, seeded(0))}
    assert places == {(i, j) for i in range(5) for j in range(5)}


@given(SHAPES, st.integers(1, 7), SEEDS)
@settings(max_examples=50, deadline=None)
def test_cutout_hides_one_square_about_a_pixel(shape, size, seed):
    x = batch(shape, seed)
    fill = torch.full((shape[1], 1, 1), -1.0)
    hidden = cutout(x, size, fill, seeded(seed))
    generator = seeded(seed)
    rows = torch.randint(shape[2], (len(x), 1), generator=generator).flatten().tolist()
    columns = torch.randint(shape[3], (len(x), 1), generator=generator).flatten().tolist()
    for n, (row, column) in enumerate(zip(rows, columns, strict=True)):
        for i in range(shape[2]):
            for j in range(shape[3]):
                under = 0 <= i - (row - size // 2) < size and 0 <= j - (column - size // 2) < size
                expected = torch.full((shape[1],), -1.0) if under else x[n, :, i, j]
                assert torch.equal(hidden[n, :, i, j], expected)
        assert bool((hidden[n] == -1).any())


def test_normalised_images_have_mean_0_and_deviation_1():
    images = torch.randint(0, 256, (50, 6, 5, 3), dtype=torch.uint8, generator=seeded(3))
    mean, deviation = statistics(images)
    pixels = images.numpy().astype(np.float64) / 255
    assert np.allclose(mean, pixels.mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(deviation, pixels.std((0, 1, 2)), atol=1e-6)
    x = normalise(scaled(images), *(torch.tensor(value)[:, None, None] for value in (mean, deviation)))
    assert torch.allclose(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(x.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_one_grey_level_has_no_deviation_to_divide_by():
    mean, deviation = statistics(torch.full((4, 2, 2, 1), 51, dtype=torch.uint8))
    assert mean == pytest.approx((0.2,))
    assert deviation[0] > 0


def toy(seed: int = 0, **options) -> Images:
    images = torch.randint(0, 256, (60, 8, 8, 3), dtype=torch.uint8, generator=seeded(5))
    y = torch.arange(60) % 4
    parts = {name: Examples(images, y) for name in ("train", "val", "test")}
    augmentation = Augmentation(**{"batch_size": 16, "flip": True, "crop": 2, "cutout": 3, **options})
    return Images(parts, tuple("abcd"), augmentation, seed=seed)


def test_augmented_batches_resume_bit_for_bit():
    testing.check_data(toy(), nn.Linear(1, 1), count=5)


def test_batches_are_what_was_chosen_augmented_with_the_batchs_own_seed():
    data = toy(seed=4)
    stream = data.batches(nn.Linear(1, 1))
    order, count = toy(seed=4).order, 0
    fill = torch.tensor(data.spec.mean)[:, None, None]
    for _ in range(5):
        got = next(stream)
        index, generator = order.next(), seeded(own_share(order.batch_size, 4, count)[1])
        x = torch.stack([data.parts["train"].images[i].permute(2, 0, 1) / 255 for i in index.tolist()])
        x = cutout(flip(padded_crop(x, 2, generator), generator), 3, fill, generator)
        count += 16
        assert torch.equal(got.x, x)
        assert got.x.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(got.y, data.parts["train"].y[index])
        assert data.count == count


def test_without_augmentation_images_come_as_they_are_and_held_out_ones_always():
    data = toy(flip=False, crop=0, cutout=0)
    known = {tuple(image.flatten().tolist()) for image in data.parts["train"].images}
    got = next(data.batches(nn.Linear(1, 1)))
    assert all(tuple((image.permute(1, 2, 0) * 255).round().byte().flatten().tolist()) in known for image in got.x)
    assert torch.equal(toy().split("test").images, data.parts["test"].images)


def test_what_is_held_apart_is_apart_and_the_same_for_every_seed():
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1)
    train, val = hold_out(Examples(images, torch.arange(100)), 30)
    assert len(train.y) == 70
    assert len(val.y) == 30
    assert {*train.y.tolist()} | {*val.y.tolist()} == {*range(100)}
    assert torch.equal(train.images.flatten().long(), train.y)
    # a set that is sorted by class is not cut along them
    assert val.y.min() < 30
    assert val.y.max() > 70
    assert torch.equal(hold_out(Examples(images, torch.arange(100)), 30)[1].y, val.y)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch_size": 61}, "between 1 and the 60 images, got 61"),
        ({"crop": 9}, "--data.crop must be between 0"),
        ({"cutout": -1}, "--data.cutout must be between 0"),
    ],
)
def test_bad_options_are_one_clear_line(options, said):
    with pytest.raises(UserError, match=said):
        toy(**options)


@pytest.mark.parametrize("count", [0, 100])
def test_a_validation_set_of_nothing_or_everything_is_refused(count):
    images = torch.zeros(100, 1, 1, 1, dtype=torch.uint8)
    with pytest.raises(UserError, match="between 1 and 99"):
        hold_out(Examples(images, torch.arange(100)), count)
