"""Everything that is registered keeps the contract: the checks that plugins' own authors use."""

import os

import pytest
import torch
import toys as toys_module
from torch import nn

from dlplug import Labelled, Loss, Order, Update, testing
from dlplug.host.plugins import load_host
from dlplug.recipes import as_use
from dlplug.testing.options import lacking

ONE_STEP = {"data.environments": 1, "model.n_steps": 1, "threads": 1}  # in a rollout
# Overlays that make a recipe small enough to learn a few steps in a test.
SEEING = {"data.environments": 1, "data.size": 42, "model.torso": "small", "model.hidden": 16, "threads": 1}
REPLAYED = {**SEEING, "data.replay": 2000, "data.learning_starts": 40, "data.batch_size": 4, "data.train_every": 4}
READING = {"data.window": 16, "data.batch_size": 4, "threads": 1}
TRANSLATING = {"data.vocabulary": "characters", "data.batch_size": 4, "threads": 1}
TAPE = {"data.batch_size": 2, "model.slots": 24, "model.width": 12, "threads": 1}
COPYING = {**TAPE, "data.max_length": 3}
REPEATING = {**COPYING, "data.max_repeats": 2}
RECALLING = {**TAPE, "data.vectors": 1, "data.max_items": 3}
SCENES = {
    "data.height": 48,
    "data.width": 48,
    "data.objects": (1, 2),
    "data.batch_size": 2,
    "data.validation": 6,
    "data.test": 2,
    "threads": 1,
}
CLIPS = {"data.batch_size": 2, "data.validation": 4, "data.testing": 4, "threads": 1}
FAMILY = ("dqn", "double-dqn", "c51", "qr-dqn", "iqn", "rainbow", "btr")
SMALL = {
    **{f"{name}-atari": REPLAYED for name in FAMILY},
    "pqn-atari": {**SEEING, "data.rollout": 8, "data.minibatches": 4},
    "dqn-cartpole": {"data.learning_starts": 50},
    "dqn-catch": {"data.learning_starts": 50},
    "ppo-cartpole": {"data.environments": 2, "data.rollout": 8, "loss.epochs": 2},
    "ppo-cartpole-hidden": {"data.environments": 2, "data.rollout": 8, "loss.epochs": 2, "model.memory": 4},
    **{
        f"ppo-{name}": {"data.environments": 2, "data.rollout": 16, "loss.minibatches": 4, "loss.epochs": 2}
        for name in ("lunarlander", "acrobot", "pendulum")
    },
    **{
        f"{name}-atari": {
            "data.environments": 1,
            "data.size": 42,
            "data.rollout": 8,
            "model.torso": "small",
            "model.hidden": 16,
            "threads": 1,
        }
        for name in ("ppo", "a2c")
    },
    "pqn-mini": {"data.environments": 2, "data.rollout": 8},
    "sb3-ppo-atari": {**ONE_STEP, "model.batch_size": 1, "model.normalize_advantage": False},
    "sb3-ppo-pendulum": {**ONE_STEP, "model.batch_size": 1, "model.normalize_advantage": False},
    "sb3-ppo-cartpole": {**ONE_STEP, "model.batch_size": 1, "model.normalize_advantage": False},
    "sb3-a2c-atari": {**ONE_STEP, "data.game": "breakout"},  # its film is short
    "sb3-dqn-atari": {"model.buffer_size": 40, "model.learning_starts": 5, "model.train_freq": 1, "threads": 1},
    **{f"char-{name}": {**READING, "model.units": 16} for name in ("rnn", "lstm", "gru")},
    "shakespeare-lstm": {**READING, "model.units": 16},
    **{name: {**READING, "model.width": 16, "model.depth": 1} for name in ("char-gpt", "shakespeare-gpt")},
    **{f"{name}-copy": COPYING for name in ("ntm", "dnc")},
    **{f"{name}-repeat-copy": REPEATING for name in ("ntm", "dnc")},
    **{f"{name}-recall": RECALLING for name in ("ntm", "dnc")},
    "dnc-graph": {**TAPE, "data.max_nodes": 3},
    "ntm-sort": {**TAPE, "data.min_vectors": 5, "data.max_vectors": 5},
    "ddpm-8gaussians": {"loss.timesteps": 20, "loss.steps": 10},
    "ppo-arena": {"data.games": 8, "data.past": 0.5, "data.rollout": 12},
    "canvas-unet": {**SCENES, "model.width": 4},
    "canvas-yolo": {**SCENES, "model.width": 8, "model.blocks": 1},
    **{f"canvas-{name}-rcnn": {**SCENES, "model.width": 8, "model.blocks": 1} for name in ("faster", "mask")},
    "bovw-digits": {"model.words": 20, "model.step": 8, "model.width": 4, "threads": 1},
    "moving-digits": {**CLIPS, "model.spatial": 4, "model.temporal": 8},
    "lip-words": {**CLIPS, "model.width": 2, "model.hidden": 8},
    "spectra-gliadin": {"data.samples": 150, "data.batch_size": 4, "model.width": 2, "threads": 1},
    "forecast-seasons": {"data.length": 1000, "data.input": 48, "data.batch_size": 4, "threads": 1},
    "translate-dates": {"data.dates": 200, "model.units": 8},
    "translate-multi30k": {**TRANSLATING, "model.units": 16},
    "translate-multi30k-transformer": {**TRANSLATING, "model.width": 16, "model.depth": 1, "model.hidden": 16},
}
# What a sampler wants of the run that it looks into.
KEPT = {
    "history": {"metrics": ["generated"], "metrics.generated.count": 4, "eval_every": 1},
    "sb3-film": {"data.id": "dlplug_envs:dlplug/Catch-v0"},
}
INSTALLED = load_host()
# Each sampler on the first recipe that names it; films on a game of nine steps.
SAMPLED = {
    as_use(sampler).name: name
    for name in reversed(INSTALLED.names("recipes"))
    for sampler in INSTALLED.recipe(name).samplers
} | {"film": "dqn-catch", "sb3-film": "sb3-ppo-cartpole"}


