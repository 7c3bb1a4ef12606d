"""The stepper: schedules, groups, clipping, and what a resume gives back to an optimizer."""

import pytest
import torch
from torch import nn

from dlplug import Update, UserError, testing
from dlplug.host.plugins import load_host
from dlplug.host.signatures import read_signature
from dlplug.training.optimizers import adam, adamw, movable, radam, rmsprop, sgd
from dlplug.training.stepper import Stepper


def test_a_stepper_follows_its_schedule():
    module = nn.Linear(1, 1)
    stepper = Stepper(module, sgd(module.parameters(), learning_rate=0.2), schedule="linear")
    stepper.set_progress(0.75)
    assert stepper.optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


class TwoRates(nn.Module):
    """w²/2 + v²/2, where v moves at a tenth of the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    def parameter_groups(self):
        return [{"params": [self.v], "rate": 0.1}, {"params": [self.w]}]

    def forward(self):
        return (self.w**2 + self.v**2) / 2


@pytest.mark.parametrize("capturable", [False, True])
def test_a_group_moves_at_its_own_rate_under_a_schedule_and_after_a_resume(capturable):
    module = TwoRates()

    def begun() -> Stepper:
        stepper = Stepper(module, adam(movable(module), learning_rate=0.2), schedule="linear")
        if capturable:
            stepper.make_capturable()
        return stepper

    stepper = begun()
    for step in range(6):
        if step == 3:  # the second half is another process's
            saved, stepper = stepper.state_dict(), begun()
            stepper.load_state_dict(saved)
        stepper.set_progress(step / 6)
        stepper.take(Update(module()))
        if step == 0:  # Adam's first step is as long as the rate
            assert (module.w.item(), module.v.item()) == pytest.approx((0.8, 0.98), abs=1e-5)
    rates = [float(group["lr"]) for group in stepper.optimizer.param_groups]
    assert rates == pytest.approx([0.02 / 6, 0.2 / 6])
    assert module.w < module.v - 0.1


def test_groups_by_the_formula():
    module, w, v = TwoRates(), 1.0, 1.0
    stepper = Stepper(module, sgd(movable(module), learning_rate=0.5))
    for _ in range(3):
        stepper.take(Update(module()))
        w, v = w - 0.5 * w, v - 0.05 * v
    assert (module.w.item(), module.v.item()) == pytest.approx((w, v))


def test_clipping_bounds_the_whole_gradient():
    module = nn.Linear(3, 1, bias=False)
    before = module.weight.detach().clone()
    stepper = Stepper(module, sgd(module.parameters(), learning_rate=1.0), clip_norm=0.5)
    stepper.take(Update(1000 * module(torch.ones(1, 3)).sum()))
    assert (module.weight - before).norm().item() == pytest.approx(0.5, rel=1e-4)


def test_frozen_weights_are_left_alone():
    module = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    stepper = Stepper(module, adam([p for p in module.parameters() if p.requires_grad]))
    stepper.take(Update(module(torch.ones(1, 1)).sum()))
    assert torch.equal(module[0].weight, before)


@pytest.mark.parametrize(("held", "said"), [([0], "not at all"), ([0, 1, 1], "several times")])
def test_an_optimizer_that_does_not_partition_the_weights_is_refused(held, said):
    module = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    optimizer = sgd(module[0].parameters(), learning_rate=0.5)
    optimizer.param_groups[0]["params"] = [p for index in held for p in module[index].parameters()]
    with pytest.raises(UserError, match=f"SGD moves '1.weight' and 1 more {said}"):
        Stepper(module, optimizer)


def test_a_capturable_stepper_keeps_its_rate_on_the_device():
    module = nn.Linear(1, 1)
    stepper = Stepper(module, adam(module.parameters(), learning_rate=0.2), schedule="linear")
    stepper.make_capturable()
    rate = stepper.optimizer.param_groups[0]["lr"]
    stepper.set_progress(0.5)
    assert rate.item() == pytest.approx(0.1)
    other = Stepper(module, adam(module.parameters(), learning_rate=0.2), schedule="linear")
    other.make_capturable()
    rate = other.optimizer.param_groups[0]["lr"]
    other.load_state_dict(stepper.state_dict())
    other.set_progress(0.5)
    assert rate.item() == other.optimizer.param_groups[0]["lr"].item() == pytest.approx(0.1)


OTHER_VALUES = {
    "learning_rate": 0.02, "momentum": 0.5, "nesterov": True, "weight_decay": 0.3, "beta1": 0.5, "beta2": 0.8,
    "epsilon": 0.1, "alpha": 0.5, "centered": True,
}  # fmt: skip


def optimizer_options():
    """Each registered optimizer (those that move any weights by a gradient) with each of its options, at another
    value."""
    host = load_host()
    for name in host.names("optimizers"):
        if name not in ("layer-update", "lbfgs"):  # for the NumPy network alone; by closures
            for option in read_signature(host.get("optimizers", name).target).options:
                yield pytest.param(name, option.name, id=f"{name}-{option.name}")


def groups_of(stepper):
    return [{k: v for k, v in group.items() if k != "params"} for group in stepper.optimizer.param_groups]


def trained(stepper, module, steps=4):
    for _ in range(steps):
        stepper.take(Update((module(torch.ones(1, 2)) ** 2).sum()))
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.mark.parametrize(("name", "option"), optimizer_options())
@pytest.mark.parametrize("added", [False, True], ids=["changed", "taken-back"])
def test_after_a_resume_an_optimizer_has_the_options_that_were_asked_for(name, option, added):
    entry = load_host().get("optimizers", name)
    make, signature = entry.load(), entry.signature()
    beside = {"momentum": 0.9} if option == "nesterov" else {}
    options = [signature.arguments(values) for values in (beside, beside | {option: OTHER_VALUES[option]})]
    before, after = reversed(options) if added else options
    torch.manual_seed(0)
    module, fresh = nn.Linear(2, 2), nn.Linear(2, 2)
    begun = Stepper(module, make(module.parameters(), **before))
    trained(begun, module)
    fresh.load_state_dict(module.state_dict())
    resumed = Stepper(fresh, make(fresh.parameters(), **after))
    asked = groups_of(resumed)
    resumed.load_state_dict(testing.through_a_file(begun.state_dict()))
    assert groups_of(resumed) == asked
    assert resumed.state_dict()["state"].keys() == begun.state_dict()["state"].keys()  # goes on, not from the start
    moved = trained(resumed, fresh)
    assert any(not torch.equal(moved[key], value) for key, value in trained(begun, module).items())


@pytest.mark.parametrize("make", [sgd, adam, adamw, rmsprop, radam])
def test_what_a_graph_wants_of_an_optimizer_is_this_processs_own(make):
    """Begun with --graph and resumed without, and the other way round."""
    module = nn.Linear(2, 2)
    begun = Stepper(module, make(module.parameters(), learning_rate=0.2))
    trained(begun, module)
    captured = begun.state_dict()
    for group in captured["param_groups"]:
        group["lr"] = torch.tensor(group["lr"])
        group["capturable"] = True
    eager = Stepper(module, make(module.parameters(), learning_rate=0.2))
    asked = groups_of(eager)
    eager.load_state_dict(testing.through_a_file(captured))
    assert groups_of(eager) == asked
    trained(eager, module)  # RMSprop and RAdam refuse `capturable` on a CPU
    graphed = Stepper(module, make(module.parameters(), learning_rate=0.2))
    graphed.make_capturable()
    flags, rates = groups_of(graphed), [group["lr"] for group in graphed.optimizer.param_groups]
    graphed.load_state_dict(testing.through_a_file(begun.state_dict()))
    assert groups_of(graphed) == flags
    assert all(group["lr"] is rate for group, rate in zip(graphed.optimizer.param_groups, rates, strict=True))


def test_groups_keep_their_rates_where_a_resume_changes_the_learning_rate():
    module = TwoRates()
    begun = Stepper(module, adam(movable(module), learning_rate=0.2))
    begun.take(Update(module()))
    resumed = Stepper(module, adam(movable(module), learning_rate=0.1))
    resumed.load_state_dict(begun.state_dict())
    assert [group["lr"] for group in resumed.optimizer.param_groups] == pytest.approx([0.01, 0.1])


def test_the_state_of_another_optimizer_is_refused():
    module = nn.Linear(1, 1)
    state = Stepper(module, adam(module.parameters())).state_dict()
    with pytest.raises(UserError, match="optimizer is Adam, and RMSprop cannot go on"):
        Stepper(module, rmsprop(module.parameters())).load_state_dict(state)
    other = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    with pytest.raises(UserError, match="moves other weights"):
        Stepper(other, adam(other.parameters())).load_state_dict(state)


class Counting(torch.optim.SGD):
    """Keeps state among its options, as optimizers that find their own rate do."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["seen"] = group.get("seen", 0) + 1
        return super().step(closure)


def test_what_an_optimizer_changes_among_its_options_is_state():
    module = nn.Linear(2, 2)
    begun = Stepper(module, Counting(module.parameters(), lr=0.1))
    trained(begun, module, steps=3)
    resumed = Stepper(module, Counting(module.parameters(), lr=0.3))
    resumed.load_state_dict(testing.through_a_file(begun.state_dict()))
    group = resumed.optimizer.param_groups[0]
    assert (group["seen"], group["lr"]) == (3, 0.3)
