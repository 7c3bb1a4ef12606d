"""The checks for authors of plugins pass what keeps the contract, and name what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlplug import testing
from dlplug.host.plugins import load_host

MINE = """
from dlplug import UserError, hookimpl
import math
def endless(product, data):
    "Not finite."
    return {"value": math.inf}
class Breaks:
    "Raises."
    @hookimpl
    def logged(self): raise RuntimeError("never")
def silent(argv):
    "Says nothing."
    return 0
def right(argv):
    "Does what it should."
    if "--help" not in argv: raise UserError("unknown option")
    print("right")
    return 0
from dlplug.training.trainer import Cadence, TorchTrainer
class Deaf(TorchTrainer):
    "Never stops."
    def __init__(self): super().__init__(cadence=Cadence(log_every=5))
    def train(self, run):
        run.start("", 0, 0)
        run.log(20, 0, {"loss": 1.0}, "train")
@hookimpl
def register_metrics(): return {"endless": endless}
@hookimpl
def register_observers(): return {"breaks": Breaks}
@hookimpl
def register_commands(): return {"silent": silent, "right": right}
@hookimpl
def register_trainers(): return {"deaf": Deaf}
"""


@pytest.fixture
def mine(toys):
    Path("mine.py").write_text(MINE)
    return load_host(["mine.py", toys])


def test_what_keeps_the_contract_passes(mine, host):
    assert "test/accuracy" in testing.check_metric("toy-moons", "accuracy-toy", {"data.size": 32}, host)
    testing.check_trainer("toy-moons", options={"eval_every": 0}, host=host)
    testing.check_observer("toy-moons", "jsonl", host=host)
    testing.check_command("right", mine)


def test_what_does_not_is_named(mine):
    with pytest.raises(AssertionError, match="value of metric endless is inf"):
        testing.check_metric("toy-moons", "endless", host=mine)
    with pytest.raises(Exception, match="RuntimeError: never"):
        testing.check_observer("toy-moons", "breaks", host=mine)
    with pytest.raises(AssertionError, match="silent --help exits with 0 and prints ''"):
        testing.check_command("silent", mine)
    with pytest.raises(AssertionError, match="deaf was asked to stop early, and did so at step 20"):
        testing.check_trainer("toy-moons", "deaf", host=mine)
