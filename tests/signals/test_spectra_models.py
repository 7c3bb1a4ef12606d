"""1-D nets of any length, the classical methods beside them, and the recipes of spectra."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dlplug_series.ts_format import SeriesSet, write_ts
from dlplug_signals.spectra.baselines.features import fourier, ranked_peaks, wavelets, zones
from dlplug_signals.spectra.baselines.methods import compared, series_accuracies, spectra_accuracies
from dlplug_signals.spectra.baselines.rocket import convolved, dilations, kernels, rocket_features
from dlplug_signals.spectra.metrics import accuracy, pipelines
from dlplug_signals.spectra.nets.autoencoder import Interleave, TwoPipelines, TwoPipelinesLoss
from dlplug_signals.spectra.nets.layers import Derivative
from dlplug_signals.spectra.nets.linear_and_net import LinearAndNet
from dlplug_signals.spectra.nets.series_net import SeriesNet
from dlplug_signals.spectra.recipes import SPECTRA_RECIPES
from dlplug_signals.spectra.series import Examples, HeldOut, Training, augmented
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from torch import nn

from dlplug import Labelled, Spec, UserError, testing
from dlplug.options.layers import resolve

SMALL = {"data.samples": 150, "data.batch_size": 8, "model.width": 2, "model.hidden": 8, "model.code": 5}


def noisy_classes(count: int, length: int = 64, channels: int = 1, seed: int = 0) -> Examples:
    """A bump at one of three places, under noise."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % 3
    place = torch.arange(length) - (y[:, None] + 1) * length / 4
    x = (-((place / 3) ** 2)).exp()[:, None] + 0.1 * torch.randn(count, channels, length, generator=generator)
    return Examples(x, y)


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    return HeldOut(*noisy_classes(21, seed=1), ("a", "b", "c"), noisy_classes(30))


@given(st.integers(1, 3), st.integers(1, 90), st.integers(1, 3), st.integers(1, 4), st.sampled_from([1, 3, 9]))
@settings(max_examples=20)
def test_nets_take_series_of_any_length(channels, length, stages, stride, kernel):
    spec, x = Spec((channels, length), 4), torch.randn(2, channels, length)
    for pooling in ("flatten", "mean"):
        net = SeriesNet(spec, width=2, stages=stages, stride=stride, kernel=kernel, pooling=pooling)
        assert net.eval()(x).shape == (2, 4)
    outputs = TwoPipelines(spec, code=3, width=2, stages=stages, kernel=kernel, hidden=4).eval()(x)
    assert outputs.reconstruction.shape == outputs.x.shape == x.shape
    assert (outputs.code.shape, outputs.logits.shape, outputs.code_logits.shape) == ((2, 3), (2, 4), (2, 4))


def test_a_derivative_is_that_of_the_smoothed_series():
    x = np.random.default_rng(0).normal(size=(3, 2, 50))
    for sigma in (1.0, 2.5):
        slow = sigma * gaussian_filter1d(x, sigma, order=1, mode="nearest")
        found = Derivative(sigma)(torch.from_numpy(x).float())
        np.testing.assert_allclose(found.numpy(), slow, atol=2e-3)
    line = torch.arange(40.0)[None, None] * 0.5 + 3
    torch.testing.assert_close(Derivative(2.0)(line)[..., 10:30], torch.full((1, 1, 20), 1.0), atol=5e-3, rtol=0)
    assert SeriesNet(Spec((2, 16), 3), width=2, derivative=1.0).eval()(torch.randn(4, 2, 16)).shape == (4, 3)


def test_a_linear_map_is_added_to_a_net():
    model = LinearAndNet(Spec((2, 16), 3, (1.0, -2.0), (3.0, 0.5)), width=2).eval()
    x = torch.randn(4, 2, 16)
    torch.testing.assert_close(model(x), model.net(x) + model.linear.bias)  # the map begins at zero
    nn.init.normal_(model.linear.weight)
    scaled = torch.stack([(x[:, 0] - 1) / 3, (x[:, 1] + 2) / 0.5], 1).flatten(1)
    torch.testing.assert_close(model(x), model.net(x) + scaled @ model.linear.weight.T + model.linear.bias)


