"""A length in epochs: a number of passes over examples that have an end, worth as many steps as their order counts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from layers import complaint, registering, typed, with_plugins
from safetensors.torch import load_file

import dlplug
from dlplug.runs.runner import open_run
from dlplug.sampling import Order
from dlplug.testing import assert_same
from dlplug.training import checkpoint

SIZES: dict[str, Any] = {"data.size": 107, "data.batch_size": 32, "log_every": 1, "eval_every": 0, "metrics": []}


def weights(run):
    return load_file(checkpoint.newest(run.folder / "checkpoints", "last") / "weights.safetensors")


@given(st.integers(1, 200), st.integers(1, 200))
def test_an_epoch_has_as_many_steps_as_its_order_draws(length: int, batch_size: int):
    order = Order(max(length, batch_size), batch_size, seed=0)
    drawn = [(order.next(), order.epoch)[1] for _ in range(2 * order.steps_per_epoch + 1)]
    assert [drawn.count(epoch) for epoch in range(3)] == [order.steps_per_epoch] * 2 + [1]


def test_a_run_of_epochs_is_the_run_of_as_many_steps(host, quiet, in_tmp_path):
    """The schedule's too, which falls over the whole length."""
    options = {**quiet, **SIZES, "optimizer.schedule": "linear"}
    by_epochs = dlplug.run("toy-moons", {**options, "epochs": 3}, out="epochs", host=host)
    by_steps = dlplug.run("toy-moons", {**options, "steps": 9}, out="steps", host=host)
    assert by_epochs.result["steps"] == by_steps.result["steps"] == 9
    assert_same(weights(by_epochs), weights(by_steps), "weights after 3 epochs and after 9 steps")
    saved = open_run("epochs", host=host).config
    assert saved["epochs"] == 3
    assert "steps" not in saved
    assert "points" not in saved


def test_a_resume_lengthens_by_epochs(host, quiet, in_tmp_path):
    options = {**quiet, **SIZES}
    dlplug.run("toy-moons", {**options, "epochs": 3}, out="run", host=host)
    longer = dlplug.resume("run", {"epochs": 5}, host=host)
    straight = dlplug.run("toy-moons", {**options, "steps": 15}, out="straight", host=host)
    assert longer.result["steps"] == 15
    assert_same(weights(longer), weights(straight), "weights")
    assert dlplug.resume("run", host=host).result["steps"] == 15, "5 epochs are written down"


def test_the_last_length_counts(host):
    for line, length in (("--steps 5 --epochs 2", "epochs"), ("--epochs 2 --points 64", "points")):
        assert {"steps", "epochs", "points"} & typed(line, host).keys() == {length}
    assert "epochs" not in typed("--steps 5", host, layers=[{"epochs": 2}])


def test_data_without_an_end_have_no_epochs(host, toys, cli):
    said = complaint(lambda: typed("--epochs 3", host, "toy-dqn"))
    assert said == "toy-dqn has no option --epochs. A length is given as --moves or --steps."
    said = complaint(lambda: typed("--data ring --epochs 3", host))
    assert said == "toy-moons has no option --epochs. A length is given as --steps."
    assert "--epochs" not in cli("-p", toys, "run", "toy-dqn", "--help").out
    assert "--epochs" in cli("-p", toys, "run", "toy-moons", "--help").out


def test_a_trainer_may_have_an_option_epochs_of_its_own(host):
    def passes(*, epochs: int = 7):
        """Learns in some other way."""

    host.manager.register(registering(trainers={"passes": passes}))
    assert typed("--trainer passes", with_plugins(host))["epochs"] == 7
    config = typed("--trainer passes --epochs 2", with_plugins(host))
    assert (config["epochs"], config["steps"]) == (2, 400)


def test_progress_is_shown_by_the_length_in_steps(host, quiet, in_tmp_path, caplog):
    options = {**quiet, **SIZES, "console.show": "plain", "console.seconds": 0}
    with caplog.at_level("INFO"):
        dlplug.run("toy-moons", {**options, "epochs": 2}, out="run", host=host)
    assert any("50%  3 steps" in line for line in caplog.messages), caplog.messages
