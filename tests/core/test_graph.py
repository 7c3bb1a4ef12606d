"""The book-keeping of captured steps, with a capture that replays by running the step again; the CUDA part is
tested where there is a GPU."""

import copy
import json
from typing import NamedTuple

import pytest
import torch
import toys
from torch import nn

from dlplug import Lagged, Loss, Turn, Update, UserError, fit
from dlplug.training.graph import WARM_UP, GraphedStep, turns_of
from dlplug.training.loop import learn_from
from dlplug.training.stepper import Stepper


class FakeCapture:
    """As a CUDA graph does, it runs the step once without effect, and then on every replay."""

    def __init__(self, loss):
        self.loss, self.count = loss, 0

    def warm_up(self, step):
        return step()

    def __call__(self, step):
        self.count += 1
        kept = copy.deepcopy((self.loss.model.state_dict(), torch.get_rng_state()))
        updates = step()
        calls = {id(turn): turn.calls for turn in list(turns_of(self.loss))}
        self.loss.model.load_state_dict(kept[0])
        torch.set_rng_state(kept[1])

        def replay():
            turns = list(turns_of(self.loss))
            before = [turn.calls for turn in turns]
            for turn in turns:  # a graph takes the branch that was taken when it was captured
                turn.calls = calls[id(turn)] - 1
            for fixed, new in zip(updates, step(), strict=True):
                fixed.loss.data.copy_(new.loss)
            for turn, count in zip(turns, before, strict=True):
                turn.calls = count

        return replay, updates


def trained(graphed):
    torch.manual_seed(0)
    data = toys.Ring(seed=0)
    loss = toys.WassersteinPenalty(toys.Pair(data.spec), critic_steps=3)
    parts = {part: loss.model.get_submodule(part) for part in loss.parts}
    steppers = {n: Stepper(m, torch.optim.SGD(m.parameters(), lr=0.01)) for n, m in parts.items()}
    learn = lambda batch: learn_from(loss, steppers, batch)  # noqa: E731
    capture = FakeCapture(loss)
    losses = []
    fit(data, loss, steppers, 30, learn=GraphedStep(learn, loss, capture) if graphed else learn,
        after=lambda s, us: bool(losses.append([(u.part, u.loss.item()) for u in us])))  # fmt: skip
    return losses, loss, capture


def test_captured_steps_train_as_eager_ones_do():
    eager, loss, _ = trained(False)
    graphed, graphed_loss, capture = trained(True)
    assert [[part for part, _ in step] for step in graphed] == [[part for part, _ in step] for step in eager]
    assert graphed == eager
    assert capture.count == 2  # with the generator's turn, and without it
    assert graphed_loss.turn.calls == loss.turn.calls == 30


class Loaded(NamedTuple):
    x: torch.Tensor
    factor: object = 2
    names: object = ("a", "b")


class Scaled(Loss):
    def updates(self, batch):
        yield Update(batch.factor * self.model(batch.x).square().mean(), rate=self.model.weight.mean(), plain=0.5)


def stepping(loss, batch=None):
    """A captured step of a loss, which has been replayed."""
    stepper = Stepper(loss.model, torch.optim.SGD(loss.model.parameters(), lr=0.01))
    step = GraphedStep(lambda batch: learn_from(loss, {"": stepper}, batch), loss, FakeCapture(loss))
    for _ in range(WARM_UP + 2):
        step(batch or Loaded(torch.ones(3, 2)))
    return step


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (Loaded(torch.ones(2, 2)), r"one shape and type: 'x' was \(3, 2\) torch.float32, is \(2, 2\)"),
        (Loaded(torch.ones(3, 2).double()), r"'x' was \(3, 2\) torch.float32, is \(3, 2\) torch.float64"),
        (Loaded(torch.ones(3, 2), 3), "'factor', no tensor, was 2 and is 3"),
        (Loaded(torch.ones(3, 2), torch.tensor(2)), "'factor', no tensor, was 2 and is tensor"),
        (Loaded(torch.ones(3, 2), 2, ("a", "c")), "'names', no tensor, was"),
    ],
)
def test_what_a_replay_would_not_see_of_a_batch_is_refused(batch, said):
    """Also before the capture: the warm-up reads the same fixed inputs."""
    with pytest.raises(UserError, match=f"--graph: the step of the loss Scaled .*{said}.*leave --graph out"):
        stepping(Scaled(nn.Linear(2, 2)))(batch)
    loss = Scaled(nn.Linear(2, 2))
    step = GraphedStep(lambda batch: [], loss, FakeCapture(loss))
    step(Loaded(torch.ones(3, 2)))
    with pytest.raises(UserError, match=said):
        step(batch)


