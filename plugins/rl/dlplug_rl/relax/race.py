"""The toy problem of RELAX (Grathwohl et al. 2018, arXiv:1711.00123, section 5.1): five estimators minimise
E[(b - t)²], b ~ Bernoulli(σ(θ)), each with a θ of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from dlplug import Data, Fraction, Loss, PositiveFloat, PositiveInt, Spec, Update, to_device
from dlplug_rl.relax.estimators import Function, control_variate, gumbel, reinforce, straight_through

ESTIMATORS = ("reinforce", "straight_through", "gumbel", "rebar", "relax")
BIASED = ("straight_through", "gumbel")
CONTROLS = ("rebar", "relax")


class Noise(NamedTuple):
    """u, v: (B,) uniform; all estimators use the same."""

    u: Tensor
    v: Tensor


class UniformNoise(Data):
    """Uniform noise, the only data of the problem.

    samples: samples per step
    """

    splits = ("val", "test")
    training_options = ("samples",)

    def __init__(self, *, samples: PositiveInt = 1, seed: int = 0) -> None:
        self.samples, self.spec = samples, Spec(input=(1,), output=1)
        self.generator = torch.Generator().manual_seed(seed)

    def batches(self, model: nn.Module) -> Iterator[Noise]:
        device = next(model.parameters()).device
        while True:
            yield Noise(*to_device(torch.rand(2, self.samples, generator=self.generator), device))


class Rebar(nn.Module):
    """c(z) = η f(σ(z/τ)), with a learnt η and τ (Tucker et al. 2017, arXiv:1703.07370)."""

    def __init__(self) -> None:
        super().__init__()
        self.log_temperature, self.scale = nn.Parameter(torch.zeros(())), nn.Parameter(torch.ones(()))

    def forward(self, f: Function, z: Tensor) -> Tensor:
        return self.scale * f((z * (-self.log_temperature).exp()).sigmoid())


class Relax(Rebar):
    """REBAR's control variate and a network of z (Grathwohl et al. 2018, section 3.3)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, f: Function, z: Tensor) -> Tensor:
        return super().forward(f, z) + self.network(z[:, None])[:, 0]


class Logit(nn.Module):
    """θ of one estimator."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(()))


class Racers(nn.Module):
    """A logit for each estimator, and the control variates of REBAR and RELAX.

    hidden: hidden size of RELAX's network
    """

    def __init__(self, spec: Spec, *, hidden: PositiveInt = 10) -> None:
        super().__init__()
        self.logits = nn.ModuleDict({name: Logit() for name in ESTIMATORS})
        self.controls = nn.ModuleDict({"rebar": Rebar(), "relax": Relax(hidden)})

    def theta(self, name: str) -> nn.Parameter:
        return cast(Logit, self.logits[name]).theta


class Race(NamedTuple):
    """What the metric receives: the function, the temperature of `gumbel`, and the model."""

    target: float
    temperature: float
    model: Racers

    def f(self, b: Tensor) -> Tensor:
        return (b - self.target) ** 2

    def estimate(self, name: str, theta: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """One estimate of the gradient for each sample; theta, u, v: (B,)."""
        if name == "reinforce":
            return reinforce(self.f, theta, u)
        if name == "straight_through":
            return straight_through(self.f, theta, u)
        if name == "gumbel":
            return gumbel(self.f, theta, u, self.temperature)
        control = self.model.controls[name]
        return control_variate(self.f, lambda z: control(self.f, z), theta, u, v)


class GradientRace(Loss):
    """Every estimator moves its own θ; the control variates of REBAR and RELAX minimise the estimator's variance.

    target: t
    temperature: τ of the Gumbel estimator
    """

    parts = tuple(f"logits.{name}" for name in ESTIMATORS) + tuple(f"controls.{name}" for name in CONTROLS)

    def __init__(self, model: nn.Module, *, target: Fraction = 0.499, temperature: PositiveFloat = 0.5) -> None:
        super().__init__(model)
        self.target, self.temperature = target, temperature

    @property
    def racers(self) -> Racers:
        return cast(Racers, self.model)

    def updates(self, batch: Noise) -> Iterator[Update]:
        race = self.product()
        for name in ESTIMATORS:
            theta = self.racers.theta(name)
            estimate = race.estimate(name, theta.detach().expand_as(batch.u), batch.u, batch.v)
            slopes = self.slopes(name, estimate)
            # a loss whose gradient is the estimate
            probability = theta.detach().sigmoid()
            yield Update(estimate.detach().mean() * theta, f"logits.{name}", probability=probability)
            if slopes:
                weights = self.racers.controls[name].parameters()
                yield Update(linear(weights, slopes), f"controls.{name}", square=estimate.detach().square().mean())

    def slopes(self, name: str, estimate: Tensor) -> tuple[Tensor, ...]:
        """∂ E[g²] / ∂φ: as g is unbiased, that is the gradient of its variance. () without a control variate."""
        if name not in CONTROLS:
            return ()
        return torch.autograd.grad(estimate.square().mean(), [*self.racers.controls[name].parameters()])

    def product(self) -> Race:
        return Race(self.target, self.temperature, self.racers)


def linear(weights: Any, slopes: tuple[Tensor, ...]) -> Tensor:
    """A loss with these gradients, which were computed before another part moved."""
    return torch.stack([(weight * slope).sum() for weight, slope in zip(weights, slopes, strict=True)]).sum()
