"""Frames are predicted from frames, and the errors are what their names say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_video.films import side_by_side
from dlplug_video.prediction.convlstm import ConvLSTM, ConvLSTMCell
from dlplug_video.prediction.loss import frame_error
from dlplug_video.prediction.metric import prediction, show_prediction
from dlplug_video.prediction.moving_digits import Clips, HeldOutClips, MovingDigits
from dlplug_video.prediction.patches import patches, unpatched
from dlplug_video.prediction.simvp import SimVP
from dlplug_video.prediction.ssim import ssim
from torch import nn

from dlplug import Spec, UserError, testing

SPEC = Spec((3, 1, 16, 16), 4)
TINY = {"data.validation": 3, "data.testing": 3, "data.batch_size": 2, "model.temporal": 8, "model.blocks": 1}


class CopyLast(nn.Module):
    """The last given frame, as often as frames are to be predicted."""

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead, self.weight = ahead, nn.Parameter(torch.zeros(1))

    def forward(self, past):
        return past[:, -1:].expand(-1, self.ahead, -1, -1, -1)


@pytest.fixture(scope="module")
def data() -> MovingDigits:
    return MovingDigits(glyphs="digits", validation=6, testing=6, batch_size=4, seed=3)


def test_a_recipe_learns_and_resumes():
    testing.check_recipe("moving-digits", {**TINY, "data.frames": 3, "data.ahead": 2})


def test_a_sampler_draws_the_same_film_for_a_seed(data):
    held = data.split("val")
    first, again, other = (list(show_prediction(CopyLast(10), held, count=2, seed=n)["film"].frames) for n in (0, 0, 2))
    assert len(first) == 20
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_sequences_depend_on_seed_and_number_alone(data):
    batches = data.batches(nn.Linear(1, 1))
    first, second = next(batches), next(batches)
    assert first.past.shape == first.future.shape == (4, 10, 1, 64, 64)
    assert not torch.equal(first.past, second.past)
    again = MovingDigits(glyphs="digits", batch_size=8, seed=3)
    torch.testing.assert_close(next(again.batches(nn.Linear(1, 1))).future, torch.cat([first.future, second.future]))
    other = MovingDigits(glyphs="digits", validation=6, batch_size=4, seed=4)
    assert not torch.equal(next(other.batches(nn.Linear(1, 1))).past, first.past)
    # held-out sequences are the same for every seed, and differ between the splits
    torch.testing.assert_close(other.split("val").past, data.split("val").past)
    assert not torch.equal(data.split("val").past, data.split("test").past)


def test_the_floor_of_mnist_is_that_of_the_literature():
    """The last frame copied: 286 on 1,000 sequences by OpenSTL's rule; two digits of scikit-learn are similar."""
    held = MovingDigits(glyphs="digits", validation=30, seed=0).split("val")
    values = prediction(CopyLast(10), held)
    assert values["mse_sum_generated"] == pytest.approx(values["copy_last_mse_sum"])
    assert 200 < float(values["copy_last_mse_sum"]) < 450


@pytest.mark.parametrize("build", [SimVP, ConvLSTM])
def test_models_predict_as_many_frames_as_asked(build):
    model = build(SPEC)
    past = torch.rand(2, 3, 1, 16, 16)
    predicted = model(past)
    assert predicted.shape == (2, 4, 1, 16, 16)
    assert 0 <= float(predicted.detach().min()) <= float(predicted.detach().max()) <= 1
    testing.check_loss(frame_error(model), Clips(past, torch.rand(2, 4, 1, 16, 16)))


def test_patches_are_the_papers():
    """Shi et al. 4.1: a frame of 64x64 becomes 16x16 of 16 channels; channel 4i + j is pixel (i, j) of each patch."""
    frames = torch.rand(2, 1, 64, 64)
    cut = patches(frames, 4)
    assert cut.shape == (2, 16, 16, 16)
    torch.testing.assert_close(cut[1, 4 * 2 + 3], frames[1, 0, 2::4, 3::4])
    torch.testing.assert_close(unpatched(cut, 4), frames)


def test_a_cell_of_one_pixel_is_torchs_lstm():
    cell, peer = ConvLSTMCell(3, 5, 1), nn.LSTMCell(3, 5)
    i, f, o, g = cell.gates.weight.detach()[..., 0, 0].chunk(4)
    weight = torch.cat([i, f, g, o])  # torch's order of the gates
    bias = torch.cat([cell.gates.bias.detach().chunk(4)[n] for n in (0, 1, 3, 2)])
    peer.load_state_dict({"weight_ih": weight[:, :3], "weight_hh": weight[:, 3:], "bias_ih": bias,
                          "bias_hh": torch.zeros(20)})  # fmt: skip
    state, own = None, None
    for x in torch.randn(4, 2, 3):
        own = cell(x[..., None, None], own)
        state = peer(x, state)
        for a, b in zip(own, state, strict=True):
            torch.testing.assert_close(a[..., 0, 0], b)


