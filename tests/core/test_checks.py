"""Parts that don't go together are told so by name, before anything is trained."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest
import torch
from torch import Tensor, nn

import dlplug
from dlplug import Data, Labelled, Loss, Update, UserError, minimise
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.runs.parts import Parts
from dlplug.training.checks import _may_fit, check_batches, check_fits, check_parts

if TYPE_CHECKING:
    from somewhere import Unknown  # pyright: ignore[reportMissingImports]


class Weighed(NamedTuple):
    """Another's batch that happens to have all that a `Labelled` has."""

    weight: Tensor
    y: Tensor
    x: Tensor


class Bare(NamedTuple):
    x: Tensor


class OfLabelled(Data):
    def batches(self, model: nn.Module) -> Iterator[Labelled]: ...  # pyright: ignore[reportReturnType]


class OfWeighed(Data):
    def batches(self, model: nn.Module) -> Iterator[Weighed]: ...  # pyright: ignore[reportReturnType]


class OfBare(Data):
    def batches(self, model: nn.Module) -> Iterator[Bare]: ...  # pyright: ignore[reportReturnType]


class OfAnything(Data):
    def batches(self, model) -> Any: ...


class OfUnknown(Data):
    def batches(self, model: nn.Module) -> Iterator[Unknown]: ...  # pyright: ignore[reportReturnType]


class Fit(Loss):
    def updates(self, batch: Labelled) -> Iterator[Update]: ...  # pyright: ignore[reportReturnType]


@minimise
def fit(model: nn.Module, batch: Labelled, *, power: float = 2.0) -> Tensor:
    return model(batch.x).sub(batch.y).abs().pow(power).mean()


@minimise
def anything(model, batch):
    return model(batch).mean()


MODEL = nn.Linear(1, 1)


@pytest.mark.parametrize("data", [OfLabelled(), OfWeighed(), OfAnything(), OfUnknown()])
@pytest.mark.parametrize("loss", [Fit(MODEL), fit(MODEL, power=1.0), anything(MODEL)])
def test_batches_that_have_what_the_loss_names_or_say_nothing_are_taken(data: Data, loss: Loss) -> None:
    check_batches(data, loss, ("there", "here"))


@pytest.mark.parametrize("loss", [Fit(MODEL), fit(MODEL)])
def test_batches_that_lack_a_field_are_refused(loss: Loss) -> None:
    with pytest.raises(UserError) as caught:
        check_batches(OfBare(), loss, ("there", "here"))
    assert str(caught.value) == (
        "the loss here needs batches of x, y, and the data there give x: choose another --loss or --data"
    )


