"""A small classifier whose last hidden layer provides the features of 28x28 images, and its saved weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import torch
from dlplug_images.convolution import ImageConv2d
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn

from dlplug import PositiveInt, Spec, UserError, nearest, trained
from dlplug.stop import stoppable

OURS = Path(__file__).parent / "weights"
SHIPPED = ("fashion", "mnist")
AT_ONCE = 500


class FeatureNet(nn.Module):
    """A classifier: three stages of convolutions, global average pooling, and affine layers.

    `fidelity` uses its last hidden layer as features, as Heusel et al. 2017 (arXiv:1706.08500) use Inception's.

    width: channels of the first stage; doubled at each further stage.
    features: size of the last hidden layer.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec, *, width: PositiveInt = 24, features: PositiveInt = 64) -> None:
        super().__init__()
        if min(width, features) < 1:
            raise UserError(f"--model.width and --model.features must be at least 1, got {width} and {features}")
        channels = spec.input[0]
        for name, value in (("mean", spec.mean), ("deviation", spec.deviation)):
            value = torch.as_tensor(value, dtype=torch.float).flatten().expand(channels).clone()
            self.register_buffer(name, value[:, None, None])
        self.stages = nn.Sequential(
            *stage(channels, width),
            *stage(width, 2 * width, stride=2),
            *stage(2 * width, 4 * width, stride=2),
            *stage(4 * width, features),
        )
        self.classify = nn.Linear(features, spec.output)
        self.to(memory_format=torch.channels_last)

    def features(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) in [0, 1] → (B, features)."""
        return self.stages((x - self.mean) / self.deviation).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x))


def stage(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return ImageConv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


class Features(NamedTuple):
    """A trained FeatureNet. digest: the first eight digits of the SHA-256 of its file, which metric names contain."""

    net: FeatureNet
    digest: str

    def check(self, x: Tensor) -> None:
        """Raises UserError for images with another number of channels."""
        channels = len(self.net.mean)
        if x.ndim != 4 or x.shape[1] != channels:
            raise UserError(
                f"these features need images with {channels} channels, got the shape {tuple(x.shape[1:])}: use a "
                "feature-net trained on such data, --metrics.fidelity.weights RUN"
            )

    def of(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) in [0, 1] → (N, features), on the CPU. Raises UserError like `check`."""
        self.check(x)
        with torch.no_grad():
            return torch.cat([self.net.features(part) for part in stoppable(x.cpu().split(AT_ONCE))])


def load_features(named: str) -> Features:
    """Loads the shipped weights (fashion, mnist), a .safetensors file, or a run of a feature-net.

    Raises UserError where the file or run is missing or of another model.
    """
    try:
        saved = weights_of(named)
        weights = {name: value.float() if value.is_floating_point() else value for name, value in saved.items()}
        channels, classes = len(weights["mean"]), len(weights["classify.weight"])
        width, features = len(weights["stages.0.weight"]), weights["classify.weight"].shape[1]
        net = FeatureNet(Spec((channels, 28, 28), classes), width=width, features=features)
        net.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        path = Path(named).expanduser()
        near = "" if path.exists() else nearest(path.name, (other.name for other in path.parent.glob("*.safetensors")))
        wrong = f"{named} is missing or damaged: {error}.{near}"
        raise UserError(f"--metrics.fidelity.weights: {wrong}") from None
    except (IndexError, KeyError, RuntimeError):
        raise UserError(f"--metrics.fidelity.weights: {named} is not a feature-net; the features need one") from None
    return Features(net.eval(), hashlib.sha256(save(saved)).hexdigest()[:8])


def weights_of(named: str) -> dict[str, Tensor]:
    if named in SHIPPED:
        return load_file(OURS / f"features-{named}.safetensors")
    if named.endswith(".safetensors"):
        return load_file(Path(named).expanduser())
    return trained(named).weights


def ship(run: str, path: Path) -> None:
    """Writes a run's weights in half precision; the shipped files come from the recipes `features-…` in this way."""
    halved = {name: value.half() if value.is_floating_point() else value for name, value in weights_of(run).items()}
    save_file(halved, path)
