"""The plugin keeps dlplug's contract, and its recipe learns."""

import dlplug
from dlplug import testing

QUIET = {"console.show": "off", "tensorboard.write": "off", "device": "cpu"}


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("example")


def test_the_recipe_learns_and_resumes():
    testing.check_recipe("example")


def test_it_separates_the_spirals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = dlplug.run("example", QUIET)
    assert run.result["metrics"]["val/accuracy"] > 0.95
