"""Networks that torchvision has trained on ImageNet, by its own loaders: `torchvision:resnet18`."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import Spec, UserError, data_folder, nearest
from dlplug.errors import message_of
from dlplug_vision.layers import check_size

PREFIX = "torchvision:"


def weights_of(source: str) -> dict[str, Tensor]:
    """torchvision's best weights of that name, downloaded into the data folder if they are missing. Raises
    UserError that names the file, the folder it was expected in, and where to get it."""
    weights = entry(source)
    folder = data_folder() / "torchvision"
    name = weights.url.rpartition("/")[2]
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True, model_dir=str(folder), weights_only=True))
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:  # what urllib raises is an OSError
        state = "is damaged" if (folder / name).is_file() else "is missing"
        reason = message_of(error)[-120:]
        raise UserError(
            f"{name} {state} in {folder}, and downloading it failed ({reason}): put {weights.url} there; "
            f"--model.source with a run of your own needs no download"
        ) from None


def network(source: str, spec: Spec) -> nn.Module:
    """torchvision's network with as many outputs as the data have classes, newly initialised."""
    from torchvision.models import get_model

    check_size(source, spec, 28)
    model: nn.Module = get_model(source.removeprefix(PREFIX), weights=None, num_classes=spec.output)
    return model.to(memory_format=torch.channels_last)


class Prepare(nn.Module):
    """Images (B, 1 or 3, H, W) in [0, 1] → (B, 3, H, W), standardised like the weights' training images."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, source: str) -> None:
        super().__init__()
        transform = entry(source).transforms()
        self.register_buffer("mean", torch.tensor(transform.mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(transform.std)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return (x.expand(-1, 3, -1, -1) - self.mean) / self.deviation


def entry(source: str) -> Any:
    """torchvision's entry of weights. Raises UserError for an unknown classifier."""
    from torchvision import models

    name, names = source.removeprefix(PREFIX), models.list_models(module=models)
    if name not in names:
        raise UserError(f"torchvision has no classifier {name!r}.{nearest(name, names)}")
    weights: Any = models.get_model_weights(name)
    return weights.DEFAULT
