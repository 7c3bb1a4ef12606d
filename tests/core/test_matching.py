"""Parts that don't go together are told so by name, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import dlplug
from dlplug import Data, Labelled, Loss, Update, UserError, minimise
from dlplug.matching import check_batches
from dlplug.options import resolve
from dlplug.plugins import load_host

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
