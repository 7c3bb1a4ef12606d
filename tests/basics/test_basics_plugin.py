"""The plugin keeps the contract, and its recipes reach what they claim, in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import meta
import numpy as np
import pytest
import torch
from dlplug_basics.data import FlatDigits, NoisyLine, Separable, TwoMoons, two_moons
from dlplug_basics.graph.figure import picture
from dlplug_basics.in_numpy.bridge import NumpyCrossEntropy, NumpyNetwork, layer_update
from dlplug_basics.losses import PerceptronRule, SideBySide, cross_entropy, squared_error
from dlplug_basics.networks import Affine, MultilayerPerceptron, OneForEachActivation
from dlplug_basics.race import RaceLoss, Racers, Valley
from dlplug_basics.recipes import RECIPES

import dlplug
from dlplug import UserError, testing


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("basics")


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_learns_and_resumes(name: str):
    testing.check_recipe(name)


@pytest.mark.parametrize(("count", "noise", "seed"), [(1500, 0.2, 0), (7, 0.0, 3), (300, 1.5, 9)])
def test_two_moons_are_those_of_scikit_learn(count, noise, seed):
    from sklearn.datasets import make_moons

    for ours, theirs in zip(
        two_moons(count, noise, seed), make_moons(count, noise=noise, random_state=seed), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("kind", [FlatDigits, TwoMoons, NoisyLine, Separable, Valley])
def test_data_resume_where_they_were(kind: type):
    data = kind(seed=3)
    testing.check_data(data, MultilayerPerceptron(data.spec))


@pytest.mark.parametrize(
    ("data", "model", "loss"),
    [
        (NoisyLine, Affine, squared_error),
        (FlatDigits, Affine, cross_entropy),
        (FlatDigits, OneForEachActivation, SideBySide),
        (Valley, Racers, RaceLoss),
    ],
)
def test_losses_move_what_they_name(data, model, loss):
    source = data(seed=0)
    network = model(source.spec)
    testing.check_loss(loss(network), next(source.batches(network)))


@pytest.mark.parametrize(
    ("data", "model", "loss"),
    [
        (NoisyLine, Affine, squared_error),
        (FlatDigits, Affine, cross_entropy),
        (FlatDigits, OneForEachActivation, SideBySide),
        (Separable, Affine, PerceptronRule),
        (Valley, Racers, RaceLoss),
    ],
)
def test_no_step_copies_between_host_and_device(data, model, loss):
    made = data(seed=0)
    network = model(made.spec)
    batch = next(made.batches(network))
    meta.step(loss(network.to("meta")), batch)


def test_what_a_step_counts_stays_in_its_memory():
    """A step in a CUDA graph writes where it wrote when it was captured."""
    data = Separable(seed=0)
    loss = PerceptronRule(Affine(data.spec))
    mistakes, logged = loss.mistakes, []
    for _, batch in zip(range(9), data.batches(loss.model), strict=False):
        batch = batch._replace(y=torch.zeros(1))  # on the line
        logged += [update.values["mistakes"] for update in loss.updates(batch)]
    assert mistakes.item() == loss.mistakes.item() == 9
    assert [count.item() for count in logged] == [*range(1, 10)]


def test_what_was_counted_comes_back_on_the_models_device():
    loss, other = PerceptronRule(Affine(dlplug.Spec((2,), 1))), PerceptronRule(Affine(dlplug.Spec((2,), 1)).to("meta"))
    other.load_state_dict(loss.state_dict())
    assert other.mistakes.device.type == "meta"


def test_the_numpy_loss_moves_its_network():
    source = FlatDigits(seed=0)
    network = NumpyNetwork(source.spec, seed=0)
    testing.check_loss(NumpyCrossEntropy(network), next(source.batches(network)))


def test_the_digits_are_split_without_overlap_and_alike_for_every_seed():
    one, other = FlatDigits(seed=0), FlatDigits(seed=1)
    rows = [tuple(row.tolist()) for part in one.parts.values() for row in part.x]
    assert len(rows) == 1797
    assert [len(part.x) for part in one.parts.values()] == [1078, 359, 360]
    # no picture stands in two parts: the set itself has no duplicates
    assert len(set(rows)) == 1797
    assert all(torch.equal(one.parts[name].x, other.parts[name].x) for name in one.parts)
    model = Affine(one.spec)
    assert not torch.equal(next(one.batches(model)).x, next(other.batches(model)).x)


@pytest.mark.parametrize("margin", [0.05, 0.3])
def test_separable_points_keep_their_distance(margin: float):
    data = Separable(margin=margin, seed=2)
    x = torch.cat([part.x for part in data.parts.values()])
    y = torch.cat([part.y for part in data.parts.values()])
    # the widest street between the classes, by a support vector machine, is at least twice the margin
    from sklearn.svm import SVC

    machine = SVC(kernel="linear", C=1e6).fit(x.numpy(), y.numpy())
    assert machine.score(x.numpy(), y.numpy()) == 1
    assert 1 / torch.tensor(machine.coef_).norm() >= margin * 0.999


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FlatDigits(batch_size=5000, seed=0), "1078 examples, got 5000"),
        (lambda: Separable(margin=2.0, seed=0), "between 0 and 0.5, got 2.0"),
        (lambda: Valley(flatness=0.5, seed=0), "at least 1"),
        (lambda: MultilayerPerceptron(dlplug.Spec((2,), 2), width=0), "width of at least 1"),
        (lambda: picture(1.0, 2.0, 0.0), "must not be 0"),
        (lambda: layer_update(torch.nn.Linear(1, 1).parameters()), "numpy-network only"),
    ],
)
def test_bad_options_are_one_clear_line(make, said: str):
    with pytest.raises(UserError, match=said):
        make()


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.targets])
def test_each_target_was_reached_with_three_seeds(name: str):
    path = Path(__file__).parents[2] / "plugins" / "basics" / "results" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8"))["default"]
    stated = [target.metric for target in RECIPES[name].targets]
    assert [target["metric"] for target in record["targets"]] == stated
    assert [target["source"] for target in record["targets"]] == [target.source for target in RECIPES[name].targets]
    for target, result in zip(RECIPES[name].targets, record["targets"], strict=True):
        assert len(result["values"]) >= 3
        assert target.reached(sum(result["values"]) / len(result["values"]))


REACHED = {
    "linear-regression": ("distance_to_closed_form", 0, 1e-4),
    "perceptron": ("accuracy", 0.97, 1),
    "optimizer-race": ("theory_error", 0, 1e-4),
}


@pytest.mark.parametrize("name", REACHED)
def test_quick_recipes_reach_their_bars_with_a_picture(name: str, tmp_path: Path):
    overlay = {**testing.QUIET, "seed": 7} | ({"steps": 2000} if name == "perceptron" else {})
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run(name, overlay, out=str(tmp_path / "run"))
    values = dlplug.evaluate(str(run.folder))
    metric, low, high = REACHED[name]
    (value,) = [value for key, value in values.items() if key.endswith(f"/{metric}")]
    assert low <= value <= high
    from imageio.v3 import imread

    pictures = [imread(path) for path in (run.folder / "media").glob("*.png")]
    assert pictures
    assert all(picture.std() > 10 for picture in pictures)


def test_a_perceptron_makes_no_more_mistakes_than_novikoff_allows():
    for seed in range(3):
        data = Separable(seed=seed)
        model = Affine(data.spec)
        loss, sgd = PerceptronRule(model), torch.optim.SGD(model.parameters(), lr=1.0)
        weight, mistakes = torch.zeros(3), 0
        for _, batch in zip(range(1000), data.batches(model), strict=False):
            # Rosenblatt's rule on w and the bias, by hand
            extended = torch.cat([batch.x[0], torch.ones(1)])
            if batch.y[0] * (weight @ extended) <= 0:
                weight, mistakes = weight + batch.y[0] * extended, mistakes + 1
            for update in loss.updates(batch):
                sgd.zero_grad()
                update.loss.backward()
                sgd.step()
        assert torch.allclose(torch.cat([model.weight[0], model.bias]), weight, atol=1e-4)
        assert int(loss.mistakes) == mistakes
        assert 0 < mistakes <= 200


def test_the_race_says_each_learning_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from dlplug_basics import figures

    legends: list[str] = []

    def draw(figure: Any, caption: str) -> dlplug.Image:
        legends.extend(text.get_text() for axes in figure.axes if axes.legend_ for text in axes.legend_.get_texts())
        return dlplug.Image(np.zeros((2, 2, 3), np.uint8))

    monkeypatch.setattr(figures, "to_image", draw)
    overlay = {**testing.QUIET, "steps": 3, "optimizer.too_large.learning_rate": 1.97}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    dlplug.run("optimizer-race", overlay, out=str(tmp_path / "run"))
    assert "SGD with momentum, η = 0.1, β = 0.8" in legends
    assert "gradient descent, learning rate too large, η = 1.97" in legends
