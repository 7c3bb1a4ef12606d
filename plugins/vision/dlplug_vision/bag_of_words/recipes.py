"""The recipes of bags of visual words. Their hyperparameters were chosen on the validation set."""

from __future__ import annotations

from typing import Any

from dlplug import Recipe, Target, use
from dlplug_vision.classification.recipes import sgd

OPTIMIZERS = {"svm": use("adam", learning_rate=0.02, schedule="linear"), "cnn": sgd(0.2)}
SOURCE = "Csurka et al. 2004; Lazebnik et al. 2006 (doi:10.1109/CVPR.2006.68)"
BAR = "this project's own bar"
WATCH = ["train/svm_accuracy", "train/cnn_accuracy"]


def against_cnn(set: str, bar: float, protocol: str, source: str, **recipe: Any) -> Recipe:
    """A bag of words against a net on an image data set. bar: of the bag's accuracy on the test set."""
    return Recipe(
        loss="hinge-and-cross-entropy",
        optimizer=OPTIMIZERS,
        source=SOURCE,
        metrics=["bag-of-words"],
        samplers=["visual-words", "mistakes"],
        trainer=use("torch", threads=1),
        targets=[
            Target("test/accuracy", protocol, source, at_least=bar, where={"data.set": set, "model": "bag-of-words"}),
            Target("test/cnn_accuracy", f"the net in the same run, {protocol}", at_least=float("-inf"),
                   where={"data.set": set, "model": "bag-of-words"}),
        ],
        watch=WATCH,
        **recipe,
    )  # fmt: skip


BAG_OF_WORDS_RECIPES = {
    "bovw-digits": against_cnn(
        "digits",
        0.95,
        "scikit-learn's digits, the fixed 20 % test split",
        BAR,
        summary="SIFT, visual words and a linear SVM against a convolutional net on scikit-learn's digits, in seconds",
        data=use("described-images", set="digits"),
        model=use("bag-of-words", words=500, cells=(2,), step=1, enlarge=2, width=16, stages=2),
        length="40k images",
        level=2,
    ),
}
