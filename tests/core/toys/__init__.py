"""A plugin of five tiny recipes that share nothing but the contract: classifier, WGAN-GP, DDPM, LSTM, DQN.

It is loaded as `-p tests/core/toys`, as anybody's unpackaged plugin is. Each shape of learning that the contract
must carry stands here once: one loss; two parts that take turns; averaged weights; sequences; a player with a replay.
"""

from __future__ import annotations

from dlplug import Preset, Recipe, Target, hookimpl, use

from .copying import Copy, Recurrent, repeat
from .denoising import Denoiser, Diffusion
from .moons import Mlp, Moons, accuracy, cross_entropy
from .ring import Pair, Ring, WassersteinPenalty
from .walking import Q, Walk, walk_length


@hookimpl
def register_data():
    return {"moons": Moons, "ring": Ring, "copy-three": Copy, "walk": Walk}


@hookimpl
def register_models():
    return {"mlp-toy": Mlp, "pair-toy": Pair, "denoiser-toy": Denoiser, "lstm-toy": Recurrent}


@hookimpl
def register_losses():
    return {"cross-entropy-toy": cross_entropy, "wgan-gp-toy": WassersteinPenalty, "ddpm-toy": Diffusion,
            "repeat-toy": repeat, "q-toy": Q}  # fmt: skip


@hookimpl
def register_metrics():
    return {"accuracy-toy": accuracy, "walk-length": walk_length}


@hookimpl
def register_recipes():
    adam = use("adam", learning_rate=0.01)
    return {
        "toy-moons": Recipe(
            summary="classify two moons", data="moons", model="mlp-toy", loss="cross-entropy-toy", optimizer=adam,
            length="400 steps", metrics=["accuracy-toy"], source="none",
            trainer=use("torch", threads=1, log_every=50, eval_every=100),
            targets=[Target("test/accuracy", "test split", "none", at_least=0.9)],
            presets={"tiny": Preset("a narrow net", {"model.width": 4, "points": 6400},
                                    [Target("test/accuracy", "test split", "none", at_least=0.8)])},
        ),
        "toy-gan": Recipe(
            summary="points on a ring", data="ring", model="pair-toy", loss="wgan-gp-toy", length="100 steps",
            optimizer={"critic": adam, "generator": use("adam", learning_rate=0.001, beta1=0.5)}, source="none",
            trainer=use("torch", threads=1),
        ),
        "toy-ddpm": Recipe(
            summary="denoise a ring", data="ring", model="denoiser-toy", loss="ddpm-toy", length="100 steps",
            optimizer=use("adamw", learning_rate=0.01, schedule="cosine", warmup=0.1, clip_norm=1.0), source="none",
            trainer=use("torch", threads=1),
        ),
        "toy-lstm": Recipe(
            summary="repeat three symbols", data="copy-three", model="lstm-toy", loss="repeat-toy", length="200 steps",
            optimizer=use("rmsprop", learning_rate=0.01), source="none", trainer=use("torch", threads=1),
        ),
        "toy-dqn": Recipe(
            summary="walk to the right", data="walk", model="mlp-toy", loss="q-toy", length="500 moves",
            optimizer=adam, metrics=["walk-length"], source="none", trainer=use("torch", threads=1),
            targets=[Target("eval/moves", "greedy, from the left end", "none", at_most=5)],
        ),
    }  # fmt: skip
