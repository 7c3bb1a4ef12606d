"""The accuracy of both classifiers, and how it grows with the number of training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlplug_figures.figure import COLOURS, new_figure, to_image
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_vision.bag_of_words.model import BagOfWords


def check_model(model: nn.Module, data: HeldOut, **options: Any) -> None:
    if not isinstance(model, BagOfWords):
        raise UserError("this compares a bag of words with a convolutional net: it needs --model bag-of-words")


@checked_by(check_model)
def bag_of_words(model: nn.Module, data: HeldOut) -> Mapping[str, Any]:
    """The accuracy of the support vector machine on its bag of words, and the convolutional net's as cnn_accuracy.

    Where both also learn from smaller training sets, accuracy_100 and cnn_accuracy_100 are of those of 100 images, and
    a figure shows accuracy over the number of training images.
    """
    check_model(model, data)
    assert isinstance(model, BagOfWords)
    svm, cnn = accuracies(model, data.images, data.y)
    values: dict[str, Any] = {"accuracy": svm[-1], "cnn_accuracy": cnn[-1]}
    for size, of_svm, of_cnn in list(zip(model.sizes, svm, cnn, strict=True))[:-1]:
        values |= {f"accuracy_{size}": of_svm, f"cnn_accuracy_{size}": of_cnn}
    if len(model.sizes) > 1:
        values["curve"] = curve(model.sizes, svm, cnn)
    return values


def accuracies(model: BagOfWords, images: Tensor, y: Tensor, batch_size: int = 100) -> tuple[list[float], list[float]]:
    """The accuracies of the support vector machines and of the nets, for each size of the training set, on uint8 images
    (N, H, W, C) with classes y (N,)."""
    device = next(model.parameters()).device
    svm, cnn = [0] * len(model.sizes), [0] * len(model.sizes)
    for part, classes in stoppable(zip(images.split(batch_size), y.split(batch_size), strict=True)):
        x, true = scaled(part.to(device)), classes.to(device)
        for place, (bag, machine, net) in enumerate(zip(model.bags, model.svm, model.cnn, strict=True)):
            svm[place] += int((machine(bag(x)).argmax(1) == true).sum())
            cnn[place] += int((net(x).argmax(1) == true).sum())
    return [right / len(y) for right in svm], [right / len(y) for right in cnn]


def curve(sizes: Sequence[int], svm: Sequence[float], cnn: Sequence[float]) -> Image:
    """Accuracy over the number of training images."""
    figure = new_figure(7, 4.5)
    axes = figure.subplots()
    for name, values, colour in (("bag of words", svm, COLOURS[1]), ("convolutional net", cnn, COLOURS[0])):
        axes.plot(sizes, values, "o-", color=colour, label=name)
        for size, value in zip(sizes, values, strict=True):
            higher = value >= max(svm[sizes.index(size)], cnn[sizes.index(size)])
            axes.annotate(f"{value:.3f}", (size, value), (0, 8 if higher else -15), color=colour, ha="center",
                          fontsize=8, textcoords="offset points")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.margins(y=0.15)
    axes.set(xlabel="training images", ylabel="accuracy", title=overtaking(sizes, svm, cnn))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return to_image(figure, f"accuracy over the number of training images: {overtaking(sizes, svm, cnn)}")


def overtaking(sizes: Sequence[int], svm: Sequence[float], cnn: Sequence[float]) -> str:
    """Between which sizes the net becomes the better one, in words."""
    ahead = [of_cnn > of_svm for of_svm, of_cnn in zip(svm, cnn, strict=True)]
    if all(ahead):
        return f"the net is ahead from {sizes[0]:,} images on"
    if not ahead[-1]:
        return f"the net is not ahead with {sizes[-1]:,} images"
    behind = max(place for place, is_ahead in enumerate(ahead) if not is_ahead)
    return f"the net overtakes between {sizes[behind]:,} and {sizes[behind + 1]:,} images"
