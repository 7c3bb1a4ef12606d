"""The recipes of autoencoders. Their hyperparameters were chosen on the validation set."""

from __future__ import annotations

from dlplug import Recipe, Target, use

PCA = "scikit-learn's PCA with as many components, fitted to the training images in the same run"
NOISE = 0.3
HERE = {"data": "mnist", "model.code": 64}

AUTOENCODER_RECIPES = {
    "mnist-autoencoder": Recipe(
        summary="MNIST compressed to 64 latents and reconstructed, compared with PCA of 64 components",
        data="mnist",
        model="conv-autoencoder",
        loss="reconstruction",
        optimizer=use("adam", learning_rate=4e-3, schedule="cosine", warmup=0.05),
        length="165k images",
        source="Hinton & Salakhutdinov 2006 (doi:10.1126/science.1127647)",
        metrics=["reconstructions"],
        samplers=["reconstructions", "between", "filters"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/against_pca",
                "squared error over PCA's, MNIST's 10,000 test images, 64 numbers each",
                PCA,
                at_most=1.0,
                where=HERE,
            )
        ],
        watch=["train/loss"],
        needs="MNIST, 12 MB",
        level=2,
    ),
    "mnist-denoise": Recipe(
        summary="Denoising: MNIST with 30 % of its pixels replaced at random, reconstructed from 64 latents",
        data="mnist",
        model="conv-autoencoder",
        loss=use("reconstruction", noise=NOISE),
        optimizer=use("adam", learning_rate=4e-3, schedule="cosine", warmup=0.05),
        length="110k images",
        source="Vincent et al. 2008 (doi:10.1145/1390156.1390294), 2010 (JMLR 11:3371)",
        metrics=[use("reconstructions", noise=NOISE)],
        samplers=[use("reconstructions", noise=NOISE), "between", "filters"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/against_pca",
                "squared error to the clean images over PCA's, MNIST's 10,000 test images, 30 % of pixels replaced",
                PCA,
                at_most=1.0,
                where={**HERE, "loss.noise": NOISE, "metrics.reconstructions.noise": NOISE},
            )
        ],
        watch=["train/loss"],
        needs="MNIST, 12 MB",
        level=2,
    ),
}
