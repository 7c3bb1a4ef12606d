"""Protein of wheat kernels: preprocessing, the split, and the linear regressions beside the net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_signals.spectra.losses import series_squared_error
from dlplug_signals.spectra.series import Examples
from dlplug_signals.spectra.wheat.data import FILE, SHAPES, Measured, WheatKernels
from dlplug_signals.spectra.wheat.metric import linear_predictions, protein_error, rmse
from dlplug_signals.spectra.wheat.scatter import detrended, standard_normal_variate
from scipy.io import savemat
from torch import nn

from dlplug import Labelled, UserError, data_folder, testing

PUBLISHED_RMSE = 0.425  # of partial least squares with eight components, on the 108 kernels


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with random spectra whose slope at 950 nm is their protein."""
    rng = np.random.default_rng(0)
    content = {}
    for name in ("Calibration", "Validation"):
        protein = np.sort(rng.normal(10, 1.5, SHAPES[f"{name}_Y"]), axis=0)
        bend = np.tanh(np.linspace(-4, 4, 100))
        x = 3 + rng.normal(0, 0.2, (len(protein), 1)) + 0.1 * protein * bend + rng.normal(0, 0.01, SHAPES[f"{name}_X"])
        content |= {f"{name}_X": x, f"{name}_Y": protein}
    (tmp_path / FILE).parent.mkdir()
    savemat(tmp_path / FILE, content)
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    return tmp_path


def test_a_parabola_is_removed():
    t = np.arange(50)
    rest = np.random.default_rng(0).normal(size=(3, 50))
    fitted = np.stack([row - np.polyval(np.polyfit(t, row, 2), t) for row in rest])
    np.testing.assert_allclose(detrended(rest), fitted, atol=1e-10)
    np.testing.assert_allclose(detrended(rest + 2 * t**2 - 3 * t + 1), fitted, atol=1e-8)


def test_spectra_are_standardised_one_by_one():
    x = np.random.default_rng(0).normal(2, 3, (4, 30))
    np.testing.assert_allclose(standard_normal_variate(5 * x + 7), standard_normal_variate(x))
    for row, slow in zip(standard_normal_variate(x), x, strict=True):
        assert row == pytest.approx([(value - slow.mean()) / slow.std() for value in slow])


def test_every_kth_kernel_is_held_out_and_only_training_kernels_scale(folder: Path):
    data = WheatKernels(validation=0.2, seed=0)
    assert {name: len(part.y) for name, part in data.parts.items()} == {"train": 332, "val": 83, "test": 108}
    held = data.split("val")
    everything = torch.cat([held.y, held.train.y]).sort().values
    assert torch.equal(held.y, everything[2::5])
    assert data.parts["train"].x.mean(0).abs().max() < 1e-5
    assert data.parts["train"].y.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(data.parts["val"].y * held.deviation + held.mean, held.y)
    everyone = WheatKernels(seed=0)
    assert (everyone.splits, len(everyone.parts["train"].y)) == (("train", "test"), 415)
    testing.check_data(data, nn.Linear(1, 1), 2)


def test_errors_are_in_percent_of_protein():
    x, weight = torch.randn(60, 1, 9, generator=torch.Generator().manual_seed(0)), torch.arange(9.0)
    y = 10 + x[:, 0] @ weight
    data = Measured(x[:20], y[:20], 9.5, 2.0, Examples(x[20:], y[20:]))
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 1))
    with torch.no_grad():
        values = protein_error(model, data)
        predicted = model(x[:20])[:, 0] * 2.0 + 9.5
    assert values["rmse"] == pytest.approx((predicted - y[:20]).square().mean().sqrt().item(), rel=1e-5)
    # what is linear, linear regressions learn
    assert max(values[f"{name}_rmse"] for name in ("pls", "pls8", "ridge")) < 0.05


def test_partial_least_squares_has_its_published_error():
    if not (data_folder() / FILE).is_file():
        pytest.skip(f"{data_folder()} has no {FILE}")
    data = WheatKernels(seed=0)
    held = data.split("test")
    linear = linear_predictions(*(held.train.x[:, 0].numpy(), held.train.y.numpy()), held.x[:, 0].numpy())
    assert round(rmse(linear["pls8"], held.y.numpy()), 3) == PUBLISHED_RMSE


def test_the_recipe_learns_and_resumes(folder: Path):
    testing.check_recipe("spectra-wheat", {"data.batch_size": 8, "model.width": 2})


def test_bad_input_is_one_line(folder: Path):
    loss = series_squared_error(nn.Sequential(nn.Flatten(), nn.Linear(5, 1)))
    with pytest.raises(UserError, match="series-squared-error needs data with a number"):
        list(loss.updates(Labelled(torch.randn(2, 1, 5), torch.tensor([0, 1]))))
    savemat(folder / FILE, {"Calibration_X": np.zeros((3, 3))})
    with pytest.raises(UserError, match=r"NITSingleSeed.MAT has no Calibration_X of shape \(415, 100\)"):
        WheatKernels(seed=0)
    (folder / FILE).write_bytes(b"no MATLAB file" * 20)
    with pytest.raises(UserError, match=r"NITSingleSeed.MAT cannot be read as a MATLAB file"):
        WheatKernels(seed=0)
    (folder / FILE).unlink()
    with pytest.raises(UserError, match=r"NITSingleSeed.MAT is missing in .*no licence is stated.*--data gliadin") as e:
        WheatKernels(seed=0)
    assert "\n" not in str(e.value)
