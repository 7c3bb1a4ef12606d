"""What a loss may yield beside a plain value: losses whose gradients are held, and closures."""

import copy

import pytest
import torch
import torch.nn.functional as F
from test_graph import FakeCapture
from torch import nn

from dlplug import Labelled, Loss, Update, UserError, minimise
from dlplug.host.signatures import inspected, read_signature
from dlplug.testing import through_a_file
from dlplug.training.graph import WARM_UP, GraphedStep
from dlplug.training.loop import learn_from
from dlplug.training.meter import Meter
from dlplug.training.optimizers import adam, lbfgs, sgd
from dlplug.training.precision import in_bf16
from dlplug.training.stepper import Stepper


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Linear(2, 1)

    def forward(self, x):
        return self.second(self.first(x))


@minimise
def squared(model, batch, *, power: float = 2.0):
    """Mean distance."""
    distance = model(batch.x)[:, 0] - batch.y
    return distance.abs().pow(power).mean(), {"bias": model.bias.mean()}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return Labelled(torch.randn(12, 3, generator=generator), torch.randn(12, generator=generator))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def stepper_of(model, make=sgd, **options):
    needs_closure = getattr(make, "closures", False)
    return {"": Stepper(model, make(model.parameters()), needs_closure, **options)}


@pytest.mark.parametrize("make", [sgd, adam])
def test_micro_batches_move_the_model_as_the_whole_batch_does(model, batch, make):
    other = copy.deepcopy(model)
    whole, cut = squared(model), squared(other, micro=4)
    first, second = stepper_of(model, make, clip_norm=0.5), stepper_of(other, make, clip_norm=0.5)
    meters = Meter(), Meter()
    for _ in range(20):
        meters[0].add(learn_from(whole, first, batch))
        meters[1].add(learn_from(cut, second, batch))
    torch.testing.assert_close(other.weight, model.weight, rtol=0, atol=2e-6)
    one, several = (meter.flush(20) for meter in meters)
    assert several == pytest.approx(one, rel=1e-4)
    assert set(one) == {"loss", "bias"}


def test_micro_is_an_option_of_every_plain_loss_and_is_read_as_it_is():
    real = inspected(squared)
    assert [option.name for option in real.options] == ["power", "micro"]
    assert real.options[1].default == 1
    assert "batch norm" in real.options[1].help
    assert read_signature("dlplug_basics.losses:cross_entropy").options[-1] == real.options[1]


def test_micro_that_does_not_divide_the_batch_is_refused(model, batch):
    with pytest.raises(UserError, match=r"--loss.micro 5 does not divide the batch.* x 12, y 12"):
        learn_from(squared(model, micro=5), stepper_of(model), batch)


class Holding(Loss):
    """Two parts; `held` says which of the updates hold."""

    parts = ("first", "second")

    def __init__(self, model, held):
        super().__init__(model)
        self.held = held

    def updates(self, batch):
        for part, hold in self.held:
            yield Update(self.model(batch.x).mean(), part, hold=hold, value=1.0 if hold else 3.0)


def test_a_held_part_moves_once_by_the_sum_and_the_other_apart_from_it(batch):
    torch.manual_seed(0)
    model = Two()
    loss = Holding(model, [("first", True), ("second", False), ("first", False)])
    steppers = {name: Stepper(part, sgd(part.parameters(), learning_rate=1.0)) for name, part in model.named_children()}
    (held,) = torch.autograd.grad(model(batch.x).mean(), model.first.weight)
    before = model.first.weight.detach().clone()
    updates = learn_from(loss, steppers, batch)
    (moved,) = torch.autograd.grad(model(batch.x).mean(), model.first.weight)
    torch.testing.assert_close(before - model.first.weight, held + moved)  # the second saw the other part moved
    meter = Meter()
    meter.add(updates)
    values = meter.flush(1)
    assert values["first_loss"] == pytest.approx((updates[0].loss + updates[2].loss).item(), rel=1e-5)
    assert (values["first_value"], values["second_value"]) == (2.0, 3.0)


def test_each_value_is_read_in_its_own_type():
    meter = Meter()
    half, count = torch.tensor(0.5, dtype=torch.bfloat16), torch.tensor(1001)
    meter.add([Update(half, "", size=count, right=torch.tensor(True), plain=7)])
    assert meter.flush(1) == {"loss": 0.5, "size": 1001.0, "right": 1.0, "plain": 7.0}


