"""The recipe of adversarial training. Its hyperparameters were chosen on the validation set, under attack."""

from __future__ import annotations

from dlplug import Recipe, Target, use
from dlplug_vision.classification.recipes import METRICS, SAMPLERS

ADVERSARIAL_RECIPES = {
    "mnist-adversarial": Recipe(
        summary="Adversarial training on MNIST: a small convolutional net, robust to changes of 0.3 in every pixel",
        data="mnist",
        model="strided-net",
        loss=use("adversarial", epsilon=0.3, steps=5, step_size=0.1, ramp=1375),
        optimizer=use("adam", learning_rate=3e-3, schedule="linear", warmup=0.2),
        length="440k images",
        source="Madry et al. 2018 (arXiv:1706.06083); the net: Wong et al. 2020 (arXiv:2001.03994)",
        metrics=[
            *(metric for metric in METRICS if metric != "attack"),
            # long steps: 20 short ones would not cross the L∞ ball, and a poor checkpoint would look best
            use("attack", method="pgd", epsilon=0.3, attack_steps=20, restarts=2, attack_count=1000),
        ],
        # as locuslab/fast_adversarial evaluates: MNIST/README.md
        evaluation={
            "metrics.attack.step_size": 0.01,
            "metrics.attack.attack_steps": 50,
            "metrics.attack.restarts": 10,
            "metrics.attack.attack_count": 0,
        },
        samplers=[use("attack", epsilon=0.3), *(sampler for sampler in SAMPLERS if sampler != "attack")],
        trainer=use("torch", threads=1, eval_every=860),
        targets=[
            Target(
                "test/robust_accuracy",
                "MNIST, the 10,000 test images under PGD: ε 0.3, 50 steps of 0.01, 10 random starts",
                "MadryLab/mnist_challenge, README: 89.62 % under 100 steps and 50 random starts",
                at_least=0.89,
                where={"data": "mnist", "loss": "adversarial", "metrics.attack.epsilon": 0.3},
            )
        ],
        watch=["train/loss", "train/robust_accuracy"],
        needs="MNIST, 12 MB",
    ),
}
