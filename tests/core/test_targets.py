"""A target is about the data and the measurement that it was stated for; how it is learnt is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlplug.claims.targets import changes, evaluated, standing
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.recipes import as_use, claims
from dlplug.runs.run import Run

HOST = load_host(["no:wandb"])
# about another game, loss or number of samples than the recipe's own
STATED_ELSEWHERE = {("dqn-atari", "paper"), ("gan-8gaussians", ""), ("iwae-mnist", "cpu")}
OWN = [as_use(metric).name for metric in HOST.recipe("digits").metrics]


def judged(recipe, preset="", **options):
    config = resolve(HOST, recipe, [options], preset)
    return bool(standing(HOST, config | evaluated(HOST, config)))


@pytest.mark.parametrize("recipe", HOST.names("recipes"))
def test_a_recipe_is_judged_by_each_of_its_own_targets(recipe):
    definition = HOST.recipe(recipe)
    for preset in ("", *definition.presets):
        config = resolve(HOST, recipe, [], preset, partly=True)
        config |= evaluated(HOST, config)
        others = [target for target in claims(definition, preset) if changes(HOST, config, target)]
        assert not others or (recipe, preset) in STATED_ELSEWHERE


@pytest.mark.parametrize(
    ("recipe", "preset", "options"),
    [
        ("dqn-cartpole", "", {"data.id": "Acrobot-v1"}),
        ("dqn-catch", "", {"data.id": "CartPole-v1"}),
        ("dqn-catch", "", {"metrics.episodes.count": 1}),
        ("dqn-catch", "", {"metrics.episodes.epsilon": 0.1}),
        ("dqn-mini", "", {"data.id": "dlplug_envs:dlplug/Lanes-v0"}),
        ("dqn-mini", "", {"metrics.episodes.count": 1}),
        ("dqn-atari", "cpu", {"data.game": "breakout"}),
        ("dqn-atari", "cpu", {"data.protocol": "machado"}),
        ("dqn-atari", "cpu", {"metrics.episodes.protocol": "machado"}),
        ("sb3-ppo-cartpole", "", {"data.id": "Acrobot-v1"}),
        ("sb3-ppo-cartpole", "", {"metrics.sb3-episodes.count": 1}),
        ("digits", "", {"data.size": 28}),
        ("digits", "", {"data": "mnist"}),
        ("mlp-digits", "", {"data": "two-moons"}),
        ("perceptron", "", {"data.margin": 0.3}),
        ("mnist-autoencoder", "", {"data": "fashion-mnist"}),
        ("vae-mnist", "", {"metrics.evidence.importance_samples": 5000}),
        ("gan-fashion", "", {"metrics.fidelity.features": "mnist"}),
        ("ddpm-8gaussians", "", {"data.noise": 0.5}),
        ("ntm-copy", "", {"data.max_length": 3}),
        ("ntm-copy", "", {"data.min_length": 20}),
        ("shakespeare-gpt", "cpu", {"data.window": 32}),
        ("translate-dates", "", {"metrics.exact-match.count": 1}),
        ("logistic-regression", "", {"loss.ridge": 0.1}),
        ("optimizer-race", "", {"optimizer.descent.learning_rate": 0.2}),
    ],
)
def test_other_data_and_other_measurements_are_not_judged(recipe, preset, options):
    assert judged(recipe, preset)
    assert not judged(recipe, preset, **options)


@pytest.mark.parametrize(
    ("recipe", "preset", "options"),
    [
        ("dqn-cartpole", "", {"data.n_step": 1, "data.replay": 1000, "seed": 5, "frames": 100, "loss.target_every": 3}),
        ("dqn-atari", "cpu", {"data.environments": 2, "data.size": 84, "device": "cpu"}),
        ("sb3-ppo-cartpole", "", {"data.environments": 4}),
        ("digits", "", {"data.batch_size": 8, "data.flip": True, "optimizer.learning_rate": 0.1}),
        ("ntm-copy", "", {"data.curriculum": 100, "data.batch_size": 1}),
        ("digits", "", {"metrics": [*OWN, "digit-confusion"]}),
        ("translate-dates", "", {"data.dates": 100}),
        ("char-lstm", "", {"data.order": "windows"}),
        ("translate-multi30k", "gpu", {"data.vocabulary": "words"}),
        ("dqn-catch", "", {"metrics.episodes.video": False}),
        ("sb3-ppo-cartpole", "", {"metrics.sb3-episodes.video": False}),
        ("ddpm-8gaussians", "", {"metrics.generated.count": 9}),
        ("shakespeare-gpt", "cpu", {"metrics.sample.tokens": 9, "metrics.sample.prompt": "a"}),
        ("digits", "", {"metrics.mistakes.count": 9}),
        ("gan-fashion", "", {"metrics.fidelity.floor": True}),
    ],
)
def test_how_it_is_learnt_may_differ(recipe, preset, options):
    assert judged(recipe, preset, **options)


def test_a_metric_in_the_place_of_the_recipes_own_is_no_measure():
    assert not judged("dqn-catch", metrics=["share-right"])


def test_what_training_measures_more_cheaply_is_not_judged():
    run = Run(HOST, resolve(HOST, "mnist-adversarial", []), Path())
    assert [target.metric for target in run.targets] == ["test/robust_accuracy"]
    assert run.judged == [], "the recipe's evaluation has more restarts"