def test_a_run_of_parts_that_do_not_match_leaves_nothing_behind(tmp_path: Any) -> None:
    torch.manual_seed(0)
    with pytest.raises(UserError, match=r"the loss dqn needs batches of obs, .* gym-rollout give obs, action, goal"):
        dlplug.run("dqn-catch", {"data": "gym-rollout"}, out=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_metric_or_sampler_that_does_not_fit_the_product_is_refused(host, quiet, tmp_path):
    with pytest.raises(
        UserError, match=r"metric episodes takes a product of type Policy .*, and the loss .*-toy makes a Mlp"
    ):
        dlplug.run("toy-moons", {**quiet, "steps": 2, "metrics": ["episodes"]}, host=host)
    assert not (tmp_path / "runs").exists()
    run = dlplug.run("toy-moons", {**quiet, "steps": 2}, host=host)
    with pytest.raises(
        UserError, match=r"sampler film takes a product of type Policy .*, and the loss .*-toy makes a Mlp"
    ):
        dlplug.sample(str(run.folder), {"device": "cpu"}, what="film", host=host)
    with pytest.raises(UserError, match=r"metric episodes takes a product"):
        dlplug.evaluate(str(run.folder), {"metrics": ["episodes"]}, host=host)


def test_what_the_classes_say_is_refused_before_anything_is_built(host, quiet, monkeypatch):
    run = dlplug.run("mlp-moons", {**quiet, "steps": 2, "metrics": []}, host=host)
    monkeypatch.setattr(Parts, "build", _trainer_alone)
    held_out = "of type Playable .*, and the data two-moons make a HeldOut"
    with pytest.raises(UserError, match=f"metric episodes takes held-out data {held_out}"):
        dlplug.run("mlp-moons", {**quiet, "metrics": ["episodes"]}, host=host)
    with pytest.raises(UserError, match=f"sampler film takes held-out data {held_out}"):
        dlplug.sample(str(run.folder), {"device": "cpu"}, what="film", host=host)
    with pytest.raises(UserError, match="the loss dqn needs batches of"):
        dlplug.run("mlp-moons", {**quiet, "loss": "dqn"}, host=host)


def _trainer_alone(parts: Parts, kind: str, *arguments: Any, build: Callable[..., Any] = Parts.build) -> Any:
    assert kind in ("trainers", "observers"), f"{kind} are built"
    return build(parts, kind, *arguments)


class Acts(Protocol):
    size: int

    def act(self, obs: Tensor) -> Tensor: ...


class Actor:
    size = 3

    def act(self, obs: Tensor) -> Tensor: ...  # pyright: ignore[reportReturnType]


def of_actor(product: Acts, data: Any) -> dict[str, float]: ...  # pyright: ignore[reportReturnType]
def of_either(product: Acts | nn.Module, data: Labelled) -> dict[str, float]: ...  # pyright: ignore[reportReturnType]
def of_unknown(product: Unknown, data: Labelled) -> dict[str, float]: ...  # pyright: ignore[reportReturnType]
def of_function(product: Callable[[Tensor], Tensor], data) -> dict[str, float]: ...  # pyright: ignore[reportReturnType]


BARE, LABELLED = Bare(torch.ones(1)), Labelled(torch.ones(1), torch.ones(1))


@pytest.mark.parametrize(
    ("metric", "product", "data"),
    [
        (of_actor, Actor(), BARE),
        (of_either, Actor(), LABELLED),
        (of_either, MODEL, LABELLED),
        (of_unknown, MODEL, BARE),
        (of_function, MODEL, BARE),
        (functools.partial(of_actor), Actor(), BARE),
        (of_either, MODEL, Weighed(torch.ones(1), torch.ones(1), torch.ones(1))),
    ],
)
def test_a_metric_that_fits_or_says_nothing_is_taken(metric, product, data):
    check_fits(metric, product, data, "metric m", ("l", "d"))


def test_a_metric_whose_annotations_do_not_fit_is_refused():
    with pytest.raises(UserError) as caught:
        check_fits(of_actor, MODEL, BARE, "metric m", ("l", "d"))
    assert str(caught.value) == (
        "metric m takes a product of type Acts (with act, size), and the loss l makes a Linear: choose another"
    )
    with pytest.raises(UserError) as caught:
        check_fits(of_either, MODEL, BARE, "metric m", ("l", "d"))
    assert str(caught.value) == (
        "metric m takes held-out data of type Labelled (with x, y), and the data d make a Bare (with x): choose another"
    )


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("data.priority", "--data atari or gym has it, atari-rollout has not."),
        ("data.epoch", "Did you mean --data.epochs or --data.protocol or --data.size?"),
        ("loss.gamma", "Did you mean --data.gamma?"),
        ("trainer.keep", "Did you mean --keep?"),
    ],
)
def test_an_option_of_something_else_says_whose_it_is(option: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        resolve(load_host(), "pqn-atari", [{option: 1}])
    assert str(caught.value) == f"pqn-atari has no option --{option}. {says}"


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.left, self.right = nn.Linear(2, 2), nn.Linear(2, 1), nn.Linear(2, 1)


class Heads(Loss):
    parts = ("left", "right")


def test_a_weight_that_no_part_moves_is_refused_unless_it_is_frozen():
    loss = Heads(TwoHeads())
    with pytest.raises(UserError, match=r"heads moves the parts 'left', 'right', and 'body\.weight' is in none"):
        check_parts(loss, "heads")
    loss.model.body.requires_grad_(False)
    check_parts(loss, "heads")


@pytest.mark.parametrize("parts", [("", "left"), ("left", "right")])
def test_a_weight_that_two_parts_move_is_refused(parts):
    loss = Heads(TwoHeads())
    loss.parts, loss.model.right = parts, loss.model.left
    with pytest.raises(UserError, match=r"weight' with the part .* and with .*, too"):
        check_parts(loss, "heads")


@pytest.mark.parametrize(
    ("kind", "wanted", "fits"),
    [
        (nn.Linear, nn.Module, True),
        (nn.Module, nn.Linear, True),  # what is made may be one
        (nn.Module | None, nn.Module, True),
        (nn.Module, nn.Linear | None, True),
        (Bare | None, nn.Module, False),
        (Bare | Weighed, Labelled, True),
        (dict, nn.Module | None, False),
        (Any, nn.Module, True),
    ],
)
def test_annotations_that_leave_it_open_are_no_fault(kind, wanted, fits):
    assert _may_fit(kind, wanted) == fits


class Called(Protocol):
    def __call__(self, x: Tensor) -> Tensor: ...


def test_a_protocol_that_is_only_called_takes_what_can_be_called():
    def metric(product: Called, data: Any) -> dict[str, float]: ...  # pyright: ignore[reportReturnType]

    check_fits(metric, nn.Linear(1, 1), None, "metric called", ("loss", "data"))
    with pytest.raises(UserError, match="metric called takes a product of type Called"):
        check_fits(metric, 3, None, "metric called", ("loss", "data"))
