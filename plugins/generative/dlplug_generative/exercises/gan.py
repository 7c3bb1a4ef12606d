"""The check of the gradient penalty, on critics whose gradients are known."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dlplug.testing import assert_close, called


def gradient_penalty(written: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    _of_a_plane(written)
    _of_pictures(written)
    _between(written)
    _trains(written)


def _of_a_plane(written: Callable[..., Tensor]) -> None:
    """D(x) = 3 x₁ - 4 x₂ has a gradient of length 5 everywhere."""
    got = called(written, lambda x: 3 * x[:, 0] - 4 * x[:, 1], torch.randn(6, 2), torch.randn(6, 2))
    assert_close(got, torch.full((6,), 16.0), "the penalty (B,) of D(x) = 3 x₁ - 4 x₂, whose gradient has length 5")


def _of_pictures(written: Callable[..., Tensor]) -> None:
    """D(x) = 2 Σ x on 1x3x3 pictures has a gradient of length 6."""
    pictures = torch.randn(2, 4, 1, 3, 3)
    got = called(written, lambda x: 2 * x.flatten(1).sum(1), *pictures)
    assert_close(got, torch.full((4,), 25.0), "the penalty (B,) of D(x) = 2 Σ x on pictures (B, 1, 3, 3)")


def _between(written: Callable[..., Tensor]) -> None:
    """D(x) = |x|² / 2 has the gradient x itself: from real at 1 to fake at 5, the penalty's root is 4 (1 - ε)."""
    count = 4000
    real, fake = torch.zeros(count, 2), torch.zeros(count, 2)
    real[:, 0], fake[:, 0] = 1.0, 5.0
    same = called(written, lambda x: 0.5 * x.square().sum(1), fake, fake)
    assert_close(same, torch.full((count,), 16.0), "the penalty where real and fake are one point, at a gradient of 5")
    place = called(written, lambda x: 0.5 * x.square().sum(1), real, fake).sqrt() / 4
    where = f"on the lines from real (0) to fake (1), the points lie from {place.min():.3g} to {place.max():.3g}"
    assert bool((place > -1e-4).all() & (place < 1 + 1e-4).all()), f"{where}, beyond their ends"
    assert_close(place.mean(), torch.tensor(0.5), f"{where}; their mean", tolerance=0.02)
    assert_close(place.std(), torch.tensor(12**-0.5), f"{where}; their standard deviation", tolerance=0.02)
    # a corner of the square between (1, 0) and (0, 1) is off the line between them: one ε for all of an example
    corner = torch.eye(2)[:1].expand(count, 2), torch.eye(2)[1:].expand(count, 2)
    across = called(written, lambda x: 3 * (x[:, 0] + x[:, 1] - 1).square() + x[:, 0], *corner)
    assert_close(across, torch.zeros(count), "the penalty of a critic of gradient 1 on the line from (0, 1) to (1, 0)")


def _trains(written: Callable[..., Tensor]) -> None:
    """The penalty's own gradient with respect to the critic's weights: of (|w| - 1)², 2 (|w| - 1) w / |w|."""
    critic = nn.Linear(2, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[3.0, 4.0]]))
    penalty = called(written, lambda x: critic(x)[:, 0], torch.randn(1, 2), torch.randn(1, 2))
    assert penalty.requires_grad, "the penalty has no gradient with respect to the critic's weights (create_graph)"
    (gradient,) = torch.autograd.grad(penalty.sum(), critic.weight)
    assert_close(gradient, torch.tensor([[4.8, 6.4]]), "the gradient of the penalty with respect to weights (3, 4)")
