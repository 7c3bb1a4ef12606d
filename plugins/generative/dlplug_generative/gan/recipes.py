"""The GAN recipes. Their settings were chosen on the validation set."""

from __future__ import annotations

from typing import Any

from dlplug import Preset, Recipe, Target, use
from dlplug_generative.measures.recipes import FASHION_FID, FID_PROTOCOL

GOODFELLOW = "Goodfellow et al. 2014 (arXiv:1406.2661)"
METZ = "Metz et al. 2017 (arXiv:1611.02163), section 3.1"
GULRAJANI = "Gulrajani et al. 2017 (arXiv:1704.00028)"
CURE = {"loss.objective": "wasserstein", "loss.penalty": "gradient"}
SCORES = ["train/real_score", "train/fake_score"]

EIGHT = Target(
    "test/modes",
    "eight Gaussians, modes with at least a tenth of their even share of 5,000 points within three deviations",
    METZ,
    at_least=8,
    where={"data": "eight-gaussians", **CURE},
)

FASHION = Target(
    f"test/{FASHION_FID}", FID_PROTOCOL, "this project's own bar", at_most=4, where={"data": "fashion-mnist"}
)

METRICS = [use("fidelity", features="fashion", count=2000), "generated"]
POINTS = use("generated", count=2000)
AT_THE_END = {"metrics.fidelity.count": 10_000, "metrics.fidelity.floor": True}
SAMPLERS = ["generated", "history", "memorisation"]
WATCH = [f"val/{FASHION_FID}", *SCORES]


def adam(learning_rate: float, *, beta1: float = 0.5, beta2: float = 0.999, **schedule: Any) -> Any:
    """The same optimizer for critic and generator."""
    one = use("adam", learning_rate=learning_rate, beta1=beta1, beta2=beta2, **schedule)
    return {"critic": one, "generator": one}


GAN_RECIPES = {
    "gan-8gaussians": Recipe(
        summary="A plain GAN on eight Gaussians: a demonstration of mode collapse",
        data=use("eight-gaussians", batch_size=128),
        model=use("planar-gan", noise=256),
        loss=use("gan", average=0.0),
        optimizer=adam(1e-4),
        length="6k steps",
        source=f"{GOODFELLOW}; the points and the settings: {METZ}",
        metrics=["modes", POINTS],
        samplers=[POINTS, "history"],
        trainer=use("torch", threads=1, eval_every=500),
        targets=[EIGHT],
        watch=["val/modes", *SCORES],
        level=2,
    ),
    "wgan-gp-8gaussians": Recipe(
        summary="WGAN-GP on eight Gaussians: the gradient penalty cures mode collapse",
        data=use("eight-gaussians", batch_size=128),
        model="planar-gan",
        loss=use("gan", objective="wasserstein", penalty="gradient", strength=0.1, critic_steps=5, average=0.99),
        optimizer=adam(1e-3, beta2=0.9),
        length="12k steps",
        source=f"{GULRAJANI}; λ = 0.1 as the authors' code for such points",
        metrics=["modes", POINTS],
        samplers=[POINTS, "history"],
        trainer=use("torch", threads=1, eval_every=1000),
        targets=[EIGHT],
        watch=["val/modes", *SCORES],
    ),
    "gan-fashion": Recipe(
        summary="A convolutional GAN on Fashion-MNIST; its presets are other losses, with equal training time",
        data=use("fashion-mnist", batch_size=64),
        model=use("dcgan", width=32),
        loss=use("gan", average=0.99),
        optimizer=adam(5e-4),
        length="6k steps",
        source=f"{GOODFELLOW}; the nets: Radford et al. 2016 (arXiv:1511.06434)",
        metrics=METRICS,
        evaluation=AT_THE_END,
        samplers=SAMPLERS,
        trainer=use("torch", threads=1, eval_every=750),
        targets=[FASHION],
        presets={
            "r1": Preset(
                "the R1 gradient penalty at real images",
                {"loss.penalty": "r1", "model.critic_norm": "layer", "steps": 3600, "eval_every": 450},
            ),
            "hinge": Preset(
                "the hinge loss, with spectral normalisation",
                {"loss.objective": "hinge", "model.critic_norm": "spectral", "steps": 5700, "eval_every": 712},
            ),
            "clip": Preset(
                "the Wasserstein loss with weight clipping",
                {
                    "loss.objective": "wasserstein",
                    "loss.penalty": "clip",
                    "loss.critic_steps": 5,
                    "optimizer.critic": "rmsprop",
                    "optimizer.generator": "rmsprop",
                    "optimizer.critic.learning_rate": 2e-4,
                    "optimizer.generator.learning_rate": 2e-4,
                    "steps": 9000,
                    "eval_every": 1125,
                },
            ),
        },
        watch=WATCH,
        needs="Fashion-MNIST, 31 MB",
    ),
    "wgan-gp-fashion": Recipe(
        summary="WGAN-GP, the Wasserstein loss with a gradient penalty, on Fashion-MNIST",
        data=use("fashion-mnist", batch_size=64),
        model=use("dcgan", width=32, critic_norm="layer"),
        loss=use("gan", objective="wasserstein", penalty="gradient", critic_steps=3, average=0.99),
        optimizer=adam(5e-4, beta1=0.0, beta2=0.9),
        length="4300 steps",
        source=GULRAJANI,
        metrics=METRICS,
        evaluation=AT_THE_END,
        samplers=SAMPLERS,
        trainer=use("torch", threads=1, eval_every=537),
        targets=[FASHION],
        watch=WATCH,
        needs="Fashion-MNIST, 31 MB",
    ),
    "sngan-cifar10": Recipe(
        summary="SNGAN, a residual GAN with spectral normalisation, on CIFAR-10",
        data=use("cifar10", batch_size=64, flip=True),
        model="resnet-gan",
        loss=use("gan", objective="hinge", critic_steps=5, average=0.9999),
        optimizer=adam(2e-4, beta1=0.0, beta2=0.9, schedule="linear"),
        length="500k steps",
        source="Miyato et al. 2018 (arXiv:1802.05957)",
        metrics=["inception-fid", "generated"],
        samplers=SAMPLERS,
        presets={
            "cpu": Preset(
                "narrow nets and few steps: a demonstration, too short for the target",
                {
                    "model.width": 32,
                    "model.critic_width": 32,
                    "loss.critic_steps": 2,
                    "loss.average": 0.99,
                    "steps": 2000,
                    "eval_every": 200,
                    "threads": 1,
                },
            ),
            "gpu": Preset(
                "the paper's nets and length, in bf16, each step as CUDA graphs",
                {
                    "precision": "bf16",
                    "graph": True,
                    "eval_every": 20_000,
                    "metrics.inception-fid.count": 50_000,
                    "metrics.inception-fid.reference": "train",
                },
                [
                    Target(
                        "test/fid_inception_train_50000",
                        "Inception's features, 50,000 made pictures against the training pictures; needs its weights",
                        "w86763777/pytorch-gan-collections: 17.81 convolutional, 14.32 residual; kwotsin/mimicry 16.77",
                        at_most=18,
                        where={"data": "cifar10"},
                    )
                ],
            ),
        },
        watch=SCORES,
        needs="CIFAR-10, 170 MB",
        level=4,
    ),
}
