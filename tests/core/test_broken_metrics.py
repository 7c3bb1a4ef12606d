"""Each metric of the recipes, broken at the end of a run: what was learnt is kept, and the message names the metric."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from test_options_at_their_ends import CASES, HOST
from test_options_at_their_ends import in_tmp_path as in_tmp_path

import dlplug
from dlplug.errors import MetricFailed
from dlplug.host.plugins import Entry, load_host
from dlplug.recipes import as_use

pytestmark = pytest.mark.slow
PAIRS = [
    (recipe, metric, overlay)
    for recipe, overlay in dict(reversed(CASES)).items()
    for metric in (as_use(used).name for used in HOST.recipe(recipe).metrics)
]


@pytest.mark.parametrize(("recipe", "metric", "overlay"), PAIRS, ids=[f"{pair[0]}-{pair[1]}" for pair in PAIRS])
def test_the_training_is_kept(recipe, metric, overlay):
    host = load_host()
    entry = host.get("metrics", metric)
    real = entry.load()

    @functools.wraps(real)  # with its options
    def broken(*arguments, **options):
        raise RuntimeError("out of luck")

    vars(broken).pop("check", None)  # of the options, which are the recipe's own data's
    host._entries["metrics"][metric] = Entry("metrics", metric, broken, entry.plugin)
    options = {key: value for key, value in overlay.items() if not key.startswith("metrics")}
    options |= {"metrics": [metric], "console.show": "off", "tensorboard.write": "off", "wandb.mode": "off"}
    options |= {"device": "cpu", "threads": 1} | ({} if {"steps", "frames"} & overlay.keys() else {"steps": 3})
    with pytest.raises(MetricFailed, match=f"{metric}.*out of luck"):
        dlplug.run(recipe, options, host=host, out="run")
    assert len(list(Path("run/checkpoints").glob("last-*"))) == 1
    assert json.loads(Path("run/result.json").read_text())["status"] == "failed"
