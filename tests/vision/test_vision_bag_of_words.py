"""A descriptor is derived again pixel by pixel, words and pyramids are counted one by one, and both classifiers learn
from the same images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dlplug_images.images import HeldOut, ImageSpec, scaled
from dlplug_vision.bag_of_words.curve import bag_of_words, overtaking
from dlplug_vision.bag_of_words.data import DescribedImages, features_of
from dlplug_vision.bag_of_words.dictionary import patches_of
from dlplug_vision.bag_of_words.model import BagOfWords, SubsetSpec
from dlplug_vision.bag_of_words.sift import dense_sift, grid
from dlplug_vision.bag_of_words.training import HingeAndCrossEntropy, squared_hinge
from dlplug_vision.bag_of_words.words import Bag, Vocabulary
from torch import nn

import dlplug
from dlplug import Spec, UserError, testing
from dlplug.testing.parts import quiet

SMALL = {
    "model.words": 20,
    "model.cells": (1,),
    "model.step": 2,
    "model.enlarge": 1,
    "model.width": 4,
    "data.smaller": (80, 200),
}


def images(count: int, seed: int = 0, shape: tuple[int, ...] = (9, 8, 1)) -> torch.Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def small_model(sizes: tuple[int, ...] = (6, 20)) -> BagOfWords:
    torch.manual_seed(0)
    spec = SubsetSpec((1, 9, 8), 3, train=images(20), sizes=sizes)
    return BagOfWords(spec, vocabulary=Vocabulary(5, (1, 2), 1), width=4, stages=1, seed=0)


def slow_sift(grey: np.ndarray, top: int, left: int, cell: int) -> list[float]:
    """One descriptor of an image (H, W), by a loop over its pixels."""
    height, width = grey.shape
    at = lambda i, j: grey[min(max(i, 0), height - 1), min(max(j, 0), width - 1)]  # noqa: E731
    raw = np.zeros((8, 4, 4))
    for i in range(4 * cell):
        for j in range(4 * cell):
            y, x = top + i, left + j
            across, down = at(y, x + 1) - at(y, x - 1), at(y + 1, x) - at(y - 1, x)
            turn = math.atan2(down, across) / (2 * math.pi) * 8 % 8
            lower, share = int(turn) % 8, turn % 1
            length = math.hypot(across, down) / cell**2
            raw[lower, i // cell, j // cell] += (1 - share) * length
            raw[(lower + 1) % 8, i // cell, j // cell] += share * length
    flat = raw.flatten()
    flat = np.minimum(flat / np.linalg.norm(flat), 0.2)
    flat /= np.linalg.norm(flat)
    return np.sqrt(flat / flat.sum()).tolist()


@pytest.mark.parametrize(("cell", "step"), [(1, 1), (2, 1), (2, 3)])
def test_a_descriptor_is_derived_again_pixel_by_pixel(cell: int, step: int):
    x = scaled(images(2, shape=(13, 11, 3))).double()
    found = dense_sift(x, (cell,), step)
    tops, lefts = (range(0, length - 4 * cell + 1, step) for length in x.shape[2:])
    assert found.shape == (2, len(tops) * len(lefts), 128)
    grey = x.mean(1).numpy()
    for image in range(2):
        expected = [slow_sift(grey[image], top, left, cell) for top in tops for left in lefts]
        np.testing.assert_allclose(found[image].numpy(), expected, atol=1e-6)
    assert [round(centre * 13, 6) for centre in grid(13, cell, step).tolist()] == [top + 2 * cell for top in tops]


def test_a_flat_patch_has_no_descriptor_and_brightness_changes_none():
    assert not dense_sift(torch.full((1, 1, 8, 8), 0.3), (2,), 1).any()
    x = scaled(images(1, shape=(8, 8, 1)))
    torch.testing.assert_close(dense_sift(x, (2,), 1), dense_sift(0.5 * x + 0.2, (2,), 1), atol=1e-4, rtol=1e-4)


def test_words_are_counted_one_by_one():
    model = small_model((20,))
    bag, x = model.bags[0], scaled(images(3, 1))
    assert isinstance(bag, Bag)
    descriptors = bag.describe(x)
    counts = np.zeros((3, 5, 5))
    for image in range(3):
        place = 0
        for cell in (1, 2):
            for top in range(9 - 4 * cell + 1):
                for left in range(8 - 4 * cell + 1):
                    near = [math.exp(-20 * (descriptors[image, place] - w).square().sum().item()) for w in bag.words]
                    region = 2 * (top + 2 * cell >= 4.5) + (left + 2 * cell >= 4)
                    for word in range(5):
                        counts[image, 0, word] += near[word] / sum(near)
                        counts[image, 1 + region, word] += near[word] / sum(near)
                    place += 1
        assert place == descriptors.shape[1]
    expected = np.sqrt(counts.reshape(3, -1) / counts.sum((1, 2))[:, None])
    np.testing.assert_allclose(bag.roots(x).numpy(), expected, atol=1e-6)
    # centred on the training images, all of which were sampled
    torch.testing.assert_close(bag(scaled(images(20))).mean(0), torch.zeros(25), atol=1e-6, rtol=0)
    torch.testing.assert_close(bag(x), bag.roots(x) - bag.mean)
    assert bag.state_dict().keys() == {"words", "mean"}
    assert not list(bag.parameters())


def test_each_patch_is_the_one_that_its_descriptor_describes():
    bag, x = small_model((20,)).bags[0], scaled(images(2, 1))
    assert isinstance(bag, Bag)
    patches, descriptors = patches_of(bag, x), bag.describe(x)
    assert len(patches) == descriptors.shape[:2].numel()
    last = patches.view(2, -1, 8, 8)[1, -1]  # the only descriptors of 8x8 pixels are the last two, one row apart
    torch.testing.assert_close(last, x[1, 0, 1:9, :8])


def test_the_hinge_is_that_of_one_class_against_the_rest():
    scores, y = torch.randn(2, 5, 3), torch.randint(3, (2, 5))
    expected = [
        np.mean([
            sum(max(0.0, 1 - (1 if c == y[s, n] else -1) * scores[s, n, c].item()) ** 2 for c in range(3))
            for n in range(5)
        ])
        for s in range(2)
    ]  # fmt: skip
    assert squared_hinge(scores, y).tolist() == pytest.approx(expected, rel=1e-5)


def described(tmp_path, **options) -> tuple[DescribedImages, BagOfWords]:
    """The data and the model of a tiny run."""
    overlay = {"metrics": [], "steps": 1, "log_every": 1, **SMALL, **options}
    run = dlplug.run("bovw-digits", quiet(testing.load_host(), "bovw-digits", overlay), out=str(tmp_path / "r"))
    job = run.make("trainer").load(run)
    assert isinstance(job.data, DescribedImages)
    assert isinstance(job.model, BagOfWords)
    return job.data, job.model


def test_each_pair_learns_from_its_own_subset_alone(tmp_path):
    data, model = described(tmp_path, **{"data.flip": True})
    train = data.images.parts["train"]
    assert (*[order.length for order in data.smaller], len(train.y)) == (80, 200, 1078) == model.sizes
    batch = next(data.batches(model))
    assert batch.x.shape == (3, 64, 1, 8, 8)
    assert batch.features.shape == (3, 64, 100)
    for place, size in enumerate(model.sizes):
        seen = scaled(train.images[:size])
        views = features_of(model.bags[place], train.images[:size], flip=True).float()
        for x, features, y in list(zip(*(field[place] for field in batch), strict=True))[:8]:
            match = [n for n in range(size) if torch.equal(seen[n], x) or torch.equal(seen[n].flip(2), x)]
            assert any(train.y[n] == y and any(torch.equal(view[n], features) for view in views) for n in match)
    testing.check_data(data, model, 1)
    updates = testing.check_loss(HingeAndCrossEntropy(model), batch)
    assert [update.part for update in updates] == ["svm", "cnn"]


def test_accuracies_are_counted_image_by_image():
    model, split = small_model().eval(), HeldOut(images(30, 1), torch.arange(30) % 3, ("a", "b", "c"))
    with torch.no_grad():
        values = bag_of_words(model, split)
        for place, name in ((0, "_6"), (1, "")):
            x = scaled(split.images)
            features = model.bags[place](x)
            svm = [model.svm[place](features[n]).argmax().item() == n % 3 for n in range(30)]
            cnn = [model.cnn[place](x[n : n + 1]).argmax().item() == n % 3 for n in range(30)]
            assert (values[f"accuracy{name}"], values[f"cnn_accuracy{name}"]) == (np.mean(svm), np.mean(cnn))
        torch.testing.assert_close(model(x), model.svm[1](model.bags[1](x)))
    assert values["curve"].pixels.std() > 10


@pytest.mark.parametrize(
    ("svm", "cnn", "said"),
    [
        ((0.5, 0.6, 0.7), (0.4, 0.7, 0.8), "overtakes between 10 and 100 images"),
        ((0.5, 0.6, 0.7), (0.6, 0.7, 0.8), "ahead from 10 images on"),
        ((0.5, 0.6, 0.7), (0.6, 0.5, 0.7), "not ahead with 1,000 images"),
    ],
)
def test_where_the_net_overtakes(svm, cnn, said):
    assert said in overtaking((10, 100, 1000), svm, cnn)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model.words": 100_000}, "more than the 720 descriptors"),
        ({"model.cells": (5,)}, "needs 20x20 pixels, and the images have 8x8"),
        ({"model.stages": 4}, "at least 16x16"),
        ({"data.set": "two-moons"}, "--data.set must name an image data set"),
        ({"data.smaller": (200, 100)}, "ascending"),
        ({"data.smaller": (2000,)}, "below the 1078 training images"),
        ({"data.smaller": (10,)}, "at most the smallest training set, 10"),
        ({"data": "digits"}, "described-images|choose another"),
        ({"model": "quick-net"}, "--model bag-of-words"),
    ],
)
def test_bad_input_is_one_clear_line(options, said, tmp_path):
    host = testing.load_host()
    small = {} if options.get("data") or options.get("model") else SMALL
    with pytest.raises(UserError, match=said):
        dlplug.run("bovw-digits", quiet(host, "bovw-digits", {**small, "steps": 1, **options}), out=str(tmp_path / "r"))


def test_other_models_and_data_are_refused():
    with pytest.raises(UserError, match="training images, which these data do not provide"):
        BagOfWords(Spec((1, 8, 8), 3), seed=0)
    with pytest.raises(UserError, match="--model bag-of-words"):
        bag_of_words(nn.Linear(2, 2), HeldOut(images(4), torch.zeros(4), ("a",)))
    spec = ImageSpec((1, 9, 8), 3, train=images(20))
    assert BagOfWords(spec, vocabulary=Vocabulary(5, (2,)), width=4, stages=1, seed=0).sizes == (20,)


def test_the_recipe_learns_and_resumes():
    testing.check_recipe("bovw-digits", SMALL)


def test_the_words_can_be_seen():
    testing.check_sampler("bovw-digits", "visual-words", {**SMALL, "data.smaller": ()}, {"count": 3, "images": 20})
