"""The recipes of the classifiers whose shipped weights make `fid_local` the same number everywhere."""

from __future__ import annotations

from dlplug import Recipe, Target, use

FASHION_FID = "fid_local_fbe459d8"  # by the SHA-256 of weights/features-fashion.safetensors
FID_PROTOCOL = "Fréchet distance in the shipped features, 10,000 made pictures against the 10,000 test pictures"
MNIST_FID = "fid_local_f7d7a92f"  # by that of weights/features-mnist.safetensors


def classifier(data: str, title: str, length: str, accuracy: float, published: str, needs: str) -> Recipe:
    return Recipe(
        summary=f"The small classifier whose features compare generated images with {title}",
        data=data,
        model="feature-net",
        loss="cross-entropy",
        optimizer=use("adam", learning_rate=4e-3, schedule="linear", warmup=0.1),
        length=length,
        source="Heusel et al. 2017 (arXiv:1706.08500), with our own network in place of Inception",
        metrics=["classification"],
        trainer=use("torch", threads=1),
        targets=[
            Target(
                "test/accuracy",
                f"{title}, the 10,000 test images, one crop",
                published,
                at_least=accuracy,
                where={"data": data},
            )
        ],
        watch=["train/loss", "train/accuracy"],
        needs=needs,
    )


FEATURE_RECIPES = {
    "features-mnist": classifier(
        "mnist",
        "MNIST",
        "100k images",
        0.98,
        "this project's own bar; zalandoresearch/fashion-mnist, README: 2 convolutions, under 100,000 weights 99.2 %",
        "MNIST, 12 MB",
    ),
    "features-fashion": classifier(
        "fashion-mnist",
        "Fashion-MNIST",
        "165k images",
        0.9,
        "zalandoresearch/fashion-mnist, README: 3 convolutions and batch norm 90.3 %",
        "Fashion-MNIST, 31 MB",
    ),
}
