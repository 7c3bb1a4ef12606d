"""The recipes of bags of visual words. Their hyperparameters were chosen on the validation set."""

from __future__ import annotations

import math
from typing import Any

from dlplug import Recipe, Target, use
from dlplug_vision.classification.recipes import sgd

OWN_BAR = "this project's own bar"
HOG = "LuoXubo/PRML2023, README: linear SVM on HOG 0.4999, with an RBF kernel 0.6227, on the original CIFAR-10"


def against_net(set: str, protocol: str, bar: float, source: str, **recipe: Any) -> Recipe:
    """A bag of words and a net on the same images. bar: of the bag's accuracy on the test images."""
    where = {"data.set": set, "model": "bag-of-words"}
    return Recipe(
        loss="hinge-and-cross-entropy",
        optimizer={"svm": use("adam", learning_rate=0.1, schedule="linear"), "cnn": sgd(0.2)},
        source="Csurka et al. 2004; Lazebnik et al. 2006 (doi:10.1109/CVPR.2006.68)",
        metrics=["bag-of-words"],
        samplers=["visual-words", "mistakes"],
        trainer=use("torch", threads=1),
        targets=[
            Target("test/accuracy", protocol, source, at_least=bar, where=where),
            Target("test/cnn_accuracy", f"the net in the same run, {protocol}", at_least=-math.inf, where=where),
        ],
        watch=["train/svm_accuracy", "train/cnn_accuracy"],
        **recipe,
    )


BAG_OF_WORDS_RECIPES = {
    "bovw-digits": against_net(
        "digits",
        "scikit-learn's digits, the fixed 20 % test split",
        0.95,
        OWN_BAR,
        summary="SIFT, visual words and a linear SVM beside a convolutional net on scikit-learn's digits",
        data=use("described-images", set="digits"),
        model=use("bag-of-words", cells=(2,), step=1, enlarge=2, width=16, stages=2),
        length="20k images",
        level=2,
    ),
    "bovw-fashion": against_net(
        "fashion-mnist",
        "Fashion-MNIST, the 10,000 test images, one crop",
        0.88,
        "zalandoresearch/fashion-mnist, README: HOG and SVM 0.926 (submitted, not tested by the authors)",
        summary="SIFT, visual words and a linear SVM beside a convolutional net on Fashion-MNIST",
        data=use("described-images", set="fashion-mnist", batch_size=128, flip=True),
        model="bag-of-words",
        length="220k images",
        needs="Fashion-MNIST, 31 MB",
    ),
    "bovw-cifar10-jpeg": against_net(
        "cifar10-jpeg",
        "a lossy JPEG copy of CIFAR-10, the 10,000 test images, one crop",
        0.58,
        HOG,
        summary="SIFT, visual words and a linear SVM beside a convolutional net on a JPEG copy of CIFAR-10",
        data=use("described-images", set="cifar10-jpeg", batch_size=128, flip=True),
        model="bag-of-words",
        length="270k images",
        needs="the archive cifar10_jpeg_q75.tar.gz, 19 MB",
    ),
    "bovw-curve": against_net(
        "fashion-mnist",
        "Fashion-MNIST, the 10,000 test images, one crop",
        0.88,
        OWN_BAR,
        summary="Where the net overtakes the bag of words: 100, 1,000, 10,000 and all of Fashion-MNIST's images",
        data=use("described-images", set="fashion-mnist", smaller=(100, 1_000, 10_000), batch_size=100, flip=True),
        model=use("bag-of-words", width=16),
        length="110k images",
        needs="Fashion-MNIST, 31 MB",
    ),
}
