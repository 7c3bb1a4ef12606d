"""Networks that act, with a critic, for policy gradients."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from dlplug_play.on_policy.actor_critic import ActorCritic, Branch
from dlplug_play.on_policy.standardise import Running, Standardise
from dlplug_play.specs import PlaySpec
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug_rl.networks import torsos

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}


def actor_critic(
    spec: PlaySpec,
    *,
    torso: Literal["mlp", "nature", "small", "tiny"] = "mlp",
    hidden: PositiveInt = 64,
    depth: NonNegativeInt = 2,
    activation: Literal["tanh", "relu"] = "tanh",
    shared: bool = False,
    memory: NonNegativeInt = 0,
    scaling: Literal["standardise", "unit", "running"] = "standardise",
) -> ActorCritic:
    """An actor with a critic: categorical actions where they are discrete, Gaussian ones where they are continuous.

    torso: mlp, or convolutions: nature (Mnih et al. 2015, for 84x84), small (for 42x42), tiny (for 10x10)
    hidden: hidden size of each layer of the mlp torso, and of the layer after convolutions
    depth: layers of the mlp torso
    activation: of the mlp torso's layers
    shared: whether actor and critic share the torso, as is usual for images
    memory: hidden size of an LSTM after the torso; 0 for none
    scaling: standardise by the data's mean and standard deviation (where they have none, not at all), unit (x / 255),
        or running: by those of all observations so far
    """

    def branch() -> Branch:
        if torso == "mlp":
            return Branch(*dense(spec.input, hidden, depth, ACTIVATIONS[activation]), memory)
        return Branch(*convolutional(spec.input, torsos.CONVOLUTIONS[torso], hidden), memory)

    if scaling == "running" and torso != "mlp":
        raise UserError("--model.scaling running keeps a mean for each number: use it with --model.torso mlp")
    scaled = {
        "standardise": lambda: Standardise(spec.mean, spec.deviation),
        "unit": lambda: Standardise(0.0, 255.0),
        "running": lambda: Running(spec.input),
    }[scaling]()
    model = ActorCritic(spec, [branch() for _ in range(1 if shared else 2)], scaled)
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def dense(shape: tuple[int, ...], hidden: int, depth: int, activation: type[nn.Module]) -> tuple[nn.Module, int]:
    sizes = [int(torch.Size(shape).numel()), *[hidden] * depth]
    modules: list[nn.Module] = [nn.Flatten()]
    for n, m in itertools.pairwise(sizes):
        modules += [nn.Linear(n, m), activation()]
    return nn.Sequential(*modules), sizes[-1]


def convolutional(shape: tuple[int, ...], layers: tuple[torsos.Layer, ...], hidden: int) -> tuple[nn.Module, int]:
    """Convolutions and a dense layer, each followed by a ReLU."""
    convolutions, features = torsos.convolutional(shape, layers, layer_norm=False)
    return nn.Sequential(ChannelsLast(), convolutions, nn.Linear(features, hidden), nn.ReLU()), hidden


class ChannelsLast(nn.Module):
    """Images in the memory format that halves the time of oneDNN's and cuDNN's convolutions."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)
