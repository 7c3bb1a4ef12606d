"""The recipes of lip reading. Their hyperparameters were chosen on the validation videos."""

from __future__ import annotations

from dlplug import Recipe, Target, use

LIP_RECIPES = {
    "lip-words": Recipe(
        summary="Words read from generated lips of speakers who are not in training, no download",
        data="lip-words",
        model="lipnet",
        loss="lip-ctc",
        optimizer=use("adam", learning_rate=3e-3, schedule="cosine", warmup=0.05),
        length="24k videos",
        source="LipNet (Assael et al. 2016, arXiv:1611.01599)",
        metrics=["lip-reading"],
        samplers=["lip-reading"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/word_error",
                "1,000 generated videos of 40 speakers who are not in training, greedy decoding without a lexicon",
                "this project's own bar",
                at_most=0.05,
                where={"data": "lip-words", "data.noise": 0.03, "data.testing": 1000},
            )
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
