"""The recipe of articulation. Its hyperparameters were chosen on validation words."""

from __future__ import annotations

from dlplug import Recipe, Target, use

ARTICULATION_RECIPES = {
    "articulation": Recipe(
        summary="25 words recognised from sensors on tongue and lips, beside the nearest neighbour",
        data="articulation",
        model="word-conv-gru",
        loss=use("cross-entropy", smoothing=0.1),
        optimizer=use("adam", learning_rate=3e-3, schedule="cosine", warmup=0.05),
        length="20k words",
        source="Wang et al. 2013; the UEA archive (timeseriesclassification.com)",
        metrics=["word-accuracy"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/accuracy",
                "UEA ArticularyWordRecognition, the archive's 300 test words",
                "TS2Vec 0.987, DKN 0.993; the nearest neighbour 0.970",
                at_least=0.98,
                where={"data": "articulation"},
            )
        ],
        watch=["train/loss"],
        needs="UEA ArticularyWordRecognition, 2 MB",
        level=2,
    ),
}
