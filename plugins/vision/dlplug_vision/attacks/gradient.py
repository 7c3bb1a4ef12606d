"""Adversarial examples: images (B, C, H, W) in [0, 1] that differ from the originals by at most ε in each pixel, and
that a classifier gets wrong. Pure functions: the model is in eval mode meanwhile, and its weights and their gradients
do not change. A random generator is on the images' device; None is torch's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from dlplug import UserError


def fgsm(model: nn.Module, x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """The fast gradient sign method: one step to a corner of the L∞ ball, x (B, C, H, W), y (B,) (Goodfellow et al.
    2015, arXiv:1412.6572, section 4)."""
    with attacked(model):
        _, gradient = logits_and_gradient(model, x, y)
    # x' = x + ε sign ∇_x J(θ, x, y)
    return within(x + epsilon * gradient.sign(), x, epsilon)


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float,
    step_size: float,
    steps: int,
    restarts: int = 1,
    generator: Generator | None = None,
) -> Tensor:
    """The strongest adversarial image that projected gradient descent finds for each of x (B, C, H, W), y (B,): an
    iterate of any restart that is misclassified, or else has the highest loss (Madry et al. 2018, arXiv:1706.06083).

    An image is not attacked further once it is misclassified, so that only robust ones cost all steps and restarts; one
    that is misclassified without a perturbation is returned unchanged.
    """
    adversarial = x.clone()
    with attacked(model):
        logits, _ = logits_and_gradient(model, x, y)
        highest, fooled = F.cross_entropy(logits, y, reduction="none"), logits.argmax(1) != y
        for _ in range(restarts):
            left = (~fooled).nonzero()[:, 0]
            original, labels = x[left], y[left]
            moved = random_start(original, epsilon, generator)
            for _ in range(steps + 1):  # the last iterate is evaluated, too
                if not len(left):
                    return adversarial
                logits, gradient = logits_and_gradient(model, moved, labels)
                loss, wrong = F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) != labels
                stronger = wrong | (loss > highest[left])
                place = left[stronger]
                adversarial[place], highest[place], fooled[left] = moved[stronger], loss[stronger], wrong
                if wrong.any():
                    left, original, labels, moved, gradient = (
                        t[~wrong] for t in (left, original, labels, moved, gradient)
                    )
                moved = ascended(moved, gradient, original, epsilon, step_size)
    return adversarial


def pgd_of_fixed_length(
    model: nn.Module, x: Tensor, y: Tensor, *, epsilon: float | Tensor, step_size: float | Tensor, steps: int
) -> Tensor:
    """The last iterate after `steps` from one random start, for training: fixed shapes and no synchronisation, so that
    a CUDA graph can capture it. One step is the fast method of Wong et al. 2020 (arXiv:2001.03994)."""
    with attacked(model):
        moved = random_start(x, epsilon)
        for _ in range(steps):
            _, gradient = logits_and_gradient(model, moved, y)
            moved = ascended(moved, gradient, x, epsilon, step_size)
    return moved


def random_start(x: Tensor, epsilon: float | Tensor, generator: Generator | None = None) -> Tensor:
    """A uniform draw from the L∞ ball around x, clipped to [0, 1]."""
    noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return within(x + epsilon * (2 * noise - 1), x, epsilon)


def ascended(moved: Tensor, gradient: Tensor, x: Tensor, epsilon: float | Tensor, step_size: float | Tensor) -> Tensor:
    # x^{t+1} = Π_{x + S} (x^t + α sign ∇_x L(θ, x^t, y))
    return within(moved + step_size * gradient.sign(), x, epsilon)


def within(moved: Tensor, x: Tensor, epsilon: float | Tensor) -> Tensor:
    """Projects onto the images in [0, 1] that differ from x by at most ε in each pixel."""
    return moved.clamp((x - epsilon).clamp(min=0), (x + epsilon).clamp(max=1))


def step_size_or_usual(epsilon: float, step_size: float, steps: int) -> float:
    """The step size, or 2.5 ε / steps for 0: enough to cross the ball (Madry et al. 2018, figure 6). Raises UserError
    for invalid values."""
    if not 0 < epsilon <= 1 or step_size < 0 or steps < 1:
        raise UserError(
            f"an attack needs ε in (0, 1], a step size of at least 0 and at least one step, got {epsilon:g}, "
            f"{step_size:g} and {steps}"
        )
    return step_size or 2.5 * epsilon / steps


def logits_and_gradient(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The logits (B, classes) of x, and ∇_x of each image's cross entropy, of x's shape."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x).float()
        # in eval mode images do not interact: the sum's gradient is that of each image
        loss = F.cross_entropy(logits, y, reduction="sum")
    return logits.detach(), torch.autograd.grad(loss, x)[0]


@contextlib.contextmanager
def attacked(model: nn.Module) -> Iterator[None]:
    """The model in eval mode, and its weights as constants: only the images' gradients are computed."""
    training, weights = model.training, [weight for weight in model.parameters() if weight.requires_grad]
    model.eval()
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)
        model.train(training)
