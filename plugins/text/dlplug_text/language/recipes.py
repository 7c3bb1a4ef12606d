"""The language-model recipes. Their targets are measured on a whole split, not on random windows."""

from __future__ import annotations

from math import inf
from typing import Any

from dlplug import Preset, Recipe, Target, use

METRICS = ["prediction", "sample"]
SAMPLERS = ["text", "cells", "gradients"]
TRANSFORMER_SAMPLERS = ["text", "gradients"]
WATCH = ["train/loss", "val/loss", "val/bits_per_char"]

COMPARED = Target(
    "test/bits_per_char",
    "five modules of Python's standard library, every character once; 0.8 million weights",
    at_most=inf,
    where={"data": "stdlib"},
)

ADAM: Any = use("adam", learning_rate=2e-3, clip_norm=1.0, schedule="cosine", warmup=0.02, final=0.05)


# the learning rate with the lowest final training loss: 1e-3 (nanoGPT's) gave 1.79, 2e-3 1.66 and 4e-3 1.61
SMALL_GPT_RATE = 4e-3


def nanogpt(warmup: float, learning_rate: float = 1e-3) -> Any:
    """nanoGPT's train.py with config/train_shakespeare_char.py. warmup: fraction of the training; 100 iterations."""
    return use(
        "adamw",
        learning_rate=learning_rate,
        beta1=0.9,
        beta2=0.99,
        weight_decay=0.1,
        clip_norm=1.0,
        schedule="cosine",
        warmup=warmup,
        final=0.1,
    )


def on_standard_library(cell: str, units: int, summary: str, source: str, **model: Any) -> Recipe:
    """A recurrent language model of the standard library, with 0.8 million parameters."""
    return Recipe(
        summary=summary,
        data=use("stdlib", order="stream", window=64, batch_size=32),
        model=use("recurrent", cell=cell, units=units, **{"depth": 2, "layer_norm": True, **model}),
        loss="next-token",
        optimizer=ADAM,
        length="3M tokens",
        source=source,
        metrics=METRICS,
        samplers=SAMPLERS,
        targets=[COMPARED],
        watch=WATCH,
        trainer=use("torch", eval_every=500),
        level=2,
    )


CPU_TARGET = Target(
    "val/loss",
    "tiny-shakespeare, the last 10 %, every token once, windows of 64 that do not overlap; nats a character",
    "karpathy/nanoGPT, README: 1.88 with this net and length in about 3 minutes (mean of random windows)",
    at_most=1.88,
    where={"data": "tiny-shakespeare", "data.vocabulary": "characters"},
)
GPU_TARGET = Target(
    "val/loss",
    "tiny-shakespeare, the last 10 %, every token once, windows of 256 that do not overlap; nats a character",
    "karpathy/nanoGPT, README: 1.4697, the best of its measurements, in 3 minutes on an A100",
    at_most=1.48,
    where={"data": "tiny-shakespeare", "data.vocabulary": "characters"},
)


def shakespeare_lstm(bar: float, source: str = "") -> Target:
    return Target(
        "val/loss",
        "tiny-shakespeare, the last 10 %, every token once, in 32 carried streams; nats a character",
        source,
        at_most=bar,
        where={"data": "tiny-shakespeare", "data.vocabulary": "characters"},
    )


RECIPES = {
    "char-rnn": on_standard_library(
        "rnn",
        422,
        "A recurrent language model of Python's standard library, with its equations written out",
        "Elman 1990; Karpathy 2015, The Unreasonable Effectiveness of Recurrent Neural Networks",
        written_out=True,
    ),
    "char-lstm": on_standard_library(
        "lstm",
        217,
        "An LSTM language model of Python's standard library, character by character",
        "Hochreiter & Schmidhuber 1997; Graves 2013 (arXiv:1308.0850)",
    ),
    "char-gru": on_standard_library(
        "gru",
        250,
        "A GRU language model of Python's standard library, character by character",
        "Cho et al. 2014 (arXiv:1406.1078)",
    ),
    "char-gpt": Recipe(
        summary="A small GPT, a language model of Python's standard library, character by character",
        data=use("stdlib", window=64, batch_size=32),
        model="gpt",
        loss="next-token",
        optimizer=nanogpt(0.05, SMALL_GPT_RATE),
        length="3M tokens",
        source="Radford et al. 2019; karpathy/nanoGPT",
        metrics=METRICS,
        samplers=TRANSFORMER_SAMPLERS,
        targets=[COMPARED],
        watch=WATCH,
        trainer=use("torch", eval_every=500),
        level=2,
    ),
    "shakespeare-lstm": Recipe(
        summary="An LSTM language model of Shakespeare's plays, character by character",
        data=use("tiny-shakespeare", order="stream", window=64, batch_size=32),
        model=use("recurrent", cell="lstm", units=512, depth=2, dropout=0.3, layer_norm=True),
        loss="next-token",
        optimizer=ADAM,
        length="10M tokens",
        source="Karpathy 2015, The Unreasonable Effectiveness of Recurrent Neural Networks",
        metrics=METRICS,
        samplers=SAMPLERS,
        presets={
            "cpu": Preset(
                "two layers of 256 units, ten epochs",
                {"model.units": 256, "model.dropout": 0.1, "tokens": 10_000_000, "eval_every": 500},
                [shakespeare_lstm(inf)],
            ),
            "gpu": Preset(
                "two layers of 512 units, 20 epochs",
                {"data.window": 128, "data.batch_size": 64, "tokens": 20_000_000, "eval_every": 250},
                [shakespeare_lstm(1.60, "no published plain LSTM was found; minLSTM 1.555 (arXiv:2410.01201)")],
            ),
        },
        watch=WATCH,
        needs="tiny-shakespeare, 1.1 MB",
    ),
    "shakespeare-gpt": Recipe(
        summary="A GPT of Shakespeare's plays, character by character: nanoGPT's two configurations",
        data=use("tiny-shakespeare", window=256, batch_size=64),
        model=use("gpt", width=384, depth=6, heads=6, dropout=0.2),
        loss="next-token",
        optimizer=nanogpt(0.02),
        length="5k steps",
        source="karpathy/nanoGPT, config/train_shakespeare_char.py and README",
        metrics=METRICS,
        samplers=TRANSFORMER_SAMPLERS,
        presets={
            "cpu": Preset(
                "4 layers, 4 heads, width 128, context 64, batch size 12, 2,000 steps; 4 times nanoGPT's learning rate",
                {
                    "data.window": 64,
                    "data.batch_size": 12,
                    "model.width": 128,
                    "model.depth": 4,
                    "model.heads": 4,
                    "model.dropout": 0.0,
                    "optimizer.learning_rate": SMALL_GPT_RATE,
                    "optimizer.warmup": 0.05,
                    "steps": 2000,
                    "eval_every": 1000,
                },
                [CPU_TARGET],
            ),
            "gpu": Preset(
                "6 layers, 6 heads, width 384, context 256, batch size 64, 5,000 steps, in bf16",
                {"precision": "bf16", "graph": True, "eval_every": 250},
                [GPU_TARGET],
            ),
        },
        watch=WATCH,
        needs="tiny-shakespeare, 1.1 MB",
    ),
}
