"""The recipe of transfer learning: few images, and a network pretrained on many others. Its hyperparameters were
chosen on the validation set, and are those of the same network without pretraining."""

from __future__ import annotations

from dlplug import Recipe, Target, use
from dlplug_vision.classification.recipes import METRICS, SAMPLERS, WATCH, sgd

TRANSFER_RECIPES = {
    "transfer": Recipe(
        summary="Fine-tune mnist-cnn's network on a hundred digits of another data set",
        data=use("digits", size=28, training=100, batch_size=50),
        model=use("transfer", source="mnist-cnn"),
        loss=use("cross-entropy", smoothing=0.05),
        optimizer=sgd(0.05),
        length="5k images",
        source="Yosinski et al. 2014 (arXiv:1411.1792)",
        metrics=METRICS,
        samplers=SAMPLERS,
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/accuracy",
                "scikit-learn's digits at 28x28, 100 training images, the fixed 20 % test split",
                "this project's own bar, above the same net from nothing: `--model quick-net`",
                at_least=0.95,
                where={"data": "digits", "data.size": 28, "data.training": 100, "model": "transfer"},
            )
        ],
        watch=WATCH,
        needs="a run of mnist-cnn",
    ),
}
