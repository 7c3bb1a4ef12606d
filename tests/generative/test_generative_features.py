"""Features that pictures are measured by: those that are shipped, those of runs and files, and Inception."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dlplug_generative.generating import examples_of, trained_on
from dlplug_generative.measures.features import OURS, FeatureNet, load_features, ship
from dlplug_generative.measures.fidelity import fidelity, inception_fid, rounded, some
from dlplug_generative.measures.frechet import frechet_distance
from dlplug_generative.measures.recipes import FASHION_FID, MNIST_FID
from generated_pictures import Repeats, as_floats, pictures
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

import dlplug
from dlplug import Spec, UserError, testing
from dlplug.options.layers import resolve

seeds = st.integers(0, 10_000)


@pytest.mark.parametrize(("name", "key"), [("fashion", FASHION_FID), ("mnist", MNIST_FID)])
def test_the_shipped_features_are_those_that_their_numbers_are_named_by(name: str, key: str):
    path = OURS / f"features-{name}.safetensors"
    known = load_features(name)
    assert key == f"fid_local_{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
    assert key.endswith(known.digest)
    assert path.stat().st_size < 300_000
    assert sum(p.numel() for p in known.net.parameters()) < 150_000
    assert 64 <= known.of(torch.rand(2, 1, 28, 28)).shape[1] <= 128


@pytest.mark.parametrize(("name", "data"), [("fashion", "fashion-mnist"), ("mnist", "mnist")])
def test_the_shipped_features_know_their_classes(name: str, data: str):
    folder = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST"}[data]
    if not (Path(os.environ.get("DLPLUG_DATA", "nowhere")) / folder).is_dir():
        pytest.skip(f"$DLPLUG_DATA has no {folder}")
    held = testing.load_host().get("data", data).load()(seed=0).split("val")
    net = load_features(name).net
    with torch.no_grad():
        right = net(as_floats(held.images[:1000])).argmax(1) == held.y[:1000]
    assert right.float().mean() > 0.88


def test_features_are_the_layer_before_the_classes_whatever_the_chunks():
    torch.manual_seed(0)
    net = FeatureNet(Spec((3, 20, 12), 5, (0.1, 0.2, 0.3), 2.0), width=4, features=6)
    x = torch.rand(3, 3, 20, 12)
    torch.testing.assert_close(net(x), net.features(x) @ net.classify.weight.T + net.classify.bias)
    known = load_features("mnist")
    many = torch.rand(501, 1, 28, 28)
    torch.testing.assert_close(known.of(many)[[0, 500]], known.of(many[[0, 500]]))
    with pytest.raises(UserError, match="images with 1 channels, got the shape"):
        known.of(x)


def test_features_of_a_run_of_a_file_and_of_nothing(tiny_sets: Path, tmp_path: Path):
    overlay = {**testing.QUIET, "data.validation": 50, "data.batch_size": 20, "steps": 2, "metrics": []}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("features-mnist", overlay, out=str(tmp_path / "run"))
    of_run, shipped = load_features(str(run.folder)), tmp_path / "small.safetensors"
    ship(str(run.folder), shipped)
    of_file = load_features(str(shipped))
    x = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(of_run.of(x), of_file.of(x), rtol=0.01, atol=0.01)
    assert of_run.digest != of_file.digest
    assert shipped.stat().st_size < 0.6 * (4 * sum(p.numel() for p in of_run.net.parameters()))
    assert all(value.dtype != torch.float for value in load_file(shipped).values())
    with pytest.raises(UserError, match="missing or damaged"):
        load_features(str(tmp_path / "nowhere.safetensors"))
    other = dlplug.run("gan-8gaussians", {**overlay_of_points(overlay)}, out=str(tmp_path / "other"))
    with pytest.raises(UserError, match="is not a feature-net"):
        load_features(str(other.folder))


def overlay_of_points(overlay: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in overlay.items() if not key.startswith("data.")}


def test_fidelity_is_its_parts_and_real_pictures_are_the_floor():
    train, held = pictures(130, 0), pictures(120, 1)
    data = SimpleNamespace(images=held, y=torch.zeros(120), names=(), train=train)
    made = as_floats(pictures(130, 2)) * 0.8
    values = fidelity(Repeats(made), data, features="mnist", count=130, floor=True, seed=0)
    known = load_features("mnist")
    expected = frechet_distance(known.of(as_floats(held)), known.of((made * 255).round() / 255))
    assert values[f"fid_local_{known.digest}"] == pytest.approx(expected)
    floor = frechet_distance(known.of(as_floats(held)), known.of(as_floats(train)))
    assert values[f"fid_local_{known.digest}_floor"] == pytest.approx(floor)
    assert values[f"fid_local_{known.digest}"] > floor
    assert values["protocol"] == "130 made pictures against 120 real ones"


@pytest.mark.slow
def test_the_scale_of_the_distance():
    if not (Path(os.environ.get("DLPLUG_DATA", "nowhere")) / "FashionMNIST").is_dir():
        pytest.skip("$DLPLUG_DATA has no FashionMNIST")
    held = testing.load_host().get("data", "fashion-mnist").load()(seed=0).split("test")
    known, x = load_features("fashion"), examples_of(held).x
    real = known.of(x)
    expected = {0.016: some(trained_on(held), 10_000), 4.37: F.avg_pool2d(x, 3, 1, 1), 84.0: torch.zeros_like(x)}
    for distance, shown in expected.items():
        assert frechet_distance(real, known.of(shown)) == pytest.approx(distance, rel=0.02)


@given(st.floats(-0.5, 1.5))
def test_made_pictures_get_the_levels_of_real_ones(value: float):
    level = float(rounded(torch.tensor([value]))) * 255
    assert level == pytest.approx(round(level), abs=1e-4)
    assert abs(level - min(max(value, 0), 1) * 255) <= 0.5001


def test_inception_says_what_it_lacks(caplog: pytest.LogCaptureFixture, tmp_path: Path):
    data = SimpleNamespace(images=pictures(4, 0), y=torch.zeros(4), names=(), train=pictures(4, 1))
    logging.getLogger("dlplug").propagate = True
    with caplog.at_level("WARNING", "dlplug"):
        assert inception_fid(Repeats(torch.rand(4, 1, 28, 28)), data, weights=str(tmp_path / "none"), seed=0) == {}
    assert "pip install torch-fidelity" in caplog.text
    assert str(tmp_path / "none") in caplog.text


class SeenByInception:
    """Stands for torchmetrics' distance, and keeps the 8-bit pictures that its Inception would get."""

    def __init__(self, normalize: bool = False, antialias: bool = True, **_: object) -> None:
        self.normalize, self.antialias = normalize, antialias
        self.seen: dict[bool, list[Tensor]] = {True: [], False: []}
        SeenByInception.last = self

    last: SeenByInception

    def set_dtype(self, _: torch.dtype) -> SeenByInception:
        return self

    def to(self, _: torch.device) -> SeenByInception:
        return self

    def update(self, imgs: Tensor, real: bool) -> None:
        self.seen[real].append((imgs * 255).byte() if self.normalize else imgs)

    def compute(self) -> Tensor:
        return torch.tensor(1.5)