def test_a_field_that_lies_on_another_device_than_the_model_may_not_change():
    """A number that is read on the host while the step is captured."""
    loss = Scaled(nn.Linear(2, 2, device="meta"))
    step = GraphedStep(lambda batch: [], loss, FakeCapture(loss))
    step(Loaded(torch.ones(3, 2)))
    step(Loaded(torch.ones(3, 2)))
    with pytest.raises(UserError, match="'x' changes on cpu, not meta"):
        step(Loaded(torch.zeros(3, 2)))


class Waiting(Scaled):
    """Waits for the device, which a capture does not allow."""

    def updates(self, batch):
        if self.capturing:
            raise RuntimeError("operation not permitted when stream is capturing\nmore lines")
        yield from super().updates(batch)


def test_a_step_that_cannot_be_captured_is_refused_in_one_line():
    loss = Waiting(nn.Linear(2, 2))
    loss.capturing = False
    capture = FakeCapture(loss)

    class Failing:
        warm_up = capture.warm_up

        def __call__(self, step):
            loss.capturing = True
            try:
                return step()
            finally:
                raise RuntimeError("capture failed: a later error")

    stepper = Stepper(loss.model, torch.optim.SGD(loss.model.parameters(), lr=0.01))
    step = GraphedStep(lambda batch: learn_from(loss, {"": stepper}, batch), loss, Failing())
    for _ in range(WARM_UP):
        step(Loaded(torch.ones(3, 2)))
    with pytest.raises(UserError, match=r"the loss Waiting cannot be captured \(operation not permitted") as error:
        step(Loaded(torch.ones(3, 2)))
    assert "\n" not in str(error.value)


class Counting(Scaled):
    """Counts by a number of the host, or binds a name to a new tensor."""

    def __init__(self, model, count):
        super().__init__(model)
        self.count = count

    def updates(self, batch):
        self.count = self.count + 1
        yield from super().updates(batch)


@pytest.mark.parametrize("count", [0, torch.zeros(())])
def test_a_loss_that_counts_where_a_replay_does_not_is_refused(count):
    with pytest.raises(UserError, match="the loss Counting changes its 'count' on the host"):
        stepping(Counting(nn.Linear(2, 2), count))


def test_captured_updates_hold_no_autograd_graph():
    """Its nodes would tie the eager steps of other patterns to the capture's stream."""
    (captured,) = stepping(Scaled(nn.Linear(2, 2))).graphs.values()
    (update,) = captured.updates
    assert update.loss.grad_fn is None
    assert update.values["rate"].grad_fn is None
    assert update.values["plain"] == 0.5


def test_turns_are_found_in_lists_dicts_modules_and_the_model():
    class Ticking(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.turn = nn.Parameter(torch.ones(())), Turn(2)

    class Many(Loss):
        def __init__(self, model):
            super().__init__(model)
            self.turns, self.named = [Turn(3), (Turn(4),)], {"a": Turn(5)}
            self.nets, self.again = nn.ModuleList([Lagged(model, every=6)]), self.turns[0]

    assert sorted(turn.every for turn in turns_of(Many(Ticking()))) == [2, 2, 3, 4, 5, 6]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["toy-gan", "toy-ddpm"])
def test_cuda_graphs_train_as_eager_steps_do(tmp_path, host, name):
    from dlplug.runs.runner import run

    quiet = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cuda", "steps": 40}
    eager, graphed = (run(name, {**quiet, "graph": graph, "log_every": 1}, out=f"{tmp_path}/{graph}", host=host)
                      for graph in (False, True))  # fmt: skip
    lines = [(r.folder / "metrics.jsonl").read_text().splitlines() for r in (eager, graphed)]
    for one, other in zip(*lines, strict=True):
        one, other = ({k: v for k, v in json.loads(line).items() if k != "seconds"} for line in (one, other))
        assert other == pytest.approx(one, rel=2e-4, abs=1e-5)
