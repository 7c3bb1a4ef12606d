"""What plugins in a file do where the model is not on the CPU: on torch's "meta" device, which has no values."""

import pytest
import torch
import toys
from test_readme import PLUGINS, block

from dlplug.host.plugins import load_host


def batch_for(data, model):
    return next(data.batches(model.to("meta")))


@pytest.mark.parametrize(
    ("data", "model"), [(toys.Moons, toys.Mlp), (toys.Ring, toys.Pair), (toys.Copy, toys.Recurrent)]
)
def test_batches_are_on_the_models_device(data, model):
    made = data(seed=0)
    assert {tensor.device.type for tensor in batch_for(made, model(made.spec))} == {"meta"}


def test_the_readmes_plugin_learns_on_any_device(in_tmp_path):
    (in_tmp_path / "moons.py").write_text(block("python", "# moons.py", PLUGINS))
    host = load_host(["moons.py"])
    data = host.get("data", "moons").load()(seed=0)
    model = host.get("models", "moons-mlp").load()(data.spec).to("meta")
    loss = host.get("losses", "moons-cross-entropy").load()(model)
    (update,) = loss.updates(batch_for(data, model))
    assert update.loss.device == torch.device("meta")
