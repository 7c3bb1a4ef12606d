"""The VAE recipes. Their settings were chosen on the validation set."""

from __future__ import annotations

from math import inf
from typing import Any

from dlplug import Preset, Recipe, Target, use
from dlplug_generative.measures.recipes import FASHION_FID, FID_PROTOCOL

KINGMA = "Kingma & Welling 2014 (arXiv:1312.6114)"
PROTOCOL = "MNIST's 10,000 test pictures, each binarised once, 200 importance samples, nats a picture"
HERE = {"data": "mnist", "loss.binarisation": "static", "metrics.evidence.binarisation": "static"}
BINARISED = [use(name, binarisation="static") for name in ("reconstructed", "interpolation")]
FIGURES = ["generated", *BINARISED, "manifold", "history"]
# few images during training: 200 samples of each image of the split take as long as many epochs
SOME = use("evidence", likelihood_of=500)
ALL = {"metrics.evidence.likelihood_of": 0}


def nll(at_most: float, source: str, **where: Any) -> Target:
    where = {f"loss.{option}": value for option, value in where.items()}
    return Target("test/nll_static_iws200", PROTOCOL, source, at_most=at_most, where={**HERE, **where})


def on_mnist(summary: str, model: str, length: str, source: str, target: Target, **more: Any) -> Recipe:
    """A recipe on binarised MNIST."""
    parts: dict[str, Any] = {
        "loss": "elbo",
        "trainer": use("torch", threads=1, eval_every=2150),
        "watch": ["train/elbo", "val/nll_static_iws200"],
    }
    return Recipe(
        summary=summary,
        data=use("mnist", batch_size=128),
        model=model,
        optimizer=use("adam", learning_rate=1e-3, schedule="cosine"),
        length=length,
        source=source,
        metrics=[SOME, "generated"],
        evaluation=ALL,
        samplers=FIGURES,
        targets=[target],
        needs="MNIST, 12 MB",
        **(parts | more),
    )


VAE_RECIPES = {
    "vae-mnist": on_mnist(
        "A variational autoencoder with affine layers on binarised MNIST",
        "vae",
        "2M images",
        KINGMA,
        nll(98, "altosaar/variational-autoencoder, README: 97.10 after 65,000 steps"),
        level=2,
    ),
    "vae-mnist-conv": on_mnist(
        "A variational autoencoder with convolutions on binarised MNIST",
        "vae-conv",
        "5M images",
        f"{KINGMA}; the net after Salimans et al. 2015 (arXiv:1410.6460)",
        nll(90, "clementchadebec/benchmark_VAE, reproducibility: 89.78, for 89.9 of the paper"),
    ),
    "iwae-mnist": on_mnist(
        "An importance-weighted autoencoder with 50 samples on binarised MNIST; for a GPU",
        "vae-conv",
        "10M images",
        "Burda et al. 2016 (arXiv:1509.00519)",
        nll(87.5, "clementchadebec/benchmark_VAE, reproducibility: 86.82, for 87.1 of the paper", samples=50),
        loss=use("iwae", samples=50),
        trainer=use("torch", threads=1, eval_every=4300),
        presets={
            "cpu": Preset("5 samples, a tenth of the length", {"loss.samples": 5, "images": 1_000_000}),
            "gpu": Preset("the recipe as it is", {}),
        },
        watch=["train/bound", "val/nll_static_iws200"],
        level=4,
    ),
    "vae-fashion": Recipe(
        summary="A variational autoencoder on the 256 grey levels of Fashion-MNIST",
        data=use("fashion-mnist", batch_size=128),
        model=use("vae-conv", likelihood="logistic"),
        loss=use("elbo", binarisation="none"),
        optimizer=use("adam", learning_rate=1e-3, schedule="cosine"),
        length="1M images",
        source=f"{KINGMA}; the likelihood: Salimans et al. 2017 (arXiv:1701.05517), equation 2",
        metrics=[
            use("evidence", binarisation="none", likelihood_of=500),
            use("fidelity", features="fashion", count=2000),
            "generated",
        ],
        evaluation={**ALL, "metrics.fidelity.count": 10_000, "metrics.fidelity.floor": True},
        samplers=["generated", "reconstructed", "interpolation", "manifold", "history"],
        trainer=use("torch", threads=1, eval_every=2150),
        targets=[Target(f"test/{FASHION_FID}", FID_PROTOCOL, at_most=inf, where={"data": "fashion-mnist"})],
        watch=["train/elbo", "train/kl"],
        needs="Fashion-MNIST, 31 MB",
    ),
    "vae-8gaussians": Recipe(
        summary="A variational autoencoder on eight Gaussians on a circle",
        data="eight-gaussians",
        model=use("vae", likelihood="gaussian", latents=2, hidden=128),
        loss=use("elbo", binarisation="none"),
        optimizer=use("adam", learning_rate=2e-3, schedule="cosine"),
        length="5k steps",
        source=f"{KINGMA}; the data: Metz et al. 2017 (arXiv:1611.02163)",
        metrics=[use("evidence", binarisation="none"), use("generated", count=2000)],
        samplers=[use("generated", count=2000), "manifold", "history"],
        trainer=use("torch", threads=1, eval_every=500),
        watch=["train/elbo", "train/kl"],
        level=2,
        minutes=1,
    ),
}
