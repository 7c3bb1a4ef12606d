"""The recipe of the noise table, and the lecture's table that it is compared with. Hyperparameters were chosen on the
validation set."""

from __future__ import annotations

from dlplug import Recipe, Target, use

# A lecture's table: accuracy by the percentage of a noise that it does not define
LECTURE = {
    "perceptron": {0: 0.7449, 10: 0.6901, 20: 0.6115, 30: 0.5001, 40: 0.4100, 50: 0.3036},
    "deep": {0: 0.9182, 10: 0.8779, 20: 0.7832, 30: 0.6443, 40: 0.5202, 50: 0.3973},
    "residual": {0: 0.9861, 10: 0.9644, 20: 0.8794, 30: 0.6027, 40: 0.3863, 50: 0.2283},
}
NETS = ("perceptron", "deep", "residual")
PERCENT = (0, 10, 20, 30, 40, 50)
NOISE = "noise: each pixel replaced, with that probability, by a uniform draw from [0, 1]"

NOISE_RECIPES = {
    "noise-table": Recipe(
        summary="A perceptron, a deep net and a deep residual net on 64 principal components of noisy MNIST",
        data=use("mnist", crop=1),
        model="three-nets",
        loss="noisy-cross-entropy",
        optimizer=use("adamw", learning_rate=1e-3, schedule="linear", warmup=0.1),
        length="440k images",
        source="a lecture's table; residual blocks: He et al. 2016 (arXiv:1603.05027)",
        metrics=["noise-table"],
        samplers=["noise-table"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                f"test/{net}_{percent}",
                f"MNIST at {percent} % noise",
                "a lecture's table",
                at_least=accuracy,
                where={"data": "mnist", "model.components": 64},
            )
            for net, row in LECTURE.items()
            for percent, accuracy in row.items()
        ],
        watch=[f"train/{net}_loss" for net in NETS],
        needs="MNIST, 12 MB",
    ),
}
