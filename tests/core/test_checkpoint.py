"""Checkpoints are whole or absent, load nothing that runs, and say what is wrong with a bad one."""

import os
import pickle
import random
import re

import numpy as np
import pytest
import torch
from torch import nn

from dlplug import UserError
from dlplug.training import checkpoint


def save(folder, step, model, kind="last", **more):
    return checkpoint.save(folder, kind, step, model, {"loss": {}}, {"count": step}, **more)


def test_weights_and_state_come_back(tmp_path):
    model = nn.Linear(2, 3)
    path = save(tmp_path, 7, model)
    other = nn.Linear(2, 3)
    checkpoint.load_weights(path, other)
    assert torch.equal(model.weight, other.weight)
    assert checkpoint.load_learner(path)["step"] == 7
    assert checkpoint.load_state(path / "data.pt") == {"count": 7}


def test_the_last_k_are_kept_and_the_newest_found(tmp_path):
    for step in (5, 10, 30, 200):
        save(tmp_path, step, nn.Linear(1, 1), keep=2)
    assert [p.name for p in checkpoint.find(tmp_path, "last")] == ["last-000000030", "last-000000200"]
    save(tmp_path, 10, nn.Linear(1, 1), kind="best")
    assert checkpoint.newest(tmp_path, "best", "last").name == "best-000000010"
    assert checkpoint.newest(tmp_path, "last").name == "last-000000200"


@pytest.mark.parametrize("keep", [1, 2])
def test_what_was_just_saved_stays_and_what_it_went_back_behind_goes(tmp_path, keep):
    """A run killed between best-2000 and last-2000 goes on from 1000, and finds a new best at 1500."""
    for step in (1000, 2000, 1500):
        save(tmp_path, step, nn.Linear(1, 1), kind="best", keep=keep)
    assert [checkpoint.step_of(p) for p in checkpoint.find(tmp_path, "best")] == [1000, 1500][-keep:]
    assert checkpoint.step_of(checkpoint.newest(tmp_path, "best", "last")) == 1500


def test_checkpoints_are_ordered_by_their_steps_and_other_folders_left_alone(tmp_path):
    (tmp_path / "last-resort").mkdir()
    for step in (999_999_999, 1_000_000_000):
        save(tmp_path, step, nn.Linear(1, 1), keep=2)
    assert checkpoint.newest(tmp_path, "last").name == "last-1000000000"
    assert (tmp_path / "last-resort").exists()


def test_a_save_at_the_same_step_replaces(tmp_path):
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    save(tmp_path, 3, first)
    checkpoint.load_weights(save(tmp_path, 3, second), first)
    assert torch.equal(first.weight, second.weight)
    assert os.listdir(tmp_path) == ["last-000000003"]


def test_what_a_killed_save_left_goes_with_the_next(tmp_path):
    (tmp_path / ".last-000000002.4711.partial").mkdir(parents=True)
    save(tmp_path, 3, nn.Linear(1, 1))
    assert os.listdir(tmp_path) == ["last-000000003"]


class Normed(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 2), nn.BatchNorm1d(2))


def spoilt(where, value):
    """A model and a learner's state with a value in one of their tensors."""
    model, learner = (
        Normed(),
        {"step": 9, "loss": {"net": {"w": torch.ones(2)}}, "steppers": {"": {"m": [torch.ones(2)]}}},
    )
    tensors = {"0.bias": model[0].bias, "1.running_var": model[1].running_var,
               "net.w": learner["loss"]["net"]["w"], "m[0]": learner["steppers"][""]["m"][0]}  # fmt: skip
    tensors[where].data[1] = value
    return model, learner


@pytest.mark.parametrize("kind", ["last", "best"])
@pytest.mark.parametrize("where", ["0.bias", "1.running_var", "net.w", "m[0]"])
def test_nan_is_never_saved_over_what_is_good(tmp_path, where, kind):
    save(tmp_path, 5, Normed(), kind=kind)
    with pytest.raises(UserError, match=re.escape(where) + " is not finite at step 9"):
        checkpoint.save(tmp_path, kind, 9, *spoilt(where, torch.nan), {"count": 9})
    assert os.listdir(tmp_path) == [f"{kind}-000000005"]


