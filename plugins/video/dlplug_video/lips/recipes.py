"""The recipes of lip reading. Their hyperparameters were chosen on the validation videos."""

from __future__ import annotations

from dlplug import Recipe, Target, use

UNSEEN = "1,000 generated videos of 40 speakers who are not in training"
OWN = "this project's own bar"
HERE = {"data": "lip-words", "data.noise": 0.03, "data.testing": 1000}

LIP_RECIPES = {
    "lip-words": Recipe(
        summary="Words read from generated lips of speakers who are not in training, no download",
        data="lip-words",
        model=use("lipnet", hidden=128),
        loss="lip-ctc",
        optimizer=use("adam", learning_rate=5e-3, schedule="cosine", warmup=0.05),
        length="64k videos",
        source="LipNet (Assael et al. 2016, arXiv:1611.01599)",
        metrics=["lip-reading"],
        samplers=["lip-reading"],
        trainer=use("torch", threads=1),
        targets=[
            Target("test/word_error", f"{UNSEEN}, greedy decoding without a lexicon", OWN, at_most=0.05, where=HERE),
            Target("test/closed_word_error", f"{UNSEEN}, the likeliest of the 235 words", at_most=float("inf")),
        ],
        watch=["train/loss"],
        level=3,
    ),
    "lip-grid": Recipe(
        summary="Sentences read from your own copy of the GRID corpus: --data.path",
        data="grid",
        model=use("lipnet", width=16, stages=4, hidden=128, layers=2),
        loss="lip-ctc",
        optimizer=use("adam", learning_rate=1e-3, schedule="cosine", warmup=0.05),
        length="500k videos",
        source="LipNet (Assael et al. 2016, arXiv:1611.01599)",
        metrics=["lip-reading"],
        samplers=["lip-reading"],
        watch=["train/loss"],
        needs="your own copy of the GRID corpus, --data.path",
        level=4,
    ),
}
