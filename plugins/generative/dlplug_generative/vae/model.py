"""The variational autoencoder's distributions p(z), p(x|z) and q(z|x), for any encoder and decoder."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from dlplug import Spec, UserError
from dlplug_generative.generating import check_count, check_label, check_no_steps, in_chunks
from dlplug_generative.vae.likelihoods import Likelihood, bernoulli, discretised_logistic, gaussian
from dlplug_generative.vae.terms import Gaussian


class VAE(nn.Module):
    """p(z) = N(0, 1); p(x|z) from the decoder's outputs, one per dimension of x; q(z|x) = N(μ, σ²) from the encoder's.

    encoder: standardised input (B, *input), and the one-hot class (B, classes) if `conditional` → (B, 2 · latents).
    decoder: (B, latents), and the one-hot class if `conditional` → (B, *input).

    Gaussian and logistic likelihoods have one learnt scale per channel (Rybkin et al. 2021, arXiv:2006.13202).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        spec: Spec,
        encoder: nn.Module,
        decoder: nn.Module,
        *,
        latents: int,
        likelihood: Likelihood,
        conditional: bool,
    ) -> None:
        super().__init__()
        if len(spec.input) != 3 and likelihood != "gaussian":
            raise UserError(f"--model.likelihood {likelihood} is for pixels; points need --model.likelihood gaussian")
        self.input, self.classes, self.latents = spec.input, spec.output, latents
        self.likelihood, self.conditional = likelihood, conditional
        self.encoder, self.decoder = encoder, decoder
        each = (spec.input[0], *[1] * (len(spec.input) - 1))  # one per channel
        for name, value in (("mean", spec.mean), ("deviation", spec.deviation)):
            value = torch.as_tensor(value, dtype=torch.float).flatten().expand(spec.input[0])
            self.register_buffer(name, value.clone().view(each))
        self.log_scale = nn.Parameter((0.5 * self.deviation).log(), requires_grad=likelihood != "bernoulli")

    def encode(self, x: Tensor, y: Tensor) -> Gaussian:
        """q(z|x) for x (B, *input) and classes y (B,): means and log variances, (B, latents) each."""
        standard = (x - self.mean) / self.deviation
        mean, log_variance = self.encoder(standard, *self.code(y)).chunk(2, -1)
        return Gaussian(mean, log_variance)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """The parameters of p(x|z), logits or means (k, B, *input), for z (k, B, latents) and classes y (B,)."""
        code = (part.expand(len(z), *part.shape).flatten(0, 1) for part in self.code(y))
        decoded = self.decoder(z.flatten(0, 1), *code).unflatten(0, z.shape[:2])
        if self.likelihood == "bernoulli":
            return decoded
        return torch.sigmoid(decoded) if len(self.input) == 3 else self.mean + self.deviation * decoded

    def code(self, y: Tensor) -> tuple[Tensor, ...]:
        """The one-hot classes (B, classes) of a conditional model; else nothing."""
        return (F.one_hot(y, self.classes).float(),) if self.conditional else ()

    def log_likelihood(self, x: Tensor, decoded: Tensor) -> Tensor:
        """log p(x|z) (k, B) in nats, for x (B, *input) and the output of `decode`."""
        elements = {
            "bernoulli": lambda: bernoulli(x, decoded),
            "gaussian": lambda: gaussian(x, decoded, self.log_scale),
            "logistic": lambda: discretised_logistic(x, decoded, self.log_scale),
        }[self.likelihood]()
        return elements.flatten(2).sum(2)

    def expected(self, decoded: Tensor) -> Tensor:
        """E[x|z] from the output of `decode`: images in [0, 1], points in the data's coordinates."""
        return torch.sigmoid(decoded) if self.likelihood == "bernoulli" else decoded

    def check(self, count: int, label: int | None, steps: int | None) -> None:
        check_count(count)
        check_no_steps(steps, "VAE")
        check_label(label, self.classes, self.conditional)

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor:
        """(count, *input), decoded from z ~ N(0, 1): images are E[x|z], as usual, without pixel noise; points are
        samples of p(x|z). Without `label` a conditional model draws labels uniformly."""
        self.check(count, label, steps)

        def make(some: int, generator: Generator) -> Tensor:
            random: dict[str, Any] = {"generator": generator, "device": self.mean.device}
            z = torch.randn(1, some, self.latents, **random)
            y = torch.randint(self.classes, (some,), **random)
            y = y if label is None else torch.full_like(y, label)
            x = self.expected(self.decode(z, y))[0]
            return x if len(self.input) == 3 else x + self.log_scale.exp() * torch.randn(x.shape, **random)

        return in_chunks(make, count, seed, self.mean.device)


def vae_of(model: Any, user: str = "this") -> VAE:
    """The model itself. Raises UserError if it is not a VAE."""
    if not isinstance(model, VAE):
        raise UserError(f"{user} needs a VAE (--model vae or vae-conv), not a {type(model).__name__}")
    return model


def check_size(**options: int) -> None:
    for option, value in options.items():
        if value < 1:
            raise UserError(f"--model.{option} must be at least 1, got {value}")


def start_at(layer: nn.Linear | nn.Conv2d, spec: Spec, likelihood: Likelihood) -> None:
    """Initialises the bias of the decoder's last layer to the pixels' mean, which Adam needs hundreds of steps to
    reach."""
    if len(spec.input) == 3 and layer.bias is not None:
        mean = float(torch.as_tensor(spec.mean, dtype=torch.float).mean().clamp(0.01, 0.99))
        nn.init.constant_(layer.bias, math.log(mean / (1 - mean)))
