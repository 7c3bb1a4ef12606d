"""Each numeric option at 0, -1 and NaN: one line names it, or a tiny training ends with finite losses."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any, get_args

import pytest

import dlplug
from dlplug.errors import UserError
from dlplug.host.plugins import load_host
from dlplug.host.signatures import Option
from dlplug.options.layers import choose, resolve
from dlplug.options.parsing import flag, parse
from dlplug.options.parts import schema
from dlplug.options.reading import Config

pytestmark = pytest.mark.slow
HOST = load_host()
TEXT = {"data": "text", "data.path": "verses.txt", "data.window": 12, "data.batch_size": 4}
VAE = {"data": "digits", "model.hidden": 8, "model.latents": 2, "metrics": ["evidence"]}
VAE |= {"metrics.evidence.importance_samples": 3, "metrics.evidence.likelihood_of": 20}
PLAYER = {"data.environments": 2, "data.learning_starts": 20, "data.replay": 400, "data.batch_size": 8}
PLAYER |= {"model.hidden": 8, "metrics.episodes.count": 1, "frames": 30}
SB3 = {"data.environments": 2, "model.n_steps": 16, "log_every": 16, "steps": 64, "metrics.sb3-episodes.count": 1}
ROLLOUT = {"data.environments": 2, "data.rollout": 8, "model.hidden": 8, "metrics": [], "steps": 2}
GAN = {"data": "digits", "data.size": 16, "model.width": 4, "model.noise": 4, "metrics": []}
UNET = {"data": "digits", "model.width": 8, "model.stages": 2, "model.patch": 1, "model.depth": 1}
DIFFUSION = {"loss.timesteps": 10, "loss.steps": 5, "data.batch_size": 8, "metrics": []}

CASES: list[tuple[str, Config]] = [
    *((name, {}) for name in ("linear-regression", "logistic-regression", "perceptron", "mlp-moons", "mlp-digits")),
    *((name, {}) for name in ("numpy-mlp", "optimizer-race", "activations")),
    *(("mlp-moons", {"optimizer": name}) for name in ("sgd", "adam", "adamw", "radam", "rmsprop")),
    ("digits", {"model.width": 4}),
    *(("digits", {"model": name, "model.width": 4}) for name in ("resnet", "strided-net")),
    ("digits", {"model": "wide-resnet", "model.widen": 1}),
    ("digits", {"model": "dilated", "model.width": 4, "model.depth": 3}),
    ("digits", {"model": "vit", "model.width": 8, "model.depth": 1}),
    ("digits", {"model": "alexnet", "model.width": 4, "model.hidden": 8}),
    *(("digits", {"model": name, "data.size": 32, "model.width": 2}) for name in ("lenet", "vgg")),
    ("digits", {"loss": "adversarial", "model.width": 4, "metrics": ["attack"], "metrics.attack.method": "pgd"}),
    ("mnist-autoencoder", {"data": "digits", "model": "autoencoder", "model.hidden": 8, "model.code": 4}),
    ("mnist-autoencoder", {"data": "digits", "model": "conv-autoencoder", "model.width": 4, "model.code": 4}),
    ("noise-table", {"data": "digits", "model.components": 8, "model.hidden": 8, "model.width": 8, "metrics": []}),
    ("bovw-digits", {"model.words": 20, "model.width": 4, "metrics": []}),
    ("char-lstm", {**TEXT, "model.units": 8}),
    ("char-gpt", {**TEXT, "model.width": 8, "model.heads": 2, "model.depth": 1}),
    ("translate-dates", {"data.dates": 200, "data.batch_size": 8, "model.units": 8, "metrics.exact-match.count": 5}),
    ("translate-dates", {"data.dates": 200, "data.batch_size": 8, "model": "transformer", "model.width": 8,
                         "model.heads": 2, "model.depth": 1, "model.hidden": 8, "metrics": []}),
    ("vae-8gaussians", {"model.hidden": 8, "metrics": []}),
    ("vae-mnist", VAE),
    ("vae-mnist-conv", {**VAE, "model.width": 4}),
    ("iwae-mnist", {**VAE, "loss.samples": 3}),
    ("gan-8gaussians", {"model.hidden": 8, "metrics.modes.count": 50}),
    *((name, GAN) for name in ("gan-fashion", "wgan-gp-fashion", "sngan-cifar10")),
    ("ddpm-8gaussians", {**DIFFUSION, "model.width": 8}),
    ("ddpm-fashion", {**DIFFUSION, **UNET}),
    ("features-fashion", {"data": "digits", "model.width": 4, "model.features": 4}),
    *((name, {"data.max_length": 3}) for name in ("ntm-copy", "dnc-copy", "lstm-copy", "transformer-copy")),
    ("ntm-repeat-copy", {"data.max_length": 2, "data.max_repeats": 2}),
    ("ntm-recall", {"data.max_items": 3}),
    ("ntm-sort", {"data.min_vectors": 3, "data.max_vectors": 4}),
    ("dnc-graph", {"metrics": []}),
    ("lstm-copy", {"data": "n-grams", "data.min_length": 8, "data.max_length": 9, "metrics": ["n-grams-optimum"]}),
    ("dqn-cartpole", PLAYER),
    *((name, PLAYER) for name in ("c51-mini", "qr-dqn-mini", "iqn-mini", "rainbow-mini", "munchausen-mini")),
    ("pqn-atari", {"data": "gym-rollout", "data.environments": 2, "data.rollout": 8, "data.minibatches": 2,
                   "frames": 30, "model.torso": "mlp", "model.hidden": 8, "metrics": []}),
    ("ppo-cartpole-hidden", {**ROLLOUT, "loss.epochs": 2, "model.memory": 4}),
    ("reinforce-cartpole", {"data.environments": 2, "model.hidden": 8, "metrics": []}),
    ("relax-cartpole", {}),
    ("gradient-race", {"metrics": []}),
    ("sb3-ppo-cartpole", {**SB3, "model.batch_size": 16}),
    ("sb3-ppo-cartpole", {**SB3, "model": "sb3-a2c"}),
    ("sb3-ppo-cartpole", {**SB3, "model": "sb3-dqn", "model.learning_starts": 8, "model.buffer_size": 50}),
]  # fmt: skip
asked: set[tuple[str, str, Any]] = set()  # an option that several recipes have is asked of the first


def numeric(kind: Any) -> bool:
    return kind in (int, float) or any(map(numeric, get_args(kind)))


def owner(config: Config, name: str) -> str:
    """What has an option: the registered name that its part is, or the part."""
    part = name.rpartition(".")[0]
    return str(config.get(part, part or config["trainer"]))


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("verses.txt").write_text("the cat sat on the mat and the dog sat on the log\n" * 40, encoding="utf-8")


@pytest.mark.parametrize(("recipe", "overlay"), CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_zero_minus_one_and_nan(recipe, overlay):
    quiet = {"console.show": "off", "tensorboard.write": "off", "device": "cpu", "threads": 1, "log_every": 1}
    quiet |= {"wandb.mode": "off"} if "wandb" in HOST.names("observers") else {}
    length = {} if {"steps", "frames"} & overlay.keys() else {"steps": 3}
    base = {**quiet, "eval_every": 0, **length, **overlay}
    dlplug.run(recipe, base, host=HOST)
    config, choices, faults = resolve(HOST, recipe, [base]), choose(HOST, recipe, [base]), []
    for option in schema(HOST, choices):
        for value in (0, -1, nan):
            question = owner(config, option.name), option.name.rpartition(".")[2], value
            if numeric(option.type) and question not in asked and option.name != "frames":
                asked.add(question)
                said = refusal(option, value) or outcome(recipe, base | {option.name: value})
                if said and question[1] not in said.replace("-", "_"):
                    faults.append(f"{flag(option.name)} {value}: {said}")
    assert not faults, "\n".join(faults)


def refusal(option: Option, value: float) -> str:
    try:
        parse([option], {option.name: value}, "dlplug run")
    except UserError as error:
        return str(error)
    return ""


def outcome(recipe: str, options: Config) -> str:
    """What is said where the options are refused, or what fails; "" where the training ends well."""
    try:
        run = dlplug.run(recipe, options, host=HOST)
    except UserError as error:
        return str(error) if "\n" not in str(error) else f"several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    bad = [name for name, value in run.result["metrics"].items() if value != value]
    return f"NaN: {bad}" if bad else ""
