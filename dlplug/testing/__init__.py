"""Checks that a plugin keeps the contract, for its author's tests. Each raises AssertionError.

from dlplug.testing import check_plugin, check_recipe, check_sampler

def test_plugin():
    check_plugin("my-plugin")
    check_recipe("my-recipe", {"data.size": 100})
    check_sampler("my-recipe", "my-sampler", {"data.size": 100}, {"count": 4})
"""

from dlplug.host.plugins import load_host
from dlplug.testing.contract import assert_same, check_data, check_loss, through_a_file
from dlplug.testing.exercise import assert_close, called, check_exercise, described
from dlplug.testing.options import check_options
from dlplug.testing.parts import QUIET, check_command, check_metric, check_observer, check_trainer
from dlplug.testing.plugin import check_plugin
from dlplug.testing.recipe import StopAt, check_recipe, check_sampler

__all__ = [
    "QUIET",
    "StopAt",
    "assert_close",
    "assert_same",
    "called",
    "check_command",
    "check_data",
    "check_exercise",
    "check_loss",
    "check_metric",
    "check_observer",
    "check_options",
    "check_plugin",
    "check_recipe",
    "check_sampler",
    "check_trainer",
    "described",
    "load_host",
    "through_a_file",
]