def test_inception_sees_made_pictures_by_the_nearest_level_and_enlarged_as_tensorflow_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import torchmetrics.image.fid

    monkeypatch.setattr(torchmetrics.image.fid, "FrechetInceptionDistance", SeenByInception)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    (tmp_path / "weights.pth").write_bytes(b"")
    held = pictures(130, 0)
    data = SimpleNamespace(images=held, y=torch.zeros(130), names=(), train=pictures(4, 1))
    made = torch.rand(150, 1, 28, 28, dtype=torch.double) * 1.2 - 0.1
    values = inception_fid(Repeats(made), data, weights=str(tmp_path / "weights.pth"), count=150, seed=0)
    assert values["fid_inception_held_out_150"] == 1.5
    real, fake = (torch.cat(SeenByInception.last.seen[which]) for which in (True, False))
    assert torch.equal(real, held.permute(0, 3, 1, 2).expand(-1, 3, -1, -1))
    assert fake.dtype == torch.uint8
    # no level lies nearer to a pixel than the one that stands for it
    assert (fake / 255 - made.clamp(0, 1)).abs().max() <= 0.5 / 255 + 1e-6
    assert SeenByInception.last.antialias is False


def test_a_mistyped_choice_of_features_is_refused_before_the_run():
    with pytest.raises(UserError, match=r"fasion"):
        resolve(testing.load_host(), "vae-fashion", [{"metrics.fidelity.features": "fasion"}])


@pytest.mark.parametrize("made", [torch.full((9, 1, 28, 28), torch.nan), torch.rand(9, 1, 28, 28)])
def test_few_pictures_and_a_diverged_net_are_measured_as_not_a_number(made: Tensor, caplog: pytest.LogCaptureFixture):
    data = SimpleNamespace(images=pictures(2, 0), y=torch.zeros(2), names=(), train=pictures(4, 1))
    values = fidelity(Repeats(made), data, features="mnist", count=9, floor=True, seed=0)
    of = load_features("mnist").digest
    assert np.isnan(values[f"fid_local_{of}"]) == bool(made.isnan().any())
    assert np.isnan(values[f"recall_k3_local_{of}"])
    assert f"fid_local_{of}_floor" not in values
    assert "the floor is not measured: it needs 9 training images, but there are 4" in caplog.text
