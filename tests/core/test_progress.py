"""How far the training is, for the learning rate, data and losses: the count before each draw by the length."""

import json
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import dlplug
from dlplug.host.plugins import load_host

PLUGIN = '''
import toys
from dlplug import Loss, Progress, Recipe, Update, hookimpl, use


class Watched(toys.Moons):
    """Moons that log how far the training was when they were drawn."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(size=64, seed=seed)
        self.progress, self.drawn_at = Progress(), 0.0

    def batches(self, model):
        for batch in super().batches(model):
            self.drawn_at = float(self.progress)
            yield batch

    def values(self):
        return {"drawn_at": self.drawn_at}


class Watching(Loss):
    """Logs it, too."""

    def __init__(self, model):
        super().__init__(model)
        self.inside = {"one": [Progress()]}

    def updates(self, batch):
        yield Update(self.model(batch.x).square().mean(), learnt_at=self.inside["one"][0].tensor())


@hookimpl
def register_data():
    return {"watched": Watched}


@hookimpl
def register_losses():
    return {"watching": Watching}


@hookimpl
def register_recipes():
    return {"watched": Recipe(summary="watched", data="watched", model="mlp-toy", loss="watching", length="128 points",
                              optimizer=use("sgd", learning_rate=1.0, schedule="linear"), source="none",
                              trainer=use("torch", threads=1, log_every=1))}
'''


@pytest.fixture
def rates():
    """The learning rate of each step of an optimizer."""
    seen = []

    def watch(optimizer, arguments, keywords):
        seen.append(float(optimizer.param_groups[0]["lr"]))

    hook = register_optimizer_step_pre_hook(watch)
    yield seen
    hook.remove()


@pytest.mark.parametrize("length", [{"points": 128}, {"steps": 4}])
def test_the_first_step_has_the_whole_rate_and_the_last_one_some(host, quiet, rates, length):
    linear = {"optimizer": "sgd", "optimizer.learning_rate": 1.0, "optimizer.schedule": "linear", "metrics": []}
    dlplug.run("toy-moons", quiet | linear | length, host=host)
    assert rates == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_data_and_losses_see_what_sets_the_rate(toys, quiet, rates, in_tmp_path):
    Path("watched.py").write_text(PLUGIN, encoding="utf-8")
    done = dlplug.run("watched", quiet, host=load_host([toys, "watched.py"]))
    rows = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    expected = [0.0, 0.25, 0.5, 0.75]
    assert [row["train/drawn_at"] for row in rows] == expected
    assert [row["train/learnt_at"] for row in rows] == expected
    assert [1 - rate for rate in rates] == pytest.approx(expected)


def test_the_scalar_keeps_its_memory():
    progress = dlplug.Progress()
    scalar = progress.tensor()
    progress.place(torch.device("cpu"))
    progress.set(0.5)
    assert scalar.item() == float(progress) == 0.5
    assert progress.tensor().data_ptr() == scalar.data_ptr()
