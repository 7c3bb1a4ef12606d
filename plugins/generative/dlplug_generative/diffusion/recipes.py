"""The diffusion recipes. Their settings were chosen on the validation set."""

from __future__ import annotations

from dlplug import Preset, Recipe, Target, use
from dlplug_generative.measures.recipes import FASHION_FID, FID_PROTOCOL

HO = "Ho, Jain & Abbeel 2020 (arXiv:2006.11239)"
COSINE = "cosine schedule: Nichol & Dhariwal 2021 (arXiv:2102.09672)"
SOLVER = "sampler: Lu et al. 2022 (arXiv:2211.01095)"
METZ = "Metz et al. 2017 (arXiv:1611.02163), section 3.1"
SAMPLERS = ["generated", "denoising", "history", "memorisation"]
# few images during training: each takes as many passes through the net as its sampler has steps
BOUND = use("diffusion-bound", bound_images=64, bound_terms=20)
BOUND_AT_THE_END = {"metrics.diffusion-bound.bound_images": 256, "metrics.diffusion-bound.bound_terms": 100}


def inception(at_most: float, data: str, source: str) -> Target:
    return Target(
        "test/fid_inception_train_50000",
        "Inception's features, 50,000 made pictures against the training pictures; needs its weights",
        source,
        at_most=at_most,
        where={"data": data},
    )


def eight(metric: str, at_least: float, protocol: str, source: str) -> Target:
    where = {"data": "eight-gaussians"}
    return Target(metric, f"eight Gaussians, {protocol}", source, at_least=at_least, where=where)


DIFFUSION_RECIPES = {
    "ddpm-fashion": Recipe(
        summary="Denoising diffusion on Fashion-MNIST",
        data=use("fashion-mnist", batch_size=1024),
        model=use("ddpm-unet", width=64, stages=3, depth=2, attention=14),
        loss=use("diffusion", target="v", schedule="cosine", decay=0.999, sampler="dpm-solver", steps=25),
        optimizer=use("adam", learning_rate=7e-4, clip_norm=1.0, schedule="cosine", warmup=0.02),
        length="15M images",
        source=f"{HO}; {COSINE}; {SOLVER}",
        metrics=[use("fidelity", features="fashion", count=1000), BOUND, use("generated", count=36)],
        evaluation={**BOUND_AT_THE_END, "metrics.fidelity.count": 10_000, "metrics.fidelity.floor": True},
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=2000),
        presets={
            "cpu": Preset(
                "a small net on 2x2 patches, nine epochs: about 25 minutes on one thread",
                {
                    "data.batch_size": 64,
                    "model.width": 32,
                    "model.stages": 2,
                    "model.depth": 1,
                    "model.patch": 2,
                    "optimizer.learning_rate": 1e-3,
                    "threads": 1,
                    "images": 500_000,
                },
                [
                    Target(
                        f"test/{FASHION_FID}",
                        FID_PROTOCOL,
                        "this project's own bar, the adversarial nets' as well",
                        at_most=4,
                        where={"data": "fashion-mnist"},
                    )
                ],
            ),
            "gpu": Preset(
                "no patches, 64 channels, 270 epochs, in bf16, each step as one CUDA graph",
                {
                    "precision": "bf16",
                    "graph": True,
                    "metrics": ["inception-fid", "fidelity", "diffusion-bound", "generated"],
                    "metrics.inception-fid.count": 50_000,
                    "metrics.inception-fid.reference": "train",
                    "eval_every": 5000,
                },
                [
                    inception(
                        6,
                        "fashion-mnist",
                        "yuanchenyang/smalldiffusion, README: about 5 to 6 by a transformer, 2 h on one GPU; its"
                        " protocol is not stated",
                    )
                ],
            ),
        },
        watch=["train/loss", f"val/{FASHION_FID}"],
        needs="Fashion-MNIST, 31 MB",
    ),
    "ddpm-cifar10": Recipe(
        summary="Denoising diffusion on CIFAR-10, as in the paper",
        data=use("cifar10", batch_size=128, flip=True),
        model=use("ddpm-unet", width=128, stages=4, depth=2, attention=16, dropout=0.1),
        loss=use("diffusion", target="noise", schedule="linear", decay=0.9999, sampler="ancestral"),
        optimizer=use("adam", learning_rate=2e-4, clip_norm=1.0, warmup=0.00625),
        length="800k steps",
        source=HO,
        metrics=[BOUND, use("generated", count=36)],
        evaluation=BOUND_AT_THE_END,
        samplers=SAMPLERS,
        trainer=use("torch", eval_every=50_000),
        presets={
            "cpu": Preset(
                "a small net and few steps: a demonstration, too short for the target",
                {
                    "data.batch_size": 64,
                    "model.width": 32,
                    "model.stages": 3,
                    "model.depth": 1,
                    "model.patch": 2,
                    "model.dropout": 0.0,
                    "loss.decay": 0.99,
                    "loss.sampler": "dpm-solver",
                    "loss.steps": 25,
                    "optimizer.learning_rate": 1e-3,
                    "optimizer.warmup": 0.05,
                    "threads": 1,
                    "steps": 3000,
                    "eval_every": 500,
                },
            ),
            "gpu": Preset(
                "the paper's net and length, in bf16, each step as one CUDA graph; evaluated only at the end",
                {
                    "precision": "bf16",
                    "graph": True,
                    "metrics": ["inception-fid", "diffusion-bound", "generated"],
                    "metrics.inception-fid.count": 50_000,
                    "metrics.inception-fid.reference": "train",
                    "eval_every": 0,
                },
                [inception(3.17, "cifar10", f"{HO}, table 1: 3.17; w86763777/pytorch-ddpm: 3.249")],
            ),
        },
        watch=["train/loss"],
        needs="CIFAR-10, 170 MB",
        level=4,
    ),
    "ddpm-8gaussians": Recipe(
        summary="Denoising diffusion covers all eight Gaussians",
        data="eight-gaussians",
        model="ddpm-mlp",
        loss=use("diffusion", target="v", schedule="cosine", decay=0.998, steps=100),
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="4k steps",
        source=f"{HO}; {COSINE}; the points: {METZ}",
        metrics=["modes", use("generated", count=2000)],
        samplers=[use("generated", count=2000), "denoising", "history"],
        trainer=use("torch", threads=1, eval_every=800),
        # the first target's metric selects the best checkpoint: all modes are covered long before the points are good
        targets=[
            eight(
                "test/good",
                0.9,
                "share of 5,000 points within three deviations of a Gaussian",
                "this project's own bar",
            ),
            eight("test/modes", 8, "modes with at least a tenth of their even share of those 5,000 points", METZ),
        ],
        watch=["train/loss", "val/modes", "val/good"],
        level=2,
    ),
}
