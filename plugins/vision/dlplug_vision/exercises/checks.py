"""The checks of the exercises: numerical derivatives, and loops over descriptors and words."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug.testing import assert_close, called

STEP = 1e-3


def fgsm(written: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.5)).train()
    x, y, epsilon = 0.1 + 0.8 * torch.rand(3, 1, 2, 2), torch.tensor([0, 2, 1]), 0.05
    expected = _ascended(model, x, y, epsilon)
    got = called(written, model, x, y, epsilon)
    descends = bool((got - x).sign().eq(-(expected - x).sign()).all()) if isinstance(got, Tensor) else False
    assert not descends, "fgsm lowers the loss: an attack goes along the gradient, not against it"
    assert_close(got, expected, "fgsm: x + ε sign ∇ₓ L, of images (B, C, H, W) with ε = 0.05")
    corners = torch.tensor([0.0, 1.0]).repeat(6).view(3, 1, 2, 2)
    expected = _ascended(model, corners, y, epsilon).clamp(0, 1)
    assert_close(
        called(written, model, corners, y, epsilon), expected, "fgsm of black and white pixels, kept in [0, 1]"
    )
    assert model.training, "fgsm leaves the model in eval mode"
    grown = [name for name, weight in model.named_parameters() if weight.grad is not None]
    assert not grown, f"fgsm leaves gradients in the model's weights ({', '.join(grown)}), which training would add up"


def _ascended(model: nn.Module, x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """x + ε sign ∂L/∂x, pixel by pixel, by differences."""
    model.eval()
    moved = x.clone()
    with torch.no_grad():
        for b in range(len(x)):
            for place in range(x[b].numel()):
                losses = []
                for step in (STEP, -STEP):
                    near = x[b : b + 1].clone().double()
                    near.view(-1)[place] += step
                    losses.append(F.cross_entropy(model.double()(near), y[b : b + 1]))
                moved[b].view(-1)[place] += epsilon * math.copysign(1, float(losses[0] - losses[1]))
    model.float().train()
    return moved


def shares(written: Callable[..., Tensor]) -> None:
    random = torch.Generator().manual_seed(0)
    descriptors, words = torch.rand(2, 3, 4, generator=random), torch.rand(5, 4, generator=random)
    for sharpness in (1.0, 10.0):
        expected = torch.empty(2, 3, 5)
        for b in range(2):
            for n in range(3):
                near = [
                    math.exp(-sharpness * sum((float(descriptors[b, n, i]) - float(word[i])) ** 2 for i in range(4)))
                    for word in words
                ]
                expected[b, n] = torch.tensor([value / sum(near) for value in near])
        got = called(written, descriptors, words, sharpness)
        assert_close(got, expected, f"shares (image, descriptor, word) with β = {sharpness:g}", tolerance=1e-4)
    far = called(written, torch.full((1, 1, 4), 10.0), words, 20.0)
    assert bool(torch.as_tensor(far).isfinite().all()), (
        "shares of a descriptor far from every word are not finite: exp(-β |d - w|²) is 0 for all words, and 0 / 0"
    )
    assert_close(far.sum(), torch.tensor(1.0), "the sum of the shares of a descriptor far from every word")
