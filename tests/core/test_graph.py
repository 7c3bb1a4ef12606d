"""The book-keeping of captured steps, with a capture that replays by running the step again; the CUDA part is
tested where there is a GPU."""

import copy

import pytest
import torch
import toys

from dlplug import fit
from dlplug.graph import WARM_UP, GraphedStep
from dlplug.loop import learn_from
from dlplug.optim import Stepper, adam


class FakeCapture:
    """As a CUDA graph does, it runs the step once without effect, and then on every replay."""

    def __init__(self, loss):
        self.loss, self.count = loss, 0

    def __call__(self, step):
        self.count += 1
        kept = copy.deepcopy((self.loss.model.state_dict(), torch.get_rng_state()))
        updates = step()
        calls = {id(turn): turn.calls for turn in GraphedStep(step, self.loss).turns}
        self.loss.model.load_state_dict(kept[0])
        torch.set_rng_state(kept[1])

        def replay():
            turns = GraphedStep(step, self.loss).turns
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


def test_a_batch_of_another_shape_is_refused():
    data = toys.Moons(seed=0)
    loss = toys.cross_entropy(toys.Mlp(data.spec))
    steppers = {"": Stepper(loss.model, adam(loss.model.parameters()))}
    step = GraphedStep(lambda batch: learn_from(loss, steppers, batch), loss, FakeCapture(loss))
    batch = next(data.batches(loss.model))
    for _ in range(WARM_UP + 2):
        step(batch)
    with pytest.raises(ValueError, match="one shape: x was"):
        step(type(batch)(batch.x[:3], batch.y[:3]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_graphs_train_as_eager_steps_do(tmp_path, host):
    from dlplug.runner import run

    quiet = {"console.show": "off", "tensorboard.write": "off", "wandb.mode": "off", "device": "cuda", "steps": 40}
    toys_of = ["toy-gan", "toy-ddpm"]
    for name in toys_of:
        losses = [run(name, {**quiet, "graph": g, "log_every": 1}, out=f"{tmp_path}/{name}-{g}", host=host).latest
                  for g in (False, True)]  # fmt: skip
        assert losses[0].keys() == losses[1].keys()
