"""`--compile`: steps compute what they compute uncompiled, and nothing is compiled twice for one shape.

torch's backend "aot_eager" traces forward and backward passes as inductor does, and calls torch's kernels: the same
random numbers, and no C++ compiler.
"""

import functools

import pytest
import torch
from test_contract import INSTALLED, skip_without_data
from test_precision import job_of
from torch import nn

import dlplug
from dlplug import Labelled, Loss, Update, UserError
from dlplug.testing.parts import quiet
from dlplug.training import compilation
from dlplug.training.compilation import CompiledStep, graphs
from dlplug.training.loop import learn_from
from dlplug.training.optimizers import movable, sgd
from dlplug.training.stepper import Stepper


@pytest.fixture(autouse=True)
def traced(monkeypatch):
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    monkeypatch.setattr(compilation, "cpp_compiler", lambda: "g++")


CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("asked", "device", "config", "compiler", "compiles", "because"),
    [
        ("auto", CPU, {"images": 5_000}, "g++", True, "from 5,000 images"),
        ("auto", CPU, {"images": 4_999}, "g++", False, "from 5,000 images"),
        ("auto", CPU, {"steps": 10**9}, "g++", False, "from 5,000 images"),
        ("auto", CPU, {"images": 5_000}, None, False, "no C++ compiler"),
        ("auto", CUDA, {"images": 5_000}, "g++", False, ""),
        (True, CUDA, {"images": 1}, None, True, "compiled"),
        (False, CPU, {"images": 5_000}, "g++", False, ""),
    ],
)
def test_whether_to_compile_and_why(asked, device, config, compiler, compiles, because, monkeypatch):
    monkeypatch.setattr(compilation, "cpp_compiler", lambda: compiler)
    chosen = compilation.choose_compilation(asked, device, {"cpu": "5k images"}, config)
    assert chosen.compiles == compiles
    assert because in str(chosen)
    assert bool(str(chosen)) == bool(because)


def test_auto_compiles_a_long_run_and_says_so(host, in_tmp_path, monkeypatch):
    monkeypatch.setitem(vars(host.recipe("toy-moons")), "compile_from", {"cpu": "4 steps"})
    said = []
    for steps in (3, 4):
        before, options = graphs(), quiet(host, "toy-moons", {"steps": steps, "metrics": []})
        run = dlplug.run("toy-moons", options, host=host)
        said.append((graphs() - before, run.device.rpartition(", ")[2]))
    assert said == [(0, "not compiled (auto: it pays from 4 steps)"), (1, "compiled (auto: it pays from 4 steps)")]


def test_compile_needs_a_compiler(monkeypatch):
    monkeypatch.setattr(compilation, "cpp_compiler", lambda: None)
    with pytest.raises(UserError, match=r"--compile needs a C\+\+ compiler"):
        compilation.choose_compilation(True, CPU, {}, {})


class Encoded(Loss):
    """A loss that calls no forward pass: its model's `encode`."""

    compiles = ("error",)

    def updates(self, batch):
        yield Update(self.error(batch.x, batch.y))

    def error(self, x, y):
        return nn.functional.cross_entropy(self.model.encode(x), y)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.calls = nn.Linear(4, 3), 0

    def encode(self, x):
        return self.layer(x).tanh()


def batch_of(size):
    generator = torch.Generator().manual_seed(size)
    return Labelled(torch.randn(size, 4, generator=generator), torch.arange(size) % 3)


def a_step(loss):
    return functools.partial(learn_from, loss, {"": Stepper(loss.model, sgd(loss.model.parameters()))})


def test_a_named_method_is_compiled_and_computes_the_same(caplog):
    caplog.set_level("INFO", "dlplug")
    losses = []
    for compiled in (False, True):
        torch.manual_seed(0)
        loss = Encoded(Encoder())
        step = CompiledStep(a_step(loss), loss) if compiled else a_step(loss)
        losses.append([step(batch_of(6))[0].loss.item() for _ in range(5)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    said = [record.message for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("compiled error: 1 graph in ")


def test_a_size_that_changes_is_compiled_once_more():
    loss = Encoded(Encoder())
    step, made = CompiledStep(a_step(loss), loss), []
    for size in (6, 6, 5, 4, 9, 6):
        before = graphs()
        step(batch_of(size))
        made.append(graphs() - before)
    assert made == [1, 0, 1, 0, 0, 0]


def test_without_names_the_forward_pass_of_each_part_is_compiled(host, in_tmp_path, caplog):
    caplog.set_level("INFO", "dlplug")
    options = quiet(host, "toy-moons", {"steps": 4, "compile": True, "eval_every": 2, "checkpoint_every": 2})
    before = graphs()
    dlplug.run("toy-moons", options, host=host)
    assert graphs() - before == 1  # the evaluations, of another shape, compiled nothing
    assert [r.message for r in caplog.records if r.message.startswith("compiled the forward pass of the model")]


def learnt(name, folder, steps, compiled):
    """The losses of a recipe's first steps; and for each kind of step, by its number of updates, how many graphs each
    one compiled."""
    torch._dynamo.reset()
    job = job_of(name, folder)
    steppers = {p: Stepper(part := job.model.get_submodule(p), sgd(movable(part), learning_rate=1e-4))
                for p in job.loss.parts}  # fmt: skip
    learn = functools.partial(learn_from, job.loss, steppers)
    losses, made = [], {}
    try:
        if compiled:
            learn = CompiledStep(learn, job.loss)
        job.model.train()
        batches = iter(job.data.batches(job.model))
        for step in range(steps):
            batch, before = next(batches), graphs()
            torch.manual_seed(step)
            updates = learn(batch)
            losses += [update.loss.item() for update in updates]
            made.setdefault(len(updates), []).append(graphs() - before)
        return losses, made
    finally:
        job.data.close()


QUICK = ["vae-8gaussians", "wgan-gp-8gaussians"]


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in INSTALLED.names("recipes")]
)
def test_a_recipe_learns_compiled_as_it_does_uncompiled(name, in_tmp_path):
    """Each kind of step compiles at its first, and once more where sizes change from batch to batch."""
    skip_without_data(name)
    (exact, _), (found, made) = (learnt(name, in_tmp_path, 7, compiled) for compiled in (False, True))
    assert found == pytest.approx(exact, rel=2e-3, abs=1e-4)
    assert any(first for first, *_ in made.values())
    assert not any(sum(graphs_of_each[2:]) for graphs_of_each in made.values()), made
