"""A metric's options: which of them a number is measured by, and which only say what is shown."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dlplug.host.plugins import load_host
from dlplug.media import Media
from dlplug.options.layers import resolve
from dlplug.runs.run import Run
from dlplug.training.measuring import measure, neutral_options

HOST = load_host(["no:wandb"])
# what each number depends on; whoever adds an option to a metric decides whether it belongs here or is neutral
MEASURING = {
    "answers": {"count"},
    "attack": {"method", "epsilon", "step_size", "attack_steps", "restarts", "attack_count"},
    "bleu": {"count", "beams", "lowercase"},
    "classification": {"bins"},
    "diffusion-bound": {"bound_images", "bound_terms"},
    "episodes": {"count", "epsilon", "protocol", "sampled"},
    "every-reply": {"simulations"},
    "evidence": {"binarisation", "importance_samples", "likelihood_of"},
    "exact-match": {"count", "beams"},
    "fidelity": {"features", "weights", "count", "neighbours", "steps"},
    "generalisation": {"count"},
    "gradients": {"theta", "samples"},
    "inception-fid": {"weights", "count", "reference"},
    "match": {"opponent", "level", "games", "simulations", "opening", "colours", "bare_games"},
    "memorisation": {"count"},
    "modes": {"count", "neighbours"},
    "n-grams-optimum": {"count"},
    "openings": {"simulations"},
    "pipelines": {"classical"},
    "prediction": {"streams"},
    "reconstructions": {"noise"},
    "sb3-episodes": {"count", "deterministic", "protocol"},
    "scikit-logistic": {"ridge"},
    "scored-positions": {"simulations"},
    "series-classification": {"classical"},
    "solved": {"threshold", "window"},
    "team-matches": {"games", "greedy"},
}
SMALL_GAN = {"data": "digits", "data.size": 16, "model.width": 4, "model.noise": 4}
TEXT = {"data": "text", "data.path": "verses.txt", "data.window": 12, "model.units": 8, "metrics": ["sample"]}
CANVAS = {"data.height": 48, "data.width": 48, "data.objects": (1, 2), "data.validation": 6, "data.test": 2}
CLIPS = {"data.validation": 4, "data.testing": 2}
PLAYER = {"data.environments": 2, "data.replay": 400, "model.hidden": 8, "metrics.episodes.count": 1}
NEUTRAL = [
    ("computation-graph", "mlp-moons", {"metrics": ["computation-graph"]}, {"x1": 1.5, "x2": 0.5, "x3": 2.0}),
    ("generated", "ddpm-8gaussians", {"loss.timesteps": 4, "loss.steps": 2, "metrics": ["generated"]},
     {"count": 3, "steps": 1}),
    ("generated", "vae-8gaussians", {"model.hidden": 8, "model.conditional": True, "metrics": ["generated"]},
     {"label": 1}),
    ("generated", "gan-fashion", {**SMALL_GAN, "metrics": ["generated"]}, {"count": 3, "single": True}),
    ("fidelity", "gan-fashion", {**SMALL_GAN, "metrics": ["fidelity"], "metrics.fidelity.count": 20}, {"floor": True}),
    ("memorisation", "gan-fashion", {**SMALL_GAN, "metrics": ["memorisation"], "metrics.memorisation.count": 20},
     {"show": 2}),
    ("mistakes", "digits", {"model.width": 4, "metrics": ["mistakes", "classification"]}, {"count": 2}),
    ("reconstructions", "mnist-autoencoder", {"data": "digits", "model": "autoencoder", "model.hidden": 8,
     "model.code": 4}, {"count": 2}),
    ("noise-table", "noise-table", {"data": "digits", "model.components": 8, "model.hidden": 8, "model.width": 8},
     {"count": 2}),
    ("sample", "char-lstm", TEXT, {"prompt": "ab", "tokens": 9, "temperature": 0.0, "top_k": 2}),
    ("translation-loss", "translate-dates", {"data.dates": 200, "model.units": 8, "metrics": ["translation-loss"]},
     {"batch_size": 7}),
    ("detection", "canvas-yolo", {**CANVAS, "model.width": 8, "metrics": ["detection"]}, {"batch_size": 4}),
    ("segmentation", "canvas-unet", {**CANVAS, "model.width": 4, "metrics": ["segmentation"]}, {"batch_size": 4}),
    ("predicted-frames", "moving-digits", {**CLIPS, "model.spatial": 4, "model.temporal": 8}, {"count": 2}),
    ("lip-reading", "lip-words", {**CLIPS, "model.width": 2, "model.hidden": 4}, {"count": 2}),
    ("episodes", "dqn-cartpole", PLAYER, {"video": False}),
    ("gradients", "gradient-race", {"metrics.gradients.samples": 100}, {"figure": False}),
    ("sb3-episodes", "sb3-ppo-cartpole", {"data.environments": 2, "metrics.sb3-episodes.count": 1}, {"video": False}),
]  # fmt: skip

SLOWER = {"fidelity", "mistakes", "sb3-episodes", "reconstructions", "noise-table", "translation-loss"}


def numbers(recipe, options, folder):
    config = resolve(HOST, recipe, [options | {"device": "cpu", "threads": 1}])
    run = Run(HOST, config, folder)
    job = run.make("trainer").build(run)
    try:
        values = measure(run, job, job.data.splits[0])
    finally:
        job.data.close()
    return {name: value for name, value in values.items() if not isinstance(value, (Media, str))}


@pytest.mark.parametrize("metric", HOST.names("metrics"))
def test_every_option_of_a_metric_is_measured_by_or_neutral(metric):
    signature = HOST.get("metrics", metric).signature()
    assert {option.name for option in signature.options} - {*signature.neutral} == MEASURING.get(metric, set())


def test_each_neutral_option_is_tried():
    declared = {(name, o) for name in HOST.names("metrics") for o in HOST.get("metrics", name).signature().neutral}
    assert {(metric, option) for metric, _, _, others in NEUTRAL for option in others} == declared


@pytest.mark.parametrize(
    ("metric", "recipe", "options", "others"),
    [
        pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in SLOWER), id=f"{case[0]}-{case[1]}")
        for case in NEUTRAL
    ],
)
def test_with_a_neutral_option_no_number_changes(metric, recipe, options, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("verses.txt").write_text("abc def\n" * 40)
    overlay = {f"metrics.{metric}.{option}": value for option, value in others.items()}
    before, after = numbers(recipe, options, tmp_path), numbers(recipe, options | overlay, tmp_path)
    assert before.keys() <= after.keys()
    assert {name: after[name] for name in before} == pytest.approx(before, rel=1e-6, nan_ok=True)


def test_a_neutral_option_that_the_metric_lacks_is_an_error():
    with pytest.raises(TypeError, match="no option 'video'"):

        @neutral_options("video")
        def accuracy(product, data, *, count: int = 3):
            return {"accuracy": math.nan}
