"""Starting from other weights: what is loaded, what is new, what stays, how fast the rest moves, and what is left when
the source is gone."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
import torch
from dlplug_images.images import Augmentation
from dlplug_images.sets.digits import Digits
from dlplug_images.sets.mnist_cifar import MNIST
from dlplug_vision.classification.classics import LeNet
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.transfer import pretrained
from dlplug_vision.transfer.model import Transfer, frozen, head, load
from torch import Tensor

import dlplug
from dlplug import Spec, UserError, testing, trained

DIGITS = {**testing.QUIET, "model.width": 4, "metrics": [], "threads": 1}
CLOTHES = Spec((1, 8, 8), 5, 0.5, 0.25, ("a", "b", "c", "d", "e"))


def overlay(options: dict[str, Any]) -> dict[str, Any]:
    return options | ({"wandb.mode": "off"} if "wandb" in testing.load_host().names("observers") else {})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the digits that has learnt for a few steps."""
    folder = tmp_path_factory.mktemp("source") / "digits"
    dlplug.run("digits", overlay(DIGITS | {"steps": 5}), out=str(folder))
    return folder


def starting(folder: Path) -> Any:
    """What a model is told of its run."""
    folder.mkdir(exist_ok=True)
    return SimpleNamespace(folder=folder, host=testing.load_host(), seed=0)


def weights(folder: Path) -> dict[str, Tensor]:
    return dict(trained(str(folder)).weights)


# Few images


def test_few_images_are_some_of_the_training_set_and_the_same_for_every_seed(tiny_mnist):
    for whole, few, other in (
        (Digits(seed=0), Digits(training=70, seed=0), Digits(training=70, seed=1)),
        (
            MNIST(validation=50, seed=0),
            *(MNIST(validation=50, training=70, augmentation=Augmentation(batch_size=7), seed=n) for n in (0, 1)),
        ),
    ):
        pictures = {tuple(image.flatten().tolist()) for image in whole.parts["train"].images}
        assert len(few.parts["train"].y) == 70
        assert all(tuple(image.flatten().tolist()) in pictures for image in few.parts["train"].images)
        assert torch.equal(few.parts["train"].images, other.parts["train"].images)
        assert all(torch.equal(few.parts[part].images, whole.parts[part].images) for part in ("val", "test"))
    with pytest.raises(UserError, match=r"--data\.training must be between 1 and 1077, got 1078"):
        Digits(training=1078, seed=0)


def test_larger_digits_are_drawn_between_the_pixels():
    small, large = Digits(seed=0), Digits(size=28, seed=0)
    assert large.spec.input == (1, 28, 28)
    image = small.parts["val"].images[3, ..., 0].double()
    for i, j in ((0, 0), (5, 17), (14, 13), (27, 20)):
        # the place of the large pixel's middle among the small ones' middles
        y, x = (min(7.0, max(0.0, (k + 0.5) * 8 / 28 - 0.5)) for k in (i, j))
        up, left = min(6, int(y)), min(6, int(x))
        down, right = y - up, x - left
        above = (1 - right) * image[up, left] + right * image[up, left + 1]
        below = (1 - right) * image[up + 1, left] + right * image[up + 1, left + 1]
        expected = ((1 - down) * above + down * below).item()
        assert large.parts["val"].images[3, i, j, 0].item() == pytest.approx(expected, abs=0.51)
    with pytest.raises(UserError, match=r"--data\.size must be at least 1, got 0"):
        Digits(size=0, seed=0)


# What is loaded


def test_all_but_the_last_layer_is_the_sources(source, tmp_path):
    torch.manual_seed(1)
    model, learnt = Transfer(CLOTHES, source=str(source), run=starting(tmp_path / "run")), weights(source)
    assert model.new == {"5.weight", "5.bias"}
    for name, value in model.network.state_dict().items():
        assert (name in learnt and torch.equal(value, learnt[name])) is (name not in model.new), name
    assert model(torch.rand(3, 1, 8, 8)).shape == (3, 5)


def test_the_same_classes_may_keep_the_last_layer(source, tmp_path):
    same = Spec((1, 8, 8), 10)
    new = Transfer(same, source=str(source), run=starting(tmp_path / "new"))
    kept = Transfer(same, source=str(source), keep_head=True, run=starting(tmp_path / "kept"))
    assert (new.new, kept.new) == ({"5.weight", "5.bias"}, set())
    assert torch.equal(kept.network.state_dict()["5.weight"], weights(source)["5.weight"])
    assert not torch.equal(new.network.state_dict()["5.weight"], weights(source)["5.weight"])