def test_a_net_standardises_by_the_training_set():
    spec = Spec((2, 16), 3, (1.0, -2.0), (3.0, 0.5))
    net = SeriesNet(spec, width=2).eval()
    plain = SeriesNet(Spec((2, 16), 3), width=2).eval()
    plain.load_state_dict({**net.state_dict(), "0.mean": torch.zeros(2, 1), "0.deviation": torch.ones(2, 1)})
    x = torch.randn(4, 2, 16)
    scaled = torch.stack([(x[:, 0] - 1) / 3, (x[:, 1] + 2) / 0.5], 1)
    torch.testing.assert_close(net(x), plain(scaled))


def test_interleaved_channels_are_neighbouring_points():
    x = torch.arange(2 * 8 * 3).view(2, 8, 3)
    y = Interleave()(x)
    for n, channel, place in itertools.product(range(2), range(2), range(12)):
        assert y[n, channel, place] == x[n, 4 * channel + place % 4, place // 4]


def test_each_part_minimises_its_own_loss():
    model = TwoPipelines(Spec((1, 64), 3), code=4, width=2, stages=2, hidden=5, dropout=0)
    batch = Labelled(*noisy_classes(6))
    updates = testing.check_loss(TwoPipelinesLoss(model, smoothing=0.2), batch)
    assert [update.part for update in updates] == ["autoencoder", "classifier", "net"]
    outputs = model(batch.x)
    torch.testing.assert_close(updates[0].loss, ((outputs.x - outputs.reconstruction) ** 2).mean())
    torch.testing.assert_close(updates[2].loss, F.cross_entropy(outputs.logits, batch.y, label_smoothing=0.2))
    _, classifier, _ = TwoPipelinesLoss(model).updates(batch)
    classifier.loss.backward()
    assert all(weight.grad is None for weight in model.autoencoder.parameters())


def test_augmentation_shifts_and_scales():
    x = torch.arange(10.0).expand(50, 1, 10)
    shifted = augmented(x, Training(shift=2), torch.ones(1, 1), torch.Generator().manual_seed(0))
    expected = {s: [float(min(9, max(0, i + s))) for i in range(10)] for s in range(-2, 3)}
    assert {tuple(row) for row in shifted[:, 0].tolist()} == {tuple(row) for row in expected.values()}
    scaled = augmented(x, Training(gain=0.1), torch.ones(1, 1), torch.Generator().manual_seed(0))
    factor = scaled[:, :, 1:] / x[:, :, 1:]
    torch.testing.assert_close(factor, factor[:, :, :1].expand_as(factor))
    noisy = augmented(x.expand(50, 1, 10), Training(jitter=0.5), torch.full((1, 1), 4.0), torch.Generator())
    assert (noisy - x).std().item() == pytest.approx(2, rel=0.15)


def test_zones_are_means():
    x = np.random.default_rng(0).normal(size=(3, 17)).astype(np.float32)
    for row, slow in zip(zones(x, 5), x, strict=True):
        edges = np.linspace(0, 17, 6).astype(int)
        assert row == pytest.approx([slow[a:b].mean() for a, b in itertools.pairwise(edges)], rel=1e-5)
    np.testing.assert_allclose(zones(x, 99), x, rtol=1e-6)


def test_fourier_magnitudes_do_not_change_under_a_rotation():
    x = np.random.default_rng(0).normal(size=(2, 32)).astype(np.float32)
    features = fourier(x)
    slow = np.abs((x[:, None] * np.exp(-2j * np.pi * np.arange(1, 17)[:, None] * np.arange(32) / 32)).sum(2))
    np.testing.assert_allclose(features, slow, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(fourier(np.roll(x, 5, axis=1)), features, rtol=1e-4, atol=1e-4)


def test_wavelets_are_the_coarse_coefficients():
    x = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    features = wavelets(x, "haar", most=8)
    level = x.reshape(2, 8, 8)
    np.testing.assert_allclose(wavelets(x, "haar", most=64)[:, :1], x.sum(1, keepdims=True) / 8, rtol=1e-4)
    assert features.shape == (2, 8)
    halves = level.sum(2)  # the level of eight values is spanned by sums over eighths
    np.testing.assert_allclose((features**2).sum(1), (halves**2).sum(1) / 8, rtol=1e-4)


def test_peaks_are_ranked_by_prominence_and_given_by_position():
    x = np.zeros((2, 100), dtype=np.float32)
    for place, height in ((20, 1.0), (50, 3.0), (80, 2.0)):
        x[0, place] = height
    features = ranked_peaks(x, 2)
    np.testing.assert_allclose(features[0], [0.5, 0.8, 1, 2 / 3], rtol=1e-5)
    np.testing.assert_allclose(features[1], [1, 1, 0, 0])


def test_convolutions_and_proportions_are_those_of_the_paper():
    train, others = noisy_classes(6, 40, 2).x, noisy_classes(4, 40, 2, seed=3).x
    one, two = rocket_features(train, others, count=84 * 12)
    assert kernels().sum(1).tolist() == [0] * 84
    assert dilations(40)[0] == 1
    assert 8 * dilations(40)[-1] < 40
    assert (one.shape[0], two.shape[0], one.shape[1]) == (6, 4, two.shape[1])
    assert one.shape[1] % 84 == 0
    assert 0 <= one.min() < one.max() <= 1
    weight = torch.randn(84, 2, 9)
    slow = sum(
        weight[5, c, tap] * (train[1, c, 11 + 2 * (tap - 4)] if 0 <= 11 + 2 * (tap - 4) < 40 else 0)
        for c in range(2)
        for tap in range(9)
    )
    torch.testing.assert_close(convolved(train, weight, 2)[1, 5, 11], torch.as_tensor(slow))


def test_classical_methods_tell_what_is_easy(held_out: HeldOut):
    series, spectra = series_accuracies(held_out), spectra_accuracies(held_out)
    assert series.keys() == {"1nn", "pca_lda", "svm", "rocket"}
    assert min(series.values()) > 0.9
    assert max(spectra.values()) == 1


def test_gaps_are_over_the_best_classical_method():
    numbers = compared({"lda": 0.5, "svm": 0.75}, {"accuracy": 1.0, "code_accuracy": 0.5})
    assert numbers == {"accuracy": 1, "code_accuracy": 0.5, "lda_accuracy": 0.5, "svm_accuracy": 0.75,
                       "best_classical_accuracy": 0.75, "accuracy_gap": 0.25, "code_accuracy_gap": -0.25}  # fmt: skip


def test_pipelines_are_measured(held_out: HeldOut):
    model = TwoPipelines(Spec((1, 64), 3), code=4, width=2, stages=2, hidden=5).eval()
    with torch.no_grad():
        values = pipelines(model, held_out)
        outputs = model(held_out.x)
    assert values["accuracy"] == accuracy(outputs.logits, held_out.y)
    assert values["mse"] == pytest.approx(((outputs.x - outputs.reconstruction) ** 2).mean().item(), rel=1e-5)
    train = held_out.train.x.flatten(1).double()
    directions = torch.linalg.svd(train - train.mean(0), full_matrices=False).Vh[:4]
    centred = held_out.x.flatten(1).double() - train.mean(0)
    left = (centred - centred @ directions.T @ directions).square().mean().item()
    assert values["pca_mse"] == pytest.approx(left, rel=1e-3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SeriesNet(Spec((1, 8, 8), 2)), "series-net takes series"),
        (lambda: SeriesNet(Spec((1, 8), 2), kernel=4), "--model.kernel must be odd, got 4"),
        (lambda: TwoPipelinesLoss(nn.Linear(1, 1)), "--model two-pipelines"),
        (lambda: pipelines(nn.Linear(1, 1), HeldOut(*noisy_classes(3), (), noisy_classes(3))), "two-pipelines"),
    ],
)
def test_errors_are_one_line(make, says: str):
    with pytest.raises(UserError, match=says):
        make()


def test_gliadin_learns_and_resumes():
    testing.check_recipe("spectra-gliadin", SMALL)


def test_there_is_something_to_see():
    testing.check_sampler("spectra-gliadin", "spectra-pictures", SMALL, {"count": 2})


def test_files_of_ones_own_train(tmp_path: Path):
    x, y = noisy_classes(30)
    data = SeriesSet("Own", tuple(x.double().numpy()), y.numpy(), ("a", "b", "c"))
    (tmp_path / "own.ts").write_text(write_ts(data))
    options = {"data.path": str(tmp_path / "own.ts"), "data.batch_size": 4, "data.jitter": 0.1}
    values = testing.check_metric("series-files", "series-classification", options)
    assert 0 <= values["test/accuracy"] <= 1


def test_claims_are_about_the_recipes_own_protocol():
    host = testing.load_host()
    for name, recipe in SPECTRA_RECIPES.items():
        for target in recipe.targets:
            assert target.stands(resolve(host, name, []))