def test_convlstm_reads_its_own_predictions():
    model = ConvLSTM(SPEC, width=4)
    past = torch.rand(2, 3, 1, 16, 16)
    one = ConvLSTM(Spec((3, 1, 16, 16), 1), width=4)
    one.load_state_dict(model.state_dict())
    predicted = model(past)
    torch.testing.assert_close(one(past), predicted[:, :1])
    torch.testing.assert_close(one(torch.cat([past, predicted[:, :1]], 1)), predicted[:, 1:2])


def test_ssim_is_wangs():
    """By scipy's Gaussian filter, as scikit-image computes it, without the windows that cross the border."""
    ndimage = pytest.importorskip("scipy.ndimage")
    x = torch.rand(4, 1, 24, 20)
    y = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)

    def mean(image):
        return ndimage.gaussian_filter(image, 1.5, truncate=3.5)

    for one, a, b in zip(ssim(x, y).tolist(), x[:, 0].double().numpy(), y[:, 0].double().numpy(), strict=True):
        luminance = (2 * mean(a) * mean(b) + 1e-4) / (mean(a) ** 2 + mean(b) ** 2 + 1e-4)
        variances = mean(a * a) - mean(a) ** 2 + mean(b * b) - mean(b) ** 2
        structure = (2 * (mean(a * b) - mean(a) * mean(b)) + 9e-4) / (variances + 9e-4)
        assert one == pytest.approx((luminance * structure)[5:-5, 5:-5].mean(), abs=1e-5)
    torch.testing.assert_close(ssim(x, x), torch.ones(4))


@pytest.mark.slow  # torchmetrics takes long to import
def test_ssim_is_torchmetrics_without_its_border():
    """torchmetrics also averages the windows that cross the border, over reflected pixels."""
    peer = pytest.importorskip("torchmetrics.functional.image").structural_similarity_index_measure
    x = torch.rand(4, 1, 24, 20)
    y = (x + 0.2 * torch.randn_like(x)).clamp(0, 1)
    _, everywhere = peer(x, y, data_range=1.0, reduction="none", return_full_image=True)
    torch.testing.assert_close(ssim(x, y), everywhere[..., 5:-5, 5:-5].mean((1, 2, 3)), atol=1e-5, rtol=1e-4)


def test_errors_are_sums_over_pixels_and_means_over_frames():
    rng = np.random.default_rng(0)
    past, future = (torch.from_numpy(rng.integers(0, 256, (3, 4, 1, 12, 12), np.uint8)) for _ in range(2))
    values = prediction(CopyLast(4), HeldOutClips(past, future))
    true, last = future.double().numpy() / 255, past.double().numpy()[:, -1:] / 255
    slow = [((true[n, t] - last[n, 0]) ** 2).sum() for n in range(3) for t in range(4)]
    assert float(values["mse_sum_generated"]) == pytest.approx(np.mean(slow), rel=1e-5)
    assert [row[0] for row in values["frames"].rows] == ["1", "2", "3", "4"]


def test_the_film_has_truth_above_prediction(tmp_path: Path):
    past, future = torch.zeros(2, 3, 1, 8, 8, dtype=torch.uint8), torch.full((2, 2, 1, 8, 8), 255, dtype=torch.uint8)
    film = side_by_side(past, future, torch.zeros(2, 2, 1, 8, 8))
    frames = list(film.frames)
    assert len(frames) == 5
    assert frames[0].shape == (40, 40, 3)
    assert frames[4][10, 10].tolist() == [255] * 3  # the truth
    assert frames[4][30, 10].tolist() == [0] * 3  # the prediction
    film.save(tmp_path / "film.mp4")
    assert film.path.stat().st_size > 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SimVP(Spec((1, 28, 28), 10)), "takes videos"),
        (lambda: SimVP(Spec((3, 1, 20, 16), 4)), "8x8 pixels, which do not divide 20x16"),
        (lambda: ConvLSTM(SPEC, patch=5), "5x5 pixels"),
        (lambda: next(frame_error(CopyLast(3)).updates(Clips(*2 * [torch.rand(1, 4, 1, 8, 8)]))), "predicts frames"),
    ],
)
def test_bad_input_is_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()
