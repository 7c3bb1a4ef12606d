"""A classifier under attack: a metric of its accuracy and a sampler, both with a figure of adversarial images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import torch
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show
from dlplug_images.classification import logits_of
from dlplug_images.images import HeldOut, scaled
from torch import Generator, Tensor, nn

from dlplug import Image, NonNegativeFloat, NonNegativeInt, PositiveInt, Range, UserError, checked_by
from dlplug.stop import stoppable
from dlplug_vision.attacks.gradient import fgsm, pgd, step_size_or_usual

BATCH_SIZE = 250  # images: few enough for a processor's cache
SHOWN = 8


class Attack(NamedTuple):
    """An attack and its strength, from the options."""

    method: str
    epsilon: float
    step_size: float
    steps: int
    restarts: int

    def on(self, model: nn.Module, x: Tensor, y: Tensor, generator: Generator) -> Tensor:
        """The adversarial images of x (B, C, H, W) in [0, 1], y (B,)."""
        if self.method == "fgsm":
            return fgsm(model, x, y, self.epsilon)
        return pgd(
            model,
            x,
            y,
            epsilon=self.epsilon,
            step_size=self.step_size,
            steps=self.steps,
            restarts=self.restarts,
            generator=generator,
        )

    def __str__(self) -> str:
        name = f"{self.method.upper()}, ε {self.epsilon:g} in each pixel of [0, 1]"
        if self.method == "fgsm":
            return name
        starts = f"{self.restarts} random start{'s' * (self.restarts > 1)}"
        return f"{name}, {self.steps} steps of {self.step_size:g}, {starts}"


def check_attack(model: nn.Module, data: HeldOut, *, method: str, attack_count: int, **strength: Any) -> None:
    if method != "none" and attack_count > len(data.y):
        raise UserError(
            f"--metrics.attack.attack-count is at most {len(data.y)}, the size of the split (0 takes all), got"
            f" {attack_count}"
        )


@checked_by(check_attack)
def attack(
    model: nn.Module,
    data: HeldOut,
    *,
    method: Literal["none", "fgsm", "pgd"] = "none",
    epsilon: Annotated[float, Range(gt=0, le=1)] = 0.1,
    step_size: NonNegativeFloat = 0.0,
    attack_steps: PositiveInt = 20,
    restarts: PositiveInt = 1,
    attack_count: NonNegativeInt = 0,
    seed: int,
) -> Mapping[str, Any]:
    """Accuracy under a white-box attack: the fraction of images that are still classified correctly.

    method: none measures nothing; fgsm is one step (Goodfellow et al. 2015), pgd many (Madry et al. 2018).
    epsilon: ε, the largest change of a pixel in [0, 1].
    step_size: step size of pgd; 0 takes 2.5 ε / steps.
    attack_steps: steps of pgd.
    restarts: random restarts of pgd.
    attack_count: number of images, from the start of the split; 0 takes all.
    """
    if method == "none":
        return {}
    chosen = checked(method, epsilon, step_size, attack_steps, restarts)
    count = attack_count if attack_count > 0 else len(data.y)
    first = data._replace(images=data.images[:count], y=data.y[:count])
    adversarial = attacked(model, first, chosen, seed)
    robust = predicted(model, adversarial) == first.y
    fooled = ~robust & (logits_of(model, first.images).argmax(1) == first.y)
    shown = fooled.int().argsort(descending=True, stable=True)[:SHOWN]
    return {
        "robust_accuracy": robust.float().mean(),
        "attack": picture(model, first, adversarial, shown, chosen),
        "protocol": f"{chosen}, {len(first.y)} images",
    }


def show_attack(
    model: nn.Module,
    data: HeldOut,
    *,
    method: Literal["fgsm", "pgd"] = "pgd",
    epsilon: Annotated[float, Range(gt=0, le=1)] = 0.1,
    step_size: NonNegativeFloat = 0.0,
    attack_steps: PositiveInt = 20,
    restarts: PositiveInt = 1,
    count: PositiveInt = 8,
    seed: int,
) -> dict[str, Image]:
    """Images, adversarial perturbations of them, and the model's predictions for both.

    method: fgsm is one step (Goodfellow et al. 2015), pgd many (Madry et al. 2018).
    epsilon: ε, the largest change of a pixel in [0, 1].
    step_size: step size of pgd; 0 takes 2.5 ε / steps.
    attack_steps: steps of pgd.
    restarts: random restarts of pgd.
    count: number of images, drawn from the split by --seed.
    """
    chosen = checked(method, epsilon, step_size, attack_steps, restarts)
    drawn = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(seed))[:count]
    some = data._replace(images=data.images[drawn], y=data.y[drawn])
    adversarial = attacked(model, some, chosen, seed)
    return {"attack": picture(model, some, adversarial, torch.arange(len(drawn)), chosen)}


def checked(method: str, epsilon: float, step_size: float, steps: int, restarts: int) -> Attack:
    return Attack(method, epsilon, step_size_or_usual(epsilon, step_size, steps), steps, restarts)


def attacked(model: nn.Module, data: HeldOut, chosen: Attack, seed: int) -> Tensor:
    """The adversarial images (N, C, H, W) in [0, 1] of a split, on the CPU."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    parts = stoppable(zip(data.images.split(BATCH_SIZE), data.y.split(BATCH_SIZE), strict=True))
    adversarial = [chosen.on(model, scaled(images.to(device)), y.to(device), generator).cpu() for images, y in parts]
    return torch.cat(adversarial)


def predicted(model: nn.Module, x: Tensor) -> Tensor:
    """The predicted classes (N,) of x (N, C, H, W), on the CPU."""
    device = next(model.parameters()).device
    return torch.cat([model(part.to(device)).argmax(1) for part in x.split(BATCH_SIZE)]).cpu()


def picture(model: nn.Module, data: HeldOut, adversarial: Tensor, shown: Tensor, chosen: Attack) -> Image:
    """Three rows: images, the perturbation, and the adversarial images, with the predictions for both."""
    images, changed = data.images[shown], adversarial[shown].permute(0, 2, 3, 1)
    change = changed - scaled(images).permute(0, 2, 3, 1)
    before, after = logits_of(model, images).argmax(1).tolist(), predicted(model, adversarial[shown]).tolist()
    figure = new_figure(1.3 * len(shown) + 0.3, 4.9)
    rows = figure.subplots(3, len(shown), squeeze=False)
    for place in range(len(shown)):
        show(rows[0, place], images[place])
        rows[0, place].set_title(f"predicted\n{data.names[before[place]]}", fontsize=8)
        # grey is no change, black and white are -ε and ε
        show(rows[1, place], (0.5 + 0.5 * change[place] / chosen.epsilon).clamp(0, 1), vmin=0, vmax=1)
        show(rows[2, place], changed[place].clamp(0, 1), vmin=0, vmax=1)
        colour = "black" if before[place] == after[place] else "#b2182b"
        rows[2, place].set_title(f"predicted\n{data.names[after[place]]}", fontsize=8, color=colour)
    figure.suptitle(
        f"{chosen};\nthe perturbation (middle row) is amplified {0.5 / chosen.epsilon:.3g} times", fontsize=9
    )
    return to_image(figure, f"images, perturbations, adversarial images: {chosen}")
