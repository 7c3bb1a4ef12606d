"""What an object keeps from one process to the next."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import toys
from torch import nn

from dlplug import Data, Labelled, Lagged, Loss, Stateful, Turn, Update, UserError, testing


class Pair(NamedTuple):
    mean: torch.Tensor
    count: int


class Base(Stateful):
    remembers = ("first",)

    def __init__(self):
        self.first = 0


class Everything(Base):
    remembers = ("tensor", "array", "nested", "pair")

    def __init__(self):
        super().__init__()
        self.nets, self.named = [nn.Linear(1, 1), Lagged(nn.Linear(1, 1), every=3)], {"a": Turn(2), "b": "plain"}
        self.groups = ([Turn(2)], {"generator": torch.Generator()})
        self.kinds = [nn.Linear, Lagged]  # classes have no state, though they have a `state_dict`
        self.tensor, self.array, self.nested = torch.zeros(2), np.zeros(2), {"x": [torch.zeros(1)]}
        self.pair = Pair(torch.zeros(()), 0)


def used():
    """An object all of whose parts have changed."""
    thing = Everything()
    thing.first = 3
    thing.named["a"](), thing.groups[0][0](), thing.groups[1]["generator"].manual_seed(7)
    thing.nets[1].follow(thing.nets[0])
    thing.tensor += 1
    thing.array += 2
    thing.nested["x"] += [torch.ones(2)]
    thing.pair = Pair(torch.ones(()), 5)
    return thing


def test_fresh_objects_get_back_what_lists_dicts_and_base_classes_held():
    thing, fresh = used(), Everything()
    state = testing.through_a_file(thing.state_dict())
    fresh.load_state_dict(state)
    testing.assert_same(testing.through_a_file(fresh.state_dict()), state, "state")
    assert torch.equal(fresh.nets[0].weight, thing.nets[0].weight)
    assert (fresh.nets[1].turn.calls, fresh.named["a"].calls, fresh.groups[0][0].calls) == (1, 1, 1)
    assert (fresh.groups[1]["generator"].initial_seed(), fresh.first, fresh.pair) == (7, 3, thing.pair)
    assert isinstance(fresh.array, np.ndarray)
    assert [part.tolist() for part in fresh.nested["x"]] == [[0.0], [1.0, 1.0]]


def test_a_saved_state_does_not_change_with_its_object():
    thing = used()
    state = thing.state_dict()
    thing.tensor += 1
    thing.array += 1
    thing.nested["x"][0] += 1
    assert (state["tensor"].tolist(), state["array"].tolist(), state["nested"]["x"][0].item()) == ([1, 1], [2, 2], 0)


def test_tensors_are_restored_in_place():
    """A captured step goes on reading the memory that it was captured with."""
    state, fresh = used().state_dict(), Everything()
    before = fresh.tensor.data_ptr(), fresh.nested["x"][0].data_ptr(), fresh.pair.mean.data_ptr()
    fresh.load_state_dict(state)
    assert (fresh.tensor.data_ptr(), fresh.nested["x"][0].data_ptr(), fresh.pair.mean.data_ptr()) == before


def test_tensors_are_restored_on_their_device():
    state, fresh = used().state_dict(), Everything()
    fresh.tensor, fresh.pair = fresh.tensor.to("meta"), Pair(torch.zeros(3, device="meta"), 0)
    fresh.load_state_dict(state)
    assert (fresh.tensor.device.type, fresh.pair.mean.device.type) == ("meta", "meta")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state | {"foe": 1}, "Everything has unknown keys: foe"),
        (lambda state: {k: v for k, v in state.items() if k != "tensor"}, "Everything lacks tensor"),
        (lambda state: state | {"nets": {**state["nets"], 2: {}}}, "Everything.nets has unknown keys: 2"),
    ],
)
def test_what_is_not_restored_is_said(change, said):
    with pytest.raises(UserError, match=said):
        Everything().load_state_dict(change(used().state_dict()))


class LatePool(toys.Walk):
    """Keeps past selves in a list that it begins with its first batch: a fresh object cannot take them back."""

    def __init__(self, *, seed):
        super().__init__(seed=seed)
        self.pool = []

    def batches(self, model):
        for batch in super().batches(model):
            self.pool = [*self.pool, Lagged(model)]
            yield batch


class LateFoe(toys.Walk):
    def __init__(self, *, seed):
        super().__init__(seed=seed)
        self.foe = None

    def batches(self, model):
        self.foe = self.foe or Lagged(model)
        yield from super().batches(model)


class AtTheThird(toys.Moons):
    """Counts to three in a local: a stop behind the third batch would not show it."""

    def batches(self, model):
        for number, batch in enumerate(super().batches(model)):
            yield batch._replace(x=batch.x + number % 3)


@pytest.mark.parametrize(("kind", "said"), [(LatePool, "unknown keys: pool"), (LateFoe, "unknown keys: foe")])
def test_data_whose_state_only_the_same_object_takes_are_caught(kind, said):
    data = kind(seed=0)
    with pytest.raises(UserError, match=said):
        testing.check_data(data, toys.Mlp(data.spec))


def test_data_are_stopped_between_any_two_batches():
    with pytest.raises(AssertionError, match=r"batches after loading the data's state"):
        testing.check_data(AtTheThird(seed=0), nn.Linear(2, 2), count=3)


class LateTarget(Loss):
    def __init__(self, model):
        super().__init__(model)
        self.target = None

    def updates(self, batch):
        self.target = self.target or Lagged(self.model)
        yield Update((self.model(batch.x) - self.target(batch.x).detach() - 1).square().mean())


def test_a_loss_whose_state_only_the_same_object_takes_is_caught():
    with pytest.raises(UserError, match="unknown keys: target"):
        testing.check_loss(LateTarget(nn.Linear(2, 2)), Labelled(torch.ones(1, 2), torch.zeros(1)))


def test_what_a_subclass_remembers_adds_to_what_its_base_does():
    class Mine(Data):
        remembers = ("place",)
        place = 0

    data = Mine()
    data.count, data.place = 5, 6
    fresh = Mine()
    fresh.load_state_dict(data.state_dict())
    assert (fresh.count, fresh.place) == (5, 6)


class Turning(toys.Moons):
    """Changes a plain attribute with each batch."""

    def __init__(self, *, seed):
        super().__init__(seed=seed)
        self.turn, self.cache = 0, {}

    def batches(self, model):
        for batch in super().batches(model):
            self.turn += 1
            yield batch


class Caching(Turning):
    remembers = ("turn",)

    def batches(self, model):
        for batch in super().batches(model):
            self.cache[self.turn] = batch.x
            yield batch


class Said(Caching):
    forgets = ("cache",)


@pytest.mark.parametrize(("kind", "name"), [(Turning, "turn"), (Caching, "cache")])
def test_a_plain_attribute_that_changes_and_is_lost_is_caught(kind, name):
    with pytest.raises(AssertionError, match=f"{kind.__name__}.{name} changed and is lost in a restart"):
        testing.check_data(kind(seed=0), nn.Linear(2, 2))


def test_what_data_forget_on_purpose_is_their_own():
    testing.check_data(Said(seed=0), nn.Linear(2, 2))


class Counted(Loss):
    def __init__(self, model):
        super().__init__(model)
        self.seen = torch.zeros(())

    def updates(self, batch):
        self.seen += 1
        yield Update(self.model(batch.x).square().mean())


def test_a_loss_that_loses_a_tensor_is_caught():
    with pytest.raises(AssertionError, match=r"Counted\.seen changed and is lost"):
        testing.check_loss(Counted(nn.Linear(2, 2)), Labelled(torch.ones(1, 2), torch.zeros(1)))


class Hidden(NamedTuple):
    h: torch.Tensor
    steps: int


class Keeping(Stateful):
    remembers = ("one", "several")

    def __init__(self):
        self.one: Any = Hidden(torch.zeros(2), 0)
        self.several: list[Any] = []


def test_named_tuples_come_back_as_such():
    kept, fresh = Keeping(), Keeping()
    kept.one, kept.several = Hidden(torch.ones(2), 3), [Hidden(torch.ones(1), 1)]
    memory = fresh.one.h
    fresh.load_state_dict(testing.through_a_file(kept.state_dict()))
    assert type(fresh.one) is Hidden
    assert fresh.one.steps == 3
    assert fresh.one.h is memory
    assert fresh.several[0].steps == 1  # where no other was before, one of the same names
    assert fresh.several[0].h.tolist() == [1.0]
    assert fresh.state_dict()["several"] == kept.state_dict()["several"]
