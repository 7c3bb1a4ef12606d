"""The translation recipes."""

from __future__ import annotations

from math import inf

from dlplug import Preset, Recipe, Target, use

WATCH = ["train/loss", "val/loss", "val/bleu"]
METRICS = ["translation-loss", "bleu"]
BENTREVETT = "bentrevett/pytorch-seq2seq, notebooks: {} BLEU after 10 epochs, on spaCy's tokens"


def multi30k_target(bar: float, published: str = "") -> Target:
    return Target(
        "test/bleu",
        "Multi30k de to en, test_2016_flickr; greedy, small letters; sacrebleu, 13a tokens, case-insensitive",
        published,
        at_least=bar,
        where={"data": "multi30k", "data.source": "de"},
    )


TRANSLATION_RECIPES = {
    "translate-dates": Recipe(
        summary="Dates in seven formats to ISO 8601, with an LSTM encoder-decoder and attention",
        data="dates",
        model=use("encoder-decoder", units=96),
        loss="translation",
        optimizer=use("adam", learning_rate=4e-3, clip_norm=1.0, schedule="linear", warmup=0.05),
        length="50k pairs",
        source="Bahdanau et al. 2015 (arXiv:1409.0473)",
        metrics=["translation-loss", "exact-match"],
        samplers=["translate"],
        trainer=use("torch", threads=1, eval_every=250),
        targets=[
            Target(
                "test/exact",
                "1,000 dates in seven formats, of days that were not learnt from; greedy",
                "none is published: every date has one right answer",
                at_least=1.0,
                where={"data": "dates"},
            )
        ],
        watch=["train/loss", "val/exact"],
        level=2,
    ),
    "translate-multi30k": Recipe(
        summary="Captions from German to English, with an LSTM encoder-decoder and attention",
        data=use("multi30k", lowercase=True),
        model=use("encoder-decoder", units=512, dropout=0.4),
        loss=use("translation", smoothing=0.1),
        optimizer=use("adam", learning_rate=1e-3, clip_norm=1.0, schedule="cosine", warmup=0.02),
        length="435k pairs",
        source="Bahdanau et al. 2015 (arXiv:1409.0473)",
        metrics=METRICS,
        samplers=["translate"],
        presets={
            "cpu": Preset(
                "256 units and five epochs: a demonstration, too short for the target",
                {"model.units": 256, "model.dropout": 0.2, "data.batch_size": 64, "pairs": 145_000, "eval_every": 750},
                [multi30k_target(-inf)],
            ),
            "gpu": Preset(
                "512 units, 15 epochs",
                {"eval_every": 1000},
                [multi30k_target(28.0, BENTREVETT.format("attention 28.30"))],
            ),
        },
        watch=WATCH,
        needs="Multi30k, 1.3 MB",
    ),
    "translate-multi30k-transformer": Recipe(
        summary="Captions from German to English, with a small transformer",
        data=use("multi30k", lowercase=True),
        model=use("transformer", dropout=0.2),
        loss=use("translation", smoothing=0.1),
        optimizer=use("adam", learning_rate=1e-3, beta2=0.98, clip_norm=1.0, schedule="cosine", warmup=0.1),
        length="580k pairs",
        source="Vaswani et al. 2017 (arXiv:1706.03762)",
        metrics=METRICS,
        samplers=["translate"],
        presets={
            "cpu": Preset(
                "width 128 and five epochs: a demonstration, too short for the target",
                {"model.width": 128, "model.dropout": 0.1, "data.batch_size": 64, "pairs": 145_000, "eval_every": 750},
                [multi30k_target(-inf)],
            ),
            "gpu": Preset(
                "width 256, 20 epochs",
                {"eval_every": 1000},
                [multi30k_target(36.0, BENTREVETT.format("transformer 36.52"))],
            ),
        },
        watch=WATCH,
        needs="Multi30k, 1.3 MB",
    ),
}
