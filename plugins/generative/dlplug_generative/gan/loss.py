"""The loss of a GAN: the critic learns to score real above fake examples, the generator to raise the fake scores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from dlplug import Labelled, Lagged, Loss, NonNegativeFloat, PositiveInt, ProperFraction, Turn, Update, UserError
from dlplug_generative.gan.networks import Adversaries, Generator
from dlplug_generative.gan.objectives import OBJECTIVES
from dlplug_generative.gan.penalties import Scores, clip_weights, gradient_penalty, r1

USUAL = {"none": 0.0, "gradient": 10.0, "r1": 10.0, "clip": 0.01}


class GAN(Loss):
    """A generative adversarial network with any of the usual objectives and penalties.

    Goodfellow et al. 2014 (arXiv:1406.2661). Samples and metrics use the generator with EMA weights.

    objective: loss of both networks: non-saturating (Goodfellow et al. 2014), hinge (Miyato et al. 2018,
        arXiv:1802.05957) or wasserstein (Arjovsky et al. 2017, arXiv:1701.07875), which needs one of the penalties.
    penalty: Lipschitz constraint on the critic: gradient (gradient penalty: Gulrajani et al. 2017, arXiv:1704.00028),
        r1 (gradient penalty at real examples: Mescheder et al. 2018, arXiv:1801.04406), clip (weight clipping:
        Arjovsky et al. 2017) or none.
    strength: weight of the penalty; None uses the value of its paper: λ = 10 (gradient), γ = 10 (r1), c = 0.01 (clip).
    critic_steps: critic updates per generator update.
    average: EMA decay of the generator's weights, per generator update; 0 uses the current weights.
    """

    parts = ("critic", "generator")
    compiles = ("fake", "score")  # not the penalties, as compiled functions have no second derivatives
    model: Adversaries

    def __init__(
        self,
        model: nn.Module,
        *,
        objective: Literal["non-saturating", "hinge", "wasserstein"] = "non-saturating",
        penalty: Literal["none", "gradient", "r1", "clip"] = "none",
        strength: NonNegativeFloat | None = None,
        critic_steps: PositiveInt = 1,
        average: ProperFraction = 0.999,
    ) -> None:
        if not isinstance(model, Adversaries):
            raise UserError("the loss gan needs a critic and a generator: --model dcgan, resnet-gan or planar-gan")
        if (strength is not None and strength < 0) or critic_steps < 1 or not 0 <= average < 1:
            raise UserError(
                "--loss.strength must not be negative, --loss.critic-steps must be at least 1, and --loss.average in "
                f"[0, 1); got {strength}, {critic_steps} and {average}"
            )
        if penalty in ("gradient", "r1") and any(isinstance(layer, nn.BatchNorm2d) for layer in model.critic.modules()):
            raise UserError(
                f"--loss.penalty {penalty} needs a gradient per example, but batch normalisation in the critic mixes "
                "examples: choose another --model.critic-norm"
            )
        super().__init__(model)
        self.objective, self.penalty = OBJECTIVES[objective], penalty
        self.strength = USUAL[penalty] if strength is None else strength
        self.turn = Turn(critic_steps)
        self.average = Lagged(model.generator, 1 - average)

    def updates(self, batch: Labelled) -> Iterator[Update]:
        generator = self.model.generator
        real = generator.range.inward(batch.x)
        label = batch.y if generator.conditional else None
        generator_learns = self.turn()
        with torch.set_grad_enabled(generator_learns):  # the critic's update needs no graph of the generator
            fake = self.fake(generator.noise(len(real)), label)
        real_score, fake_score = self.score(real, label), self.score(fake.detach(), label)
        penalty = self.strength * self.penalised(partial(self.model.critic, label=label), real, fake.detach())
        yield Update(
            self.objective.critic(real_score, fake_score) + penalty,
            "critic",
            real_score=real_score.mean(),
            fake_score=fake_score.mean(),
            penalty=penalty,
        )
        if self.penalty == "clip":
            clip_weights(self.model.critic, self.strength)
        if generator_learns:
            yield Update(self.objective.generator(self.score(fake, label)), "generator")
            self.average.follow(generator)

    def fake(self, noise: Tensor, label: Tensor | None) -> Tensor:
        """G(z) (B, *input), for noise (B, latents)."""
        return self.model.generator(noise, label)

    def score(self, x: Tensor, label: Tensor | None) -> Tensor:
        """D(x) (B,), for x (B, *input)."""
        return self.model.critic(x, label)

    def penalised(self, scores: Scores, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's gradient penalty, a scalar; 0 where there is none."""
        if self.penalty == "gradient":
            return gradient_penalty(scores, real, fake).mean()
        if self.penalty == "r1":
            return r1(scores, real).mean()
        return torch.zeros((), device=real.device)

    def product(self) -> Generator:
        averaged = self.average.module
        assert isinstance(averaged, Generator)
        return averaged
