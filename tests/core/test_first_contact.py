"""What a stranger reads first, and what is suggested for what other programs call it."""

from __future__ import annotations

import pytest

from dlplug import hints
from dlplug.options import resolve
from dlplug.plugins import load_host

HOST = load_host(["no:wandb"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("lr", "Did you mean --optimizer.learning-rate?"),
        ("optimizer.lr", "Did you mean --optimizer.learning-rate?"),
        ("batch-size", "Did you mean --data.batch-size?"),
        ("bs", "Did you mean --data.batch-size?"),
        ("epochs", "A length is given as --images or --steps."),
        ("wd", "Did you mean --optimizer.weight-decay?"),
        ("gpu", "Did you mean --device?"),
    ],
)
def test_the_names_of_other_programs_lead_to_ours(option, said):
    with pytest.raises(hints.UserError) as caught:
        resolve(HOST, "digits", [{option: "3"}])
    assert str(caught.value).endswith(said)


def test_every_option_of_an_optimizer_has_help():
    for entry in HOST.entries("optimizers"):
        assert [option.name for option in entry.signature().options if not option.help] == [], entry.name


def test_run_without_a_recipe_suggests_one_that_takes_seconds(cli):
    said = cli("run").err
    suggested = said.rpartition("dlplug run ")[2].strip().rstrip("`")
    assert not HOST.recipe(suggested).needs
    assert "atari" not in suggested


def test_list_says_how_long_a_recipe_took(cli):
    rows = {row["name"]: row for row in cli("list", "--json").json}
    assert rows["digits"]["took"].endswith(" on a CPU")
    assert rows["mlp-moons"]["took"] == "", "nothing is recorded"


CHATTY = """
import logging
from dlplug import *
from dlplug.recipes import *

def loud(*, seed: int):
    'Says something while it is built.'
    logging.getLogger("dlplug").info("three emulators are warm")
    return load_host([TOYS]).get("data", "copy-three").load()(seed=seed)

from dlplug.plugins import load_host
import dataclasses

@hookimpl
def register_data(): return {"loud": loud}

@hookimpl
def register_recipes(): return {"loud-lstm": dataclasses.replace(load_host([TOYS]).recipe("toy-lstm"), data="loud")}
"""


def test_the_recipes_name_comes_first(cli, toys, in_tmp_path):
    (in_tmp_path / "loud.py").write_text(CHATTY.replace("TOYS", repr(toys)))
    line = ("run", "loud-lstm", "--steps", "2", "--device", "cpu", "--tensorboard", "off", "-p", "no:wandb")
    lines = cli("-p", toys, "-p", "loud.py", *line).out.splitlines()
    assert lines[0] == "loud-lstm, seed 0"
    assert lines[1] == "three emulators are warm"
    assert sum(line == "loud-lstm, seed 0" for line in lines) == 1
