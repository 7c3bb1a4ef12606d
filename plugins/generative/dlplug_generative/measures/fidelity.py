"""Fidelity and diversity of images, in the features of a small classifier or of Inception."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from dlplug import PositiveInt, UserError, checked_by, data_folder, nearest, neutral_options
from dlplug.stop import stoppable
from dlplug_generative.generating import examples_of, generating, trained_on
from dlplug_generative.measures.coverage import check_neighbours, precision_recall
from dlplug_generative.measures.features import load_features
from dlplug_generative.measures.frechet import frechet_distance

log = logging.getLogger("dlplug")

INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION}"
AT_ONCE = 100


def check_fidelity(
    product: Any,
    data: Any,
    *,
    features: str,
    weights: str,
    count: int,
    neighbours: int,
    floor: bool,
    steps: int | None,
    seed: int,
) -> None:
    generating(product).check(count, None, steps)
    load_features(weights or features).check(examples_of(data).x)
    check_neighbours("fidelity", neighbours, count, len(data.y))


@checked_by(check_fidelity)
@neutral_options("floor")
def fidelity(
    product: Any,
    data: Any,
    *,
    features: Literal["fashion", "mnist"] = "fashion",
    weights: str = "",
    count: PositiveInt = 10_000,
    neighbours: PositiveInt = 3,
    floor: bool = False,
    steps: PositiveInt | None = None,
    seed: int,
) -> Mapping[str, Any]:
    """Fréchet distance, precision and recall of generated images, in the features of a small classifier.

    The reference is every image of the split. The metric's name contains a hash of the classifier's weights: compare
    only numbers of the same name, count and split. Generated images are rounded to 8 bits, as real ones are.

    features: the shipped classifier whose features are used.
    weights: weights of another classifier: a .safetensors file, or the run of a feature-net; "" uses the shipped one.
    count: number of images to generate.
    neighbours: the k of precision and recall (Kynkäänniemi et al. 2019, arXiv:1904.06991).
    floor: also measure as many training images in place of generated ones: the score of a perfect model.
    steps: sampling steps, for diffusion models; None uses the model's own number.
    """
    network, real = load_features(weights or features), examples_of(data).x
    generated = rounded(generating(product).generate(count, seed=seed, steps=steps))
    of_real, of_generated = network.of(real), network.of(generated)
    measured = precision_recall(of_real, of_generated, neighbours)
    values: dict[str, Any] = {
        f"fid_local_{network.digest}": frechet_distance(of_real, of_generated),
        f"precision_k{neighbours}_local_{network.digest}": measured.precision,
        f"recall_k{neighbours}_local_{network.digest}": measured.recall,
        "protocol": f"{count:,} made pictures against {len(real):,} real ones",
    }
    if floor:
        train = trained_on(data)
        if len(train) < count:
            log.warning(f"the floor is not measured: it needs {count:,} training images, but there are {len(train):,}")
        else:
            values[f"fid_local_{network.digest}_floor"] = frechet_distance(of_real, network.of(some(train, count)))
    return values


def check_inception(product: Any, data: Any, *, weights: str, count: int, reference: str, seed: int) -> None:
    generating(product).check(count, None, None)
    if weights:
        check_weights(Path(weights).expanduser())


def check_weights(path: Path) -> None:
    """Raises UserError where the file is missing, or is not torch-fidelity's Inception."""
    if not path.is_file():
        near = nearest(path.name, (other.name for other in path.parent.glob("*.pth")))
        raise UserError(f"--metrics.inception-fid.weights: there is no file {path}.{near}")
    try:
        layers = torch.load(path, mmap=True, weights_only=True).keys()
    except Exception as error:
        raise UserError(f"--metrics.inception-fid.weights: {path} is damaged or has no weights: {error}") from None
    if "Mixed_7c.branch_pool.conv.weight" not in layers:
        raise UserError(f"--metrics.inception-fid.weights: {path} is not Inception's; the right file is {ADDRESS}")


@checked_by(check_inception)
def inception_fid(
    product: Any,
    data: Any,
    *,
    weights: str = "",
    count: PositiveInt = 10_000,
    reference: Literal["held-out", "train"] = "held-out",
    seed: int,
) -> Mapping[str, Any]:
    """Fréchet distance in Inception's features, by torchmetrics: the FID of the literature.

    The protocol of Heusel et al. 2017, also used by Ho et al. 2020 and mimicry: 8-bit images, resized by TensorFlow 1's
    bilinear interpolation. Needs torch-fidelity and its weights; without them nothing is measured, and the log says
    what is missing.

    weights: the file; "" looks for it in the data folder.
    count: number of images to generate.
    reference: real images to compare with: all of the split, or all training images.
    """
    path = Path(weights).expanduser() if weights else data_folder() / INCEPTION
    if importlib.util.find_spec("torch_fidelity") is None or not path.is_file():
        log.warning(
            f"the Inception FID is not measured: it needs `pip install torch-fidelity`, and {ADDRESS} as {path} (or "
            "--metrics.inception-fid.weights)"
        )
        return {}
    from torchmetrics.image.fid import FrechetInceptionDistance

    device = next(product.parameters()).device
    # without antialiasing, torchmetrics resizes as TensorFlow 1 did
    distance = FrechetInceptionDistance(feature_extractor_weights_path=str(path), antialias=False)
    distance = distance.set_dtype(torch.float64).to(device)
    real = trained_on(data) if reference == "train" else examples_of(data).x
    generated = generating(product).generate(count, seed=seed)
    measurable = min(len(real), len(generated)) > 1 and bool(generated.isfinite().all())
    for x, is_real in ((real, True), (generated, False)) if measurable else ():
        for part in stoppable(x.split(AT_ONCE)):
            distance.update(levels(coloured(part)).to(device), real=is_real)
    return {
        f"fid_inception_{reference.replace('-', '_')}_{count}": float(distance.compute()) if measurable else math.nan,
        "protocol": f"{count:,} pictures against {len(real):,}, 8 bits, TensorFlow 1's bilinear resizing",
    }


def rounded(x: Tensor) -> Tensor:
    """Images in [0, 1], rounded to 256 levels; NaN stays NaN."""
    return (x.cpu().clamp(0, 1) * 255).round() / 255


def levels(x: Tensor) -> Tensor:
    """Images in [0, 1] as uint8, each pixel rounded to the nearest of the 256 levels."""
    return (rounded(x) * 255).round().byte()


def coloured(x: Tensor) -> Tensor:
    """(N, 1 or 3, H, W) → (N, 3, H, W)."""
    return x.expand(-1, 3, -1, -1)


def some(x: Tensor, count: int) -> Tensor:
    """A random subset of `count` examples of x, the same at every call."""
    return x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))[:count]]