def test_what_does_not_fit_in_shape_is_new_too():
    torch.manual_seed(0)
    grey, coloured = QuickNet(CLOTHES, width=4, stages=2), QuickNet(Spec((3, 8, 8), 5), width=4, stages=2)
    first = dict(coloured.named_parameters())["1.first.0.weight"].clone()
    assert load(coloured, grey.state_dict(), keep_head=True) == ("1.first.0.weight",)
    assert torch.equal(dict(coloured.named_parameters())["1.first.0.weight"], first)
    assert torch.equal(coloured.state_dict()["2.first.0.weight"], grey.state_dict()["2.first.0.weight"])
    assert head(LeNet(Spec((1, 28, 28), 5))) == ("6.weight", "6.bias")
    with pytest.raises(UserError, match=r"nothing of --model\.source fits"):
        load(coloured, LeNet(Spec((1, 28, 28), 5)).state_dict(), keep_head=False)


def test_a_run_that_has_started_so_can_be_started_from(source, tmp_path):
    options = DIGITS | {"model": "transfer", "model.source": str(source), "steps": 2}
    del options["model.width"]
    middle = dlplug.run("digits", overlay(options), out=str(tmp_path / "middle"))
    model = Transfer(CLOTHES, source=str(middle.folder), run=starting(tmp_path / "run"))
    learnt = weights(tmp_path / "middle")
    assert isinstance(model.network, QuickNet)
    assert torch.equal(model.network.state_dict()["1.first.0.weight"], learnt["network.1.first.0.weight"])
    assert not torch.equal(learnt["network.1.first.0.weight"], weights(source)["1.first.0.weight"])


