"""bf16 on a CPU: gradients are those of fp32 up to bf16's rounding (8 bits of mantissa, 0.4 %)."""

import functools

import pytest
import torch
import torch.nn.functional as F
from test_contract import INSTALLED, SMALL, skip_without_data
from torch import nn

from dlplug import Update, runner, testing
from dlplug.options import resolve
from dlplug.precision import in_bf16
from dlplug.runs import Run
from dlplug.trainer import TorchTrainer

ROWS = 4096


class ByFunction(nn.LayerNorm):
    def forward(self, x):
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias)


NORMS = {
    "layer": functools.partial(nn.LayerNorm, 64),
    "layer-by-function": functools.partial(ByFunction, 64),
    "rms": functools.partial(nn.RMSNorm, 64),
    "group": functools.partial(nn.GroupNorm, 4, 64),
    "batch": functools.partial(nn.BatchNorm1d, 64),
}


def gradients(updates, parts, bf16):
    """By name, of each update in turn."""
    found = []
    for update in in_bf16(torch.device("cpu"))(updates) if bf16 else updates:
        weights = {n: p for n, p in parts(update.part).named_parameters() if p.requires_grad}
        values = torch.autograd.grad(update.loss, [*weights.values()], allow_unused=True)
        found.append({n: g for n, g in zip(weights, values, strict=True) if g is not None})
    return found


def difference(one, other):
    """|g - g'| / |g|."""
    return ((one.double() - other.double()).norm() / one.double().norm()).item()


@pytest.mark.parametrize(
    ("norm", "compiled"),
    [*((norm, False) for norm in NORMS), pytest.param("layer-by-function", True, marks=pytest.mark.slow)],
)
def test_norms_have_the_gradients_of_fp32(norm, compiled):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(32, 64, bias=False), NORMS[norm](), nn.Linear(64, 8))
    x, y = torch.randn(ROWS, 32), torch.randn(ROWS, 8)
    if compiled:
        net.compile(backend="aot_eager")

    def updates():
        yield Update((net(x).float() - y).square().mean())

    (exact,), (rounded,) = (gradients(updates(), net.get_submodule, bf16) for bf16 in (False, True))
    assert exact.keys() == rounded.keys()
    for name, gradient in exact.items():
        assert difference(gradient, rounded[name]) < 0.01, name


def test_an_lstm_learns_on_every_cpu():
    """oneDNN has no LSTM in bf16 for a CPU without AVX-512."""
    torch.manual_seed(0)
    net, x = nn.LSTM(4, 8, batch_first=True), torch.randn(3, 5, 4)

    def updates():
        yield Update(net(x)[0].float().square().mean())

    (exact,), (rounded,) = (gradients(updates(), net.get_submodule, bf16) for bf16 in (False, True))
    assert all(difference(gradient, rounded[name]) < 0.05 for name, gradient in exact.items())


def job_of(name, folder):
    host, device = INSTALLED, {"device": "cpu"}
    overlay = {**testing.QUIET, "metrics": [], **SMALL.get(name, {})}
    run = Run(host, resolve(host, name, [overlay], runner.chosen_preset(host, name, [device])), folder)
    trainer = run.make("trainer")
    if not isinstance(trainer, TorchTrainer) or run.config["trainer"] != "torch":
        pytest.skip("its trainer has precisions of its own")
    return trainer.build(run)


def learnt_from_one_batch(name, folder, bf16):
    """The gradients of each update of a fresh job's first batch; the same random numbers in fp32 and in bf16."""
    job = job_of(name, folder)
    try:
        batch = next(iter(job.data.batches(job.model)))
        torch.manual_seed(1)
        job.model.train()
        return gradients(job.loss.updates(batch), job.model.get_submodule, bf16)
    finally:
        job.data.close()


QUICK = ["char-gpt", "ntm-copy", "c51-mini"]


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in INSTALLED.names("recipes")]
)
def test_a_recipe_learns_in_bf16_as_in_fp32(name, in_tmp_path):
    """|g - g'| / |g| of the whole gradient of each update is below 0.3. Most are below 0.02; where an argmax or a ReLU
    falls out otherwise, as in Q-learning's small batches here, it is 0.1 to 0.2."""
    skip_without_data(name)
    exact, rounded = (learnt_from_one_batch(name, in_tmp_path, bf16) for bf16 in (False, True))
    for one, other in zip(exact, rounded, strict=True):
        assert one.keys() == other.keys()
        whole, error = (torch.cat([g.flatten().double() for g in gradient]).norm().item()
                        for gradient in ([*one.values()], [other[n] - g for n, g in one.items()]))  # fmt: skip
        assert error < 0.3 * whole


@pytest.mark.slow
@pytest.mark.parametrize("name", INSTALLED.names("recipes"))
def test_a_recipe_runs_in_bf16(name, in_tmp_path):
    skip_without_data(name)
    options = {**testing.QUIET, "wandb.mode": "off", "metrics": [], "steps": 2, **SMALL.get(name, {})}
    if INSTALLED.recipe(name).trainer and resolve(INSTALLED, name, [], "")["trainer"] != "torch":
        pytest.skip("its trainer has precisions of its own")
    assert runner.run(name, {**options, "precision": "bf16"}, host=INSTALLED).result["steps"] == 2