def skip_without_data(name):
    if wanted := lacking(INSTALLED, name, [SMALL.get(name, {})]):
        pytest.skip(f"needs {', '.join(wanted)}, which nobody but its user knows")
    needs = INSTALLED.recipe(name).needs
    if needs.startswith("Box2D"):
        pytest.importorskip("Box2D")
        return
    if needs and "DLPLUG_DATA" not in os.environ:
        pytest.skip(f"needs {needs}; set DLPLUG_DATA to a folder that has it")


@pytest.mark.parametrize("name", [plugin.name for plugin in INSTALLED.plugins])
def test_plugin(name):
    testing.check_plugin(name, INSTALLED)


@pytest.mark.parametrize("name", INSTALLED.names("recipes"))
def test_recipe(name, in_tmp_path):
    skip_without_data(name)
    testing.check_recipe(name, SMALL.get(name), INSTALLED)


@pytest.mark.parametrize("sampler", INSTALLED.names("samplers"))
def test_sampler(sampler, in_tmp_path):
    assert sampler in SAMPLED, "no recipe names it"
    skip_without_data(SAMPLED[sampler])
    options = SMALL.get(SAMPLED[sampler], {}) | KEPT.get(sampler, {})
    testing.check_sampler(SAMPLED[sampler], sampler, options, host=INSTALLED)


@pytest.mark.parametrize("name", ["toy-moons", "toy-gan", "toy-ddpm", "toy-lstm", "toy-dqn"])
def test_toy_recipe(name, host, in_tmp_path):
    testing.check_recipe(name, host=host)


def test_toys_keep_the_contract(host):
    testing.check_plugin("toys", host)
    data = toys_module.Walk(seed=0)
    model = toys_module.Mlp(data.spec)
    testing.check_data(data, model)
    testing.check_data(toys_module.Moons(seed=0), model)
    updates = testing.check_loss(toys_module.Q(model), next(data.batches(model)))
    assert [update.part for update in updates] == [""]


class Forgetful(toys_module.Moons):
    """Keeps its place in a local of its generator."""

    def batches(self, model):
        while True:
            index = torch.randint(512, (4,))
            yield Labelled(*(part[index] for part in self.parts["train"]))


class Leaking(Loss):
    def updates(self, batch):
        with torch.no_grad():
            yield Update(self.model(batch.x).sum())


class Elsewhere(Loss):
    def updates(self, batch):
        yield Update(batch.x.sum().requires_grad_())


class Misnamed(Loss):
    def updates(self, batch):
        yield Update(self.model(batch.x).sum(), "head")


def test_data_that_forget_their_place_are_caught():
    with pytest.raises(AssertionError, match="batches after loading"):
        testing.check_data(Forgetful(seed=0), nn.Linear(2, 2))


class HalfUsed(Loss):
    def updates(self, batch):
        yield Update(self.model[1](batch.x).sum())


def test_a_weight_that_no_gradient_reaches_is_caught():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with pytest.raises(AssertionError, match=r"no gradient reaches 0\.bias, 0\.weight"):
        testing.check_loss(HalfUsed(model), Labelled(torch.ones(1, 2), torch.zeros(1)))
    model[0].requires_grad_(False)
    testing.check_loss(HalfUsed(model), Labelled(torch.ones(1, 2), torch.zeros(1)))


@pytest.mark.parametrize(
    ("kind", "said"), [(Leaking, "leaks"), (Elsewhere, "does not depend"), (Misnamed, "not among its parts")]
)
def test_losses_that_break_the_contract_are_caught(kind, said):
    with pytest.raises(AssertionError, match=said):
        testing.check_loss(kind(nn.Linear(2, 2)), Labelled(torch.ones(1, 2), torch.zeros(1)))


def test_a_recipe_that_does_not_resume_is_caught(host, in_tmp_path, monkeypatch):
    monkeypatch.setattr(Order, "load_state_dict", lambda self, state: None)
    with pytest.raises(AssertionError, match="after a resume"):
        testing.check_recipe("toy-moons", host=host)
