"""Optimizers against their formulas, schedules, clipping."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dlplug import Update, UserError, testing
from dlplug.host.plugins import load_host
from dlplug.host.signatures import read_signature
from dlplug.training.optimizers import adam, adamw, movable, radam, rate_factor, rmsprop, sgd
from dlplug.training.stepper import Stepper


def descend(make, steps=5, **options):
    """The weight after some steps down w²/2 from w = 1, whose gradient is w."""
    module = nn.Linear(1, 1, bias=False)
    nn.init.ones_(module.weight)
    stepper = Stepper(module, make(module.parameters(), **options))
    for _ in range(steps):
        stepper.take(Update((module.weight**2 / 2).sum()))
    return module.weight.item()


def test_sgd_with_momentum_by_its_formula():
    w, v = 1.0, 0.0
    for _ in range(5):
        v = 0.9 * v + w
        w -= 0.1 * v
    assert descend(sgd, learning_rate=0.1, momentum=0.9) == pytest.approx(w, rel=1e-5)


def test_nesterov_by_its_formula():
    w, v = 1.0, 0.0
    for _ in range(5):
        g = w
        v = 0.9 * v + g
        w -= 0.1 * (g + 0.9 * v)
    assert descend(sgd, learning_rate=0.1, momentum=0.9, nesterov=True) == pytest.approx(w, rel=1e-5)


@pytest.mark.parametrize(("make", "decay"), [(adam, 0.0), (adamw, 0.1)])
def test_adam_by_its_formula(make, decay):
    w, m, v = 1.0, 0.0, 0.0
    for t in range(1, 6):
        g = w
        w -= 0.1 * decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= 0.1 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert descend(make, learning_rate=0.1, weight_decay=decay) == pytest.approx(w, rel=1e-5)


def test_rmsprop_by_its_formula():
    w, s = 1.0, 0.0
    for _ in range(5):
        g = w
        s = 0.95 * s + 0.05 * g * g
        w -= 0.01 * g / (math.sqrt(s) + 1e-2)
    assert descend(rmsprop, learning_rate=0.01, alpha=0.95, epsilon=1e-2) == pytest.approx(w, rel=1e-5)


def test_radam_begins_as_momentum_does():
    """Its rectification is off for the first steps: then it is Adam without the second moment."""
    w, m = 1.0, 0.0
    for t in range(1, 5):
        m = 0.9 * m + 0.1 * w
        w -= 0.01 * m / (1 - 0.9**t)
    assert descend(radam, steps=4, learning_rate=0.01) == pytest.approx(w, rel=1e-5)


SHARE = st.floats(0, 1)


@given(SHARE, st.sampled_from(["constant", "linear", "cosine"]), SHARE.map(lambda x: 0.9 * x), SHARE)
def test_a_schedule_stays_between_its_ends(progress, schedule, warmup, final):
    factor = rate_factor(progress, schedule, warmup, final)
    low = 0.0 if progress < warmup else 1.0 if schedule == "constant" else final
    assert low - 1e-9 <= factor <= 1 + 1e-9


def test_schedules_at_their_landmarks():
    assert [rate_factor(p, "linear", 0.5, 0.1) for p in (0, 0.25, 0.5, 1)] == pytest.approx([0, 0.5, 1, 0.1])
    assert [rate_factor(p, "cosine") for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert [rate_factor(p) for p in (0, 0.5, 1)] == [1, 1, 1]


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


def test_no_optimizer_imports_what_compiles():
    code = """
import sys, torch
from dlplug.training import optimizers
for name in ("sgd", "adam", "adamw", "rmsprop", "radam", "lbfgs"):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = getattr(optimizers, name)([weight])
    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss
    before = weight.detach().clone()
    optimizer.step(closure)
    optimizer.load_state_dict(optimizer.state_dict())
    assert not torch.equal(weight, before) and weight.requires_grad, name
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