def test_what_is_held_at_the_end_is_refused(batch):
    model = Two()
    loss = Holding(model, [("first", False), ("second", False), ("second", True)])
    steppers = {name: Stepper(part, sgd(part.parameters())) for name, part in model.named_children()}
    with pytest.raises(UserError, match="the last update of the part 'second' is held"):
        learn_from(loss, steppers, batch)


def test_held_gradients_are_captured_with_their_step(model, batch):
    other = copy.deepcopy(model)
    eager, loss = squared(other, micro=3), squared(model, micro=3)
    theirs, steppers = stepper_of(other), stepper_of(model)
    step = GraphedStep(lambda batch: learn_from(loss, steppers, batch), loss, FakeCapture(loss))
    for _ in range(WARM_UP + 3):
        expected, captured = learn_from(eager, theirs, batch), step(batch)
        assert [(u.hold, u.loss.item()) for u in captured] == [(u.hold, u.loss.item()) for u in expected]
    assert torch.equal(model.weight, other.weight)


class ByClosure(Loss):
    closures = True

    def updates(self, batch):
        yield Update(lambda: self.value(batch), extra=1.0)

    def value(self, batch):
        self.modes = torch.is_autocast_enabled("cpu"), torch.is_grad_enabled()
        loss = F.mse_loss(self.model(batch.x)[:, 0], batch.y)
        return loss, {"mean": batch.y.mean()}


def test_a_closure_moves_the_model_as_its_value_does(model, batch):
    other = copy.deepcopy(model)
    first, second = stepper_of(model, adam, clip_norm=0.5), stepper_of(other, adam, clip_norm=0.5)
    plain = closed = Update(torch.zeros(()))
    for _ in range(10):
        (plain,) = learn_from(squared(model), first, batch)
        (closed,) = learn_from(ByClosure(other), second, batch)
        assert closed.loss.item() == pytest.approx(plain.loss.item(), rel=1e-5)
    torch.testing.assert_close(other.weight, model.weight)
    assert set(closed.values) == {"mean", "extra", "evaluations"}
    assert closed.values["evaluations"] == 1


def test_lbfgs_solves_least_squares_in_one_step(model, batch):
    (update,) = learn_from(ByClosure(model), stepper_of(model, lbfgs), batch)
    design = torch.cat([batch.x, torch.ones(12, 1)], 1)
    solution = torch.linalg.lstsq(design, batch.y[:, None]).solution[:, 0]
    torch.testing.assert_close(torch.cat([model.weight[0], model.bias]), solution, rtol=0, atol=1e-3)
    assert update.values["evaluations"] > 1
    assert update.loss > F.mse_loss(model(batch.x)[:, 0], batch.y)  # that of the first evaluation


def test_lbfgs_goes_on_from_its_history_and_starts_again_under_other_options(model, batch):
    def begun(module, **options):
        return {"": Stepper(module, lbfgs(module.parameters(), iterations=2, **options), True)}

    first = begun(model)
    learn_from(ByClosure(model), first, batch)
    resumed, other = copy.deepcopy(model), copy.deepcopy(model)
    second, third = begun(resumed), begun(other, history=1)
    for steppers in (second, third):
        steppers[""].load_state_dict(through_a_file(first[""].state_dict()))
    assert not third[""].optimizer.state
    for module, steppers in ((model, first), (resumed, second), (other, third)):
        learn_from(ByClosure(module), steppers, batch)
    assert torch.equal(resumed.weight, model.weight)
    assert not torch.equal(other.weight, model.weight)


def test_a_closure_is_evaluated_in_bf16_and_minimised_outside_of_it(model, batch):
    loss = ByClosure(model)
    learn_from(loss, stepper_of(model), batch, in_bf16(torch.device("cpu")))
    assert loss.modes == (True, True)
    assert not torch.is_autocast_enabled("cpu")


def test_an_optimizer_that_needs_a_closure_refuses_a_value_by_name(model, batch):
    with pytest.raises(UserError, match=r"the optimizer LBFGS evaluates the loss several times.*lambda"):
        learn_from(squared(model), stepper_of(model, lbfgs), batch)


def test_a_closure_is_neither_held_nor_captured(model, batch):
    with pytest.raises(UserError, match="part 'critic' is a closure"):
        Update(lambda: torch.zeros(()), "critic", hold=True)
    steppers = stepper_of(model)
    steppers[""].make_capturable()
    with pytest.raises(UserError, match="--graph: the loss of the model is a closure"):
        learn_from(ByClosure(model), steppers, batch)
