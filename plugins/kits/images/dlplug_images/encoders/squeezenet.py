"""SqueezeNet 1.0 with the weights of its authors, trained on ImageNet: 0.7 MB, pruned and quantised.

Iandola et al. 2016 (arXiv:1602.07360), compressed by Han et al. 2016 (arXiv:1510.00149). The weights are the authors'
own and not torchvision's, of which they share the architecture and its names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Remote, UserError, fetched
from dlplug_images.encoders.deep_compression import decompressed

if TYPE_CHECKING:
    from torchvision.models import SqueezeNet

WEIGHTS = Remote(
    "squeezenet/compressed_SqueezeNet.net",
    "https://raw.githubusercontent.com/songhan/SqueezeNet-Deep-Compression/"
    "fb13faa2cf121ced9999f8a9d538ec6c56084733/compressed_SqueezeNet.net",
    675_763,
    "e4ab6960ae8cd81505e1c2136921201507e930966c53deaf15862a395b3a3261",
)
MEAN = (104.0, 117.0, 123.0)  # of ImageNet's pixels, blue, green, red, as Caffe subtracts it

CHANNELS = {2: 96, 4: 256, 8: 512, 16: 512}
# the last layer of each resolution in torchvision's `features`: conv1, fire4, fire8, fire9
LAST = {2: 1, 4: 5, 8: 10, 16: 12}
COARSEST = max(LAST)


class SqueezeNetEncoder(nn.Module):
    """Features of images at several resolutions: images (N, 1 or 3, H, W) in [0, 1] → for each of `strides` a map
    (N, channels, ⌈H / stride⌉, ⌈W / stride⌉) after its last ReLU. Grey images count as RGB. The images are not to be
    standardised: ImageNet's mean is part of the first layer.

    strides: the resolutions, some of 2, 4, 8 and 16, in this order: layers conv1, fire4, fire8 and fire9.
    weights: whether to start from the authors' weights, which are downloaded if they are missing; otherwise at random.
    """

    def __init__(self, strides: tuple[int, ...] = (4, 8, 16), *, weights: bool = True) -> None:
        super().__init__()
        if not strides or list(strides) != sorted(set(strides) & set(CHANNELS)):
            raise UserError(f"SqueezeNet's strides are some of {', '.join(map(str, CHANNELS))} in order, got {strides}")
        self.strides = strides
        self.channels = tuple(CHANNELS[stride] for stride in strides)
        self.features = nn.Sequential(*list(squeezenet(weights).features)[: LAST[strides[-1]] + 1])
        self.to(memory_format=torch.channels_last)

    def freeze(self, stride: int) -> None:
        """Fixes the weights of all layers up to the map of this stride, one of 2, 4, 8 and 16."""
        self.features[: LAST[stride] + 1].requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        height, width = x.shape[2:]
        x = padded(x.expand(-1, 3, -1, -1))
        maps = {}
        for number, layer in enumerate(self.features):
            x = layer(x)
            maps[number] = x
        return [maps[LAST[s]][:, :, : -(-height // s), : -(-width // s)] for s in self.strides]


def padded(x: Tensor) -> Tensor:
    """Images with their edges repeated, so that a map of stride s has one cell for each s pixels: by 3 pixels, for the
    first layer's kernel of 7, and to a multiple of the coarsest stride below and at the right."""
    height, width = x.shape[2:]
    return F.pad(x, (3, 3 + -width % COARSEST, 3, 3 + -height % COARSEST), mode="replicate")


def squeezenet(weights: bool = True) -> SqueezeNet:
    """torchvision's SqueezeNet 1.0, with the authors' weights: a classifier of ImageNet's 1000 classes in torchvision's
    order, of RGB images in [0, 1] without standardisation. It was trained on 227x227 pixels."""
    from torchvision.models import squeezenet1_0

    network = squeezenet1_0(weights=None)
    if weights:
        path = fetched(WEIGHTS, "a model that starts from nothing needs no download")
        network.load_state_dict(read_weights(path, network))
    return network


def read_weights(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """The state dict of torchvision's SqueezeNet 1.0 from the authors' file. Raises UserError for another file."""
    names = [name.removesuffix(".weight") for name in network.state_dict() if name.endswith(".weight")]
    shapes = [tuple(network.get_parameter(f"{name}.weight").shape) for name in names]
    try:
        layers = decompressed(path.read_bytes(), shapes)
    except ValueError as error:
        raise UserError(f"{path} is not {path.name} of SqueezeNet, or is truncated: {error}") from None
    state = {}
    for name, (weight, bias) in zip(names, layers, strict=True):
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.from_numpy(weight), torch.from_numpy(bias)
    first = names[0]
    state[f"{first}.weight"], state[f"{first}.bias"] = for_rgb(state[f"{first}.weight"], state[f"{first}.bias"])
    return state


def for_rgb(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The first layer (out, 3, h, w), (out,) for RGB in [0, 1] instead of Caffe's BGR in 0..255 less the mean: exact,
    since the layer pads nothing.

    Σ w_c (255 x_c - m_c) + b = Σ (255 w_c) x_c + (b - Σ w_c m_c)
    """
    mean = torch.tensor(MEAN, dtype=torch.double)[:, None, None]
    shift = (weight.double() * mean).sum((1, 2, 3))
    return 255 * weight.flip(1), (bias.double() - shift).float()