def test_a_recipes_name_is_its_newest_run_that_has_something(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = starting(tmp_path / "now")
    with pytest.raises(UserError, match="digits has not been run here: `dlplug run digits` first"):
        Transfer(CLOTHES, source="digits", run=run)
    shutil.copytree(source, tmp_path / "runs" / "digits" / "20260101-000000-aaaa")
    (tmp_path / "runs" / "digits" / "20260202-000000-bbbb").mkdir()
    Transfer(CLOTHES, source="digits", run=run)
    assert "20260101" in (run.folder / "source.json").read_text()


# What stays, and what moves


def test_frozen_parts_stay_and_the_rest_moves(source, tmp_path):
    options = DIGITS | {"model": "transfer", "model.source": str(source), "model.freeze": "1, 2.first", "steps": 5}
    del options["model.width"]
    run = dlplug.run("digits", overlay(options), out=str(tmp_path / "run"))
    before, after = weights(source), weights(run.folder)
    for name, value in before.items():
        if name.startswith(("1.", "2.first.")):  # batch norms' statistics are among them
            assert torch.equal(after[f"network.{name}"], value), name
        elif name.startswith("2.rest"):
            assert not torch.equal(after[f"network.{name}"], value), name


def test_frozen_batch_norms_stay_in_eval_mode(source, tmp_path):
    model = Transfer(CLOTHES, source=str(source), freeze="1", run=starting(tmp_path / "run")).train()
    assert model.training
    assert not any(module.training for module in model.network.get_submodule("1").modules())
    assert all(module.training for module in model.network.get_submodule("2").modules())
    assert not any(module.training for module in model.eval().modules())


def test_two_groups_what_was_loaded_and_what_is_new(source, tmp_path):
    model = Transfer(CLOTHES, source=str(source), freeze="1", rate=0.1, run=starting(tmp_path / "run"))
    slow, new = model.parameter_groups()
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    assert slow["rate"] == 0.1
    assert {names[id(p)] for p in new["params"]} == {"5.weight", "5.bias"}
    assert {names[id(p)].partition(".")[0] for p in slow["params"]} == {"2"}
    with pytest.raises(UserError, match=r"--model\.rate must be above 0, got 0"):
        Transfer(CLOTHES, source=str(source), rate=0, run=starting(tmp_path / "other"))


@pytest.mark.parametrize(
    ("freeze", "new", "message"),
    [
        ("1.frist", set(), r"no submodule '1\.frist'\. Did you mean 1\.first"),
        ("stem", set(), r"no submodule 'stem'\. Its children: 0, 1, 2, 3, 4, 5\."),
        ("5", {"5.weight"}, r"5: its 5\.weight is newly initialised"),
        ("1,2,5", set(), "leaves nothing to train"),
    ],
)
def test_what_cannot_be_frozen_is_one_clear_line(freeze, new, message):
    with pytest.raises(UserError, match=message):
        frozen(QuickNet(CLOTHES, width=4, stages=2), freeze, new)


# When the source is gone


def test_a_run_goes_on_bit_for_bit_when_its_source_is_gone(source, tmp_path):
    copy = tmp_path / "source"
    shutil.copytree(source, copy)
    options = DIGITS | {"model": "transfer", "model.source": str(copy), "model.freeze": "1", "model.rate": 0.1}
    del options["model.width"]
    options = overlay(options | {"steps": 8, "log_every": 2, "metrics": ["classification"]})
    straight = dlplug.run("digits", options, out=str(tmp_path / "straight"))
    host, stopper = testing.load_host(), testing.StopAt(4)
    host.manager.register(stopper)
    broken = dlplug.run("digits", options, out=str(tmp_path / "broken"), host=host)
    assert (broken.result["status"], broken.result["steps"]) == ("interrupted", 4)
    before = dlplug.evaluate(str(straight.folder))
    shutil.rmtree(copy)
    resumed = dlplug.resume(str(broken.folder))
    assert resumed.result["steps"] == 8
    testing.assert_same(weights(resumed.folder), weights(straight.folder), "8 steps and 4 + resume + 4")
    assert dlplug.evaluate(str(straight.folder)) == before


def test_the_recipe_learns_and_resumes(source):
    testing.check_recipe("transfer", {"model.source": str(source), "model.freeze": "1", "model.rate": 0.1})


# torchvision's


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of weights where torchvision keeps them, as if it had been downloaded."""
    from torchvision import models

    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    torch.manual_seed(3)
    network = models.mobilenet_v3_small(num_classes=1000)
    path = tmp_path / "torchvision" / models.MobileNet_V3_Small_Weights.DEFAULT.url.rpartition("/")[2]
    path.parent.mkdir()
    torch.save(network.state_dict(), path)
    return path


def test_torchvisions_network_begins_with_its_weights(downloaded, tmp_path):
    run = starting(tmp_path / "run")
    model = Transfer(Spec((1, 28, 28), 5), source="torchvision:mobilenet_v3_small", freeze="features.0", run=run)
    saved = torch.load(downloaded, weights_only=True)
    assert model.new == {"classifier.3.weight", "classifier.3.bias"}
    for name, value in model.network.state_dict().items():
        assert name in model.new or torch.equal(value, saved[name]), name
    x = torch.rand(2, 1, 28, 28)
    expected = (x.expand(2, 3, 28, 28) - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
        [0.229, 0.224, 0.225]
    )[:, None, None]
    torch.testing.assert_close(model.prepare(x), expected)
    assert model.eval()(x).shape == (2, 5)
    downloaded.unlink()  # what was begun needs the file no more
    again = Transfer(Spec((1, 28, 28), 5), source="torchvision:mobilenet_v3_small", freeze="features.0", run=run)
    assert again.state_dict().keys() == model.state_dict().keys()
    assert [len(g["params"]) for g in again.parameter_groups()] == [len(g["params"]) for g in model.parameter_groups()]


def test_what_cannot_be_downloaded_is_one_clear_line(tmp_path, monkeypatch):
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route")

    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(UserError) as caught:
        pretrained.weights_of("torchvision:resnet18")
    said = str(caught.value)
    assert "\n" not in said
    for told in ("resnet18-f37072fd.pth is missing in", str(tmp_path / "data"), "no route", "https://download.pytorch"):
        assert told in said
    with pytest.raises(UserError, match=r"no classifier 'resnet19'\. Did you mean resnet"):
        pretrained.weights_of("torchvision:resnet19")


def test_a_damaged_file_is_named(downloaded):
    downloaded.write_bytes(downloaded.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"mobilenet_v3_small-.*\.pth is damaged in"):
        pretrained.weights_of("torchvision:mobilenet_v3_small")
