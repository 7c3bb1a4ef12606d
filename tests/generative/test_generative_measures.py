"""Measures against slow, obvious ones: Fréchet distance, precision and recall, modes, memorisation."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.linalg
import torch
from dlplug_generative.measures.coverage import modes, modes_of, precision_recall
from dlplug_generative.measures.frechet import frechet_distance
from dlplug_generative.measures.memorisation import memorisation, nearest, share_nearer
from generated_pictures import Repeats, as_floats, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlplug import UserError, testing

seeds = st.integers(0, 10_000)


# The Fréchet distance


@settings(max_examples=20)
@given(seeds)
def test_the_frechet_distance_is_the_textbooks(seed: int):
    random = np.random.default_rng(seed)
    x = random.normal(size=(40, 5)) @ random.normal(size=(5, 5))
    y = random.normal(size=(30, 5)) @ random.normal(size=(5, 5)) + random.normal(size=5)
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = np.real(scipy.linalg.sqrtm(covariances[0] @ covariances[1]))
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    got = frechet_distance(torch.from_numpy(x), torch.from_numpy(y))
    assert got == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert frechet_distance(torch.from_numpy(y), torch.from_numpy(x)) == pytest.approx(got, rel=1e-7)


def test_the_frechet_distance_of_gaussians_is_in_closed_form():
    torch.manual_seed(0)
    noise = torch.randn(2000, 2, dtype=torch.double)
    # exactly white: mean 0, covariance I
    noise = torch.linalg.solve_triangular(
        torch.linalg.cholesky((noise - noise.mean(0)).T.cov()), (noise - noise.mean(0)).T, upper=False
    ).T
    shift, one, other = torch.tensor([3.0, -4.0]), torch.tensor([1.0, 2.0]), torch.tensor([0.5, 5.0])
    # |μ - μ'|² + Σ (σ - σ')²
    expected = 25 + 0.5**2 + 3.0**2
    assert frechet_distance(noise * one, noise * other + shift) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(noise * one, noise * one) == pytest.approx(0, abs=1e-9)


def test_a_small_difference_survives_a_large_mean():
    x = torch.randn(500, 3, dtype=torch.double) + 1000
    assert frechet_distance(x, x + 0.01) == pytest.approx(3e-4, rel=1e-3)


# Precision, recall and modes


def slow_precision(real: Tensor, made: Tensor, k: int) -> float:
    inside = 0
    for m in made:
        for n, r in enumerate(real):
            others = sorted(float((r - o).norm()) for i, o in enumerate(real) if i != n)
            if float((r - m).norm()) <= others[k - 1]:
                inside += 1
                break
    return inside / len(made)


@settings(max_examples=10, deadline=None)
@given(seeds, st.integers(1, 4))
def test_precision_and_recall_are_as_counted_by_hand(seed: int, k: int):
    generator = torch.Generator().manual_seed(seed)
    real = torch.randn(12, 3, generator=generator, dtype=torch.double)
    made = torch.randn(9, 3, generator=generator, dtype=torch.double) * 0.7 + 0.5
    found = precision_recall(real, made, k)
    assert found.precision == pytest.approx(slow_precision(real, made, k))
    assert found.recall == pytest.approx(slow_precision(made, real, k))


def test_precision_and_recall_tell_poor_pictures_from_few():
    torch.manual_seed(0)
    real = torch.randn(600, 4)
    assert precision_recall(real, real.clone()) == (1, 1)
    few, poor = precision_recall(real, 0.2 * torch.randn(600, 4)), precision_recall(real, 3 * torch.randn(600, 4))
    assert few.precision > 0.95 > 0.3 > few.recall
    assert poor.precision < 0.5 < poor.recall
    assert np.isnan(precision_recall(real, real, 600)).all()


@given(seeds)
def test_modes_are_as_counted_by_hand(seed: int):
    generator = torch.Generator().manual_seed(seed)
    centres = 3 * torch.randn(4, 2, generator=generator)
    x = centres[torch.randint(3, (40,), generator=generator)] + torch.randn(40, 2, generator=generator) * 0.4
    held, good = [0] * 4, 0
    for point in x:
        distance = [float((point - centre).norm()) for centre in centres]
        if min(distance) <= 3 * 0.2:
            good += 1
            held[distance.index(min(distance))] += 1
    # a tenth of 40 / 4
    assert modes_of(x, centres, 0.2) == (sum(count >= 1 for count in held), pytest.approx(good / 40))


def test_a_stray_point_is_no_mode():
    centres = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    x = torch.zeros(1000, 2)
    x[:49, 0] = 5.0
    assert modes_of(x, centres, 0.1) == (1, 1.0)
    x[49, 0] = 5.0
    assert modes_of(x, centres, 0.1) == (2, 1.0)


def test_modes_of_real_points_are_all_there():
    host = testing.load_host()
    for name, counted in (("eight-gaussians", True), ("swiss-roll", False), ("half-moons", False)):
        data = host.get("data", name).load()(seed=0)
        held = data.split("val")
        values = modes(Repeats(held.train), held, seed=0)
        assert values["precision_k3"] > 0.9
        assert values["recall_k3"] > 0.9
        if counted:
            assert values["modes"] == 8
            assert values["good"] == pytest.approx(1 - np.exp(-4.5), abs=0.01)  # Rayleigh's: within three deviations
        else:
            assert "modes" not in values


# Memorisation


def test_the_nearest_is_found():
    x, train = torch.rand(7, 1, 4, 4), torch.rand(30, 1, 4, 4)
    train[11] = x[3]
    found = nearest(x, train)
    for n in range(7):
        all_of_them = [float((x[n] - t).square().mean().sqrt()) for t in train]
        assert float(found.distance[n]) == pytest.approx(min(all_of_them), abs=1e-6)
        assert int(found.which[n]) == all_of_them.index(min(all_of_them))
    assert float(found.distance[3]) == 0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_the_share_that_is_nearer_is_as_counted_by_hand(made: list[int], unseen: list[int]):
    pairs = [(m, u) for m in made for u in unseen]
    expected = sum(1.0 if m < u else 0.5 if m == u else 0.0 for m, u in pairs) / len(pairs)
    assert share_nearer(torch.tensor(made), torch.tensor(unseen)) == pytest.approx(expected)


def test_memorisation_tells_a_copyist():
    train, held, fresh = pictures(300, 0), pictures(80, 1), pictures(100, 2)
    data = SimpleNamespace(images=held, y=torch.zeros(80), names=(), train=train)
    copied = memorisation(Repeats(as_floats(train)), data, count=60, seed=0)
    honest = memorisation(Repeats(as_floats(fresh)), data, count=60, seed=0)
    assert copied["nearer_than_unseen"] == 1
    assert copied["nearest_made"] == 0
    assert honest["nearer_than_unseen"] == pytest.approx(0.5, abs=0.2)
    assert honest["nearest_unseen"] == copied["nearest_unseen"] > 0.3
    assert copied["neighbours"].pixels.ndim == 3
    with pytest.raises(UserError, match="at least 1"):
        memorisation(Repeats(as_floats(train)), data, count=0, seed=0)