def test_infinity_is_refused_in_weights_alone(tmp_path):
    with pytest.raises(UserError, match=r"the weight 0\.bias is not finite"):
        checkpoint.save(tmp_path, "last", 9, *spoilt("0.bias", torch.inf))
    checkpoint.save(tmp_path, "last", 9, *spoilt("net.w", -torch.inf))  # a best score so far, a mask


def test_a_save_that_fails_leaves_the_one_before_it_and_nothing_else(tmp_path):
    save(tmp_path, 1, nn.Linear(1, 1))
    with pytest.raises(TypeError, match=r"state\['deep'\]\[1\] is a generator"):
        checkpoint.save(tmp_path, "last", 2, nn.Linear(1, 1), {"loss": {}}, {"deep": [1, (x for x in ())]})
    assert os.listdir(tmp_path) == ["last-000000001"]


def test_tied_weights_are_saved_once_and_come_back_tied(tmp_path):
    def tied():
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        model[1].weight = model[0].weight
        return model

    model, other = tied(), tied()
    checkpoint.load_weights(save(tmp_path, 1, model), other)
    assert torch.equal(other[0].weight, model[0].weight)
    assert other[1].weight is other[0].weight


@pytest.mark.parametrize(
    ("other", "said"),
    [(nn.Linear(2, 4), r"bias is \(3,\) in it and \(4,\) here"), (nn.Sequential(nn.Linear(2, 3)), "and nothing here")],
)
def test_the_checkpoint_of_another_model_is_refused_by_the_tensor_that_differs(tmp_path, other, said):
    path = save(tmp_path, 1, nn.Linear(2, 3))
    with pytest.raises(UserError, match=f"of another model: {said}" if "bias" in said else said):
        checkpoint.load_weights(path, other)


def test_numpy_values_become_plain_ones(tmp_path):
    state = {"count": np.int64(3), "seen": np.arange(4), "pair": (1, np.float32(0.5))}
    path = checkpoint.save(tmp_path, "last", 1, nn.Linear(1, 1), {"loss": {}}, state)
    loaded = checkpoint.load_state(path / "data.pt")
    assert (loaded["count"], loaded["pair"]) == (3, (1, 0.5))
    assert loaded["seen"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["weights.safetensors", "learner.pt", "data.pt"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    path = save(tmp_path, 1, nn.Linear(20, 30))
    file = path / name
    if damage == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "garbage":
        file.write_bytes(b"no checkpoint at all" * 100)
    else:
        file.unlink()
    load = {
        "weights.safetensors": lambda: checkpoint.load_weights(path, nn.Linear(20, 30)),
        "learner.pt": lambda: checkpoint.load_learner(path),
        "data.pt": lambda: checkpoint.load_state(path / "data.pt"),
    }[name]
    with pytest.raises(UserError, match=name.replace(".", r"\.")) as error:
        load()
    assert "\n" not in str(error.value)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_a_file_that_would_run_something_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": checkpoint.FORMAT, "bomb": Bomb()}, "learner.pt", pickle_module=pickle)
    with pytest.raises(UserError, match="not dlplug's"):
        checkpoint.load_learner(tmp_path)
    assert not (tmp_path / "exploded").exists()


def test_a_foreign_torch_file_is_refused(tmp_path):
    torch.save({"model": torch.zeros(1)}, tmp_path / "learner.pt")
    with pytest.raises(UserError, match="not dlplug's"):
        checkpoint.load_learner(tmp_path)


def test_no_checkpoint_at_all(tmp_path):
    with pytest.raises(UserError, match="no checkpoint"):
        checkpoint.newest(tmp_path, "best", "last")


def test_the_random_state_comes_back_through_a_file(tmp_path):
    torch.save(checkpoint.random_state(), tmp_path / "random.pt")
    draw = lambda: (random.random(), np.random.rand(), torch.rand(1).item(), random.gauss(0, 1))  # noqa: E731
    expected = draw()
    checkpoint.set_random_state(checkpoint.load_state(tmp_path / "random.pt"))
    assert draw() == expected
