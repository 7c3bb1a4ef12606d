"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import torch.nn.functional as F
from dlplug_vision.attacks.gradient import attacked, logits_and_gradient

from dlplug.testing import check_exercise


def test_fgsm():
    def gradient_of(model, x, y):
        with attacked(model):
            return logits_and_gradient(model, x, y)[1]

    def descends(model, x, y, epsilon):
        return (x - epsilon * gradient_of(model, x, y).sign()).clamp(0, 1)

    def takes_the_size(model, x, y, epsilon):
        return (x + epsilon * gradient_of(model, x, y)).clamp(0, 1)

    def leaves_the_range(model, x, y, epsilon):
        return x + epsilon * gradient_of(model, x, y).sign()

    def leaves_gradients(model, x, y, epsilon):
        model.eval()
        x = x.clone().requires_grad_()
        F.cross_entropy(model(x), y).backward()
        model.train()
        return (x + epsilon * x.grad.sign()).clamp(0, 1).detach()

    down, size, outside, left = check_exercise("fgsm", [descends, takes_the_size, leaves_the_range, leaves_gradients])
    assert down == "fgsm lowers the loss: an attack goes along the gradient, not against it"
    assert "x + ε sign ∇ₓ L" in size
    assert "kept in [0, 1]" in outside
    assert "leaves gradients in the model's weights" in left


def test_shares():
    def squares(descriptors, words):
        return (descriptors[:, :, None] - words).square().sum(3)

    def by_distance(descriptors, words, sharpness):
        return (-sharpness * squares(descriptors, words).sqrt()).softmax(2)

    def of_descriptors(descriptors, words, sharpness):
        return (-sharpness * squares(descriptors, words)).softmax(1)

    def underflows(descriptors, words, sharpness):
        near = (-sharpness * squares(descriptors, words)).exp()
        return near / near.sum(2, keepdim=True)

    root, axis, zero = check_exercise("soft-assignment", [by_distance, of_descriptors, underflows])
    assert "with β = 1" in root
    assert "with β = 1" in axis
    assert "0 / 0" in zero
