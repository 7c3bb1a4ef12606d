"""Q-networks: (B, *input) observations as the replay buffer stores them -> (B, actions) values.

A network is a torso (features of an observation), a head (outputs per action) and a representation of returns, each
chosen independently. Observations are standardised in the network, so that buffers and transfers hold uint8 frames and
the statistics are saved with the weights. In Pong the ball is a single pixel, which a network learns to see only with
enough contrast.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, Spec, UserError
from dlplug_rl.networks import torsos
from dlplug_rl.networks.heads import Auxiliary, Head
from dlplug_rl.networks.returns import Categorical, Implicit, Mean, Quantile, Returns

GRID = 14  # cells along a side of the grid of pixel control: of 3 pixels in frames of 42x42, of 6 in 84x84


class QNetwork(nn.Module):
    """(x - mean) / deviation, then the torso, then the head."""

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        torso: nn.Module,
        head: Head,
        returns: Returns,
        mean: object,
        deviation: object,
        auxiliary: Auxiliary | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32).clone())
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=torch.float32).clone())
        self.torso, self.head, self.returns, self.auxiliary = torso, head, returns, auxiliary
        self.to(memory_format=torch.channels_last)  # halves the time of a step with oneDNN's or cuDNN's convolutions

    def forward(self, obs: Tensor) -> Tensor:
        """obs: (B, *input), any dtype. Returns Q(s, ·), (B, actions)."""
        return self.returns.mean(self.outputs(obs))

    def values(self, features: Tensor) -> Tensor:
        """Q(s, ·), (B, actions), from features (B, features)."""
        return self.returns.mean(self.returns(self.head, features))

    def outputs(self, obs: Tensor, tau: Tensor | None = None) -> Tensor:
        """(B, actions, K): the head's outputs. tau: (B, K) fractions of implicit quantiles."""
        return self.returns(self.head, self.features(obs), tau)

    def features(self, obs: Tensor) -> Tensor:
        """(B, features) of the standardised observations."""
        # (x - mean) / deviation in one pass over the frames
        x = torch.addcmul(-self.mean / self.deviation, obs.float(), 1 / self.deviation)
        if x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        return self.torso(x)


def q_network(
    spec: Spec,
    *,
    torso: Literal["nature", "small", "tiny", "impala", "mlp"] = "nature",
    hidden: PositiveInt = 512,
    depth: NonNegativeInt = 1,
    width: PositiveInt = 2,
    dueling: bool = False,
    noisy: bool = False,
    layer_norm: bool = False,
    returns: Literal["mean", "categorical", "quantile", "implicit"] = "mean",
    atoms: PositiveInt = 51,
    low: float = -10.0,
    high: float = 10.0,
    auxiliary: bool = False,
    scaling: Literal["standardise", "unit"] = "standardise",
) -> QNetwork:
    """A network for discrete actions.

    torso: nature (Mnih et al. 2015, for 84x84), small (for 42x42), tiny (for 10x10), impala (BTR's), or mlp
    hidden: hidden size of the head, and of each layer of the mlp torso
    depth: layers of the mlp torso, before the head's own
    width: channel multiplier of the impala torso
    dueling: dueling architecture: separate state value and advantages
    noisy: noisy linear layers for exploration; set epsilon to 0 with it
    layer_norm: layer normalisation before each activation, as in PQN
    returns: output per action: the mean return, or a categorical, quantile or implicit quantile distribution of it
    atoms: atoms of a categorical distribution, or number of quantiles (implicit: those used to choose actions)
    low: lowest return of a categorical distribution
    high: highest return of a categorical distribution
    auxiliary: auxiliary heads for the loss unreal
    scaling: standardise by the game's own mean and standard deviation, or unit (x / 255) as in published protocols
    """
    if torso == "mlp":
        layers, features = torsos.dense(spec.input, hidden, depth, layer_norm)
    elif torso == "impala":
        layers, features = torsos.impala(spec.input, width, layer_norm)
    else:
        layers, features = torsos.convolutional(spec.input, torsos.CONVOLUTIONS[torso], layer_norm)
    if returns == "categorical" and (atoms < 2 or low >= high):
        raise UserError(
            f"categorical returns need --model.atoms 2 or more and --model.low below --model.high, got {atoms} from"
            f" {low:g} to {high:g}"
        )
    representation = {
        "mean": Mean,
        "categorical": lambda: Categorical(atoms, low, high),
        "quantile": lambda: Quantile(atoms),
        "implicit": lambda: Implicit(features, atoms),
    }[returns]()
    head = Head(
        features, hidden, spec.output, representation.outputs, dueling=dueling, noisy=noisy, layer_norm=layer_norm
    )
    mean, deviation = (spec.mean, spec.deviation) if scaling == "standardise" else (0.0, 255.0)
    tasks = Auxiliary(features, 128, spec.output, GRID) if auxiliary else None
    return QNetwork(layers, head, representation, mean, deviation, tasks)
