"""The NTM's equations against loops over batch, head and slot, their gradients, and states at the edge."""

from __future__ import annotations

import math

import pytest
import torch
from dlplug_memory.cells.content import EPSILON, content_weights
from dlplug_memory.ntm.addressing import SMALLEST, interpolate, read, sharpen, shift, write
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

B, H, N, W = 2, 3, 5, 4


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def weightings(*shape: int, seed: int = 0) -> Tensor:
    return (2 * doubles(*shape, seed=seed)).softmax(-1)


def each(*ranges: int):
    return torch.cartesian_prod(*(torch.arange(r) for r in ranges)).tolist()


def naive_cosine(u: list[float], v: list[float]) -> float:
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    return dot / math.sqrt((sum(a * a for a in u) + EPSILON) * (sum(b * b for b in v) + EPSILON))


@pytest.mark.parametrize("masked", [False, True])
def test_content_weights_slot_by_slot(masked):
    memory, keys = doubles(B, N, W), doubles(B, H, W, seed=1)
    strengths, mask = doubles(B, H, seed=2).exp(), doubles(B, H, W, seed=3).sigmoid()
    weights = content_weights(memory, keys, strengths, mask if masked else None)
    for b, h in each(B, H):
        share = mask[b, h] if masked else torch.ones(W, dtype=torch.double)
        score = [
            math.exp(strengths[b, h] * naive_cosine((keys[b, h] * share).tolist(), (memory[b, n] * share).tolist()))
            for n in range(N)
        ]
        for n in range(N):
            assert weights[b, h, n].item() == pytest.approx(score[n] / sum(score), rel=1e-9)


def test_interpolation_slot_by_slot():
    content, previous, gate = weightings(B, H, N), weightings(B, H, N, seed=1), doubles(B, H, seed=2).sigmoid()
    weights = interpolate(content, previous, gate)
    for b, h, n in each(B, H, N):
        expected = gate[b, h] * content[b, h, n] + (1 - gate[b, h]) * previous[b, h, n]
        assert weights[b, h, n].item() == pytest.approx(expected.item())


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_shift_is_a_circular_convolution(reach):
    weights, distribution = weightings(B, H, N), weightings(B, H, 2 * reach + 1, seed=1)
    moved = shift(weights, distribution)
    for b, h, i in each(B, H, N):
        # w̃(i) = Σ_j w(j) s(i - j), s(d) = 0 beyond the reach, all places modulo N
        expected = 0.0
        for j in range(N):
            for d in range(-reach, reach + 1):
                if (i - j - d) % N == 0:
                    expected += weights[b, h, j].item() * distribution[b, h, d + reach].item()
        assert moved[b, h, i].item() == pytest.approx(expected)


def test_sharpening_is_the_power_in_the_paper():
    weights, power = weightings(B, H, N), 1 + doubles(B, H, seed=1).exp()
    sharp = sharpen(weights, power)
    for b, h in each(B, H):
        powers = [weights[b, h, n].item() ** power[b, h].item() for n in range(N)]
        for n in range(N):
            assert sharp[b, h, n].item() == pytest.approx(powers[n] / sum(powers))


def test_reading_number_by_number():
    memory, weights = doubles(B, N, W), weightings(B, H, N)
    got = read(memory, weights)
    for b, h, w in each(B, H, W):
        assert got[b, h, w].item() == pytest.approx(
            sum(weights[b, h, n].item() * memory[b, n, w].item() for n in range(N))
        )


def test_writing_number_by_number():
    memory, weights = doubles(B, N, W), weightings(B, H, N)
    erase, add = doubles(B, H, W, seed=1).sigmoid(), doubles(B, H, W, seed=2)
    written = write(memory, weights, erase, add)
    for b, n, w in each(B, N, W):
        value = memory[b, n, w].item()
        for h in range(H):
            value *= 1 - weights[b, h, n].item() * erase[b, h, w].item()
        for h in range(H):
            value += weights[b, h, n].item() * add[b, h, w].item()
        assert written[b, n, w].item() == pytest.approx(value)


def learnt(*tensors: Tensor) -> list[Tensor]:
    return [tensor.clone().requires_grad_() for tensor in tensors]


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (content_weights, (doubles(B, N, W), doubles(B, H, W, seed=1), doubles(B, H).exp())),
        (content_weights, (doubles(B, N, W), doubles(B, H, W, seed=1), doubles(B, H).exp(), doubles(B, H, W).exp())),
        (interpolate, (weightings(B, H, N), weightings(B, H, N, seed=1), doubles(B, H).sigmoid())),
        (shift, (weightings(B, H, N), weightings(B, H, 3, seed=1))),
        (sharpen, (weightings(B, H, N), 1 + doubles(B, H).exp())),
        (read, (doubles(B, N, W), weightings(B, H, N))),
        (write, (doubles(B, N, W), weightings(B, H, N), doubles(B, H, W).sigmoid(), doubles(B, H, W, seed=1))),
    ],
)  # fmt: skip
def test_gradients(function, inputs):
    assert gradcheck(function, learnt(*inputs))


# values that training may push a state to, in single precision as it runs
MEMORIES = {"zeros": 0.0, "blank": 1e-6, "ones": 1.0, "huge": 1e6}
STRENGTHS = (0.0, 1.0, 1e4)
POWERS = (1.0, 50.0, 1e4)


def one_hot(place: int) -> Tensor:
    return torch.eye(N)[place].expand(B, H, N).clone()


WEIGHTINGS = {"zeros": torch.zeros(B, H, N), "even": torch.full((B, H, N), 1 / N), "one-hot": one_hot(2)}


def assert_finite(output: Tensor, inputs: list[Tensor]) -> None:
    assert bool(output.isfinite().all())
    gradients = torch.autograd.grad((output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum(), inputs)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@pytest.mark.parametrize("value", MEMORIES.values(), ids=MEMORIES)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_content_weights_stay_finite(value, strength):
    for key in (0.0, 1.0, 1e6):
        for mask in (None, torch.zeros(B, H, W), torch.ones(B, H, W)):
            inputs = learnt(torch.full((B, N, W), value), torch.full((B, H, W), key), torch.full((B, H), strength))
            output = content_weights(*inputs, mask)
            torch.testing.assert_close(output.sum(2), torch.ones(B, H))
            assert_finite(output, inputs)


@pytest.mark.parametrize("weights", WEIGHTINGS.values(), ids=WEIGHTINGS)
@pytest.mark.parametrize("power", POWERS)
def test_sharpened_weights_stay_finite_and_sum_to_1(weights, power):
    inputs = learnt(weights, torch.full((B, H), power))
    output = sharpen(*inputs)
    torch.testing.assert_close(output.sum(2), torch.ones(B, H))
    assert_finite(output, inputs)


def test_a_one_hot_weighting_survives_a_thousand_sharpenings():
    weights = one_hot(0)
    forward = torch.tensor([0.0, 0.0, 1.0]).expand(B, H, 3)
    for step in range(1, 1001):
        weights = sharpen(shift(weights, forward), torch.full((B, H), 20.0))
        assert weights[0, 0, step % N] == 1


@settings(deadline=None)
@given(st.integers(0, 2**31), st.floats(1, 100), st.integers(0, 2))
def test_a_head_that_moves_keeps_a_weighting(seed, power, reach):
    weights = weightings(B, H, N, seed=seed)
    moved = sharpen(shift(weights, weightings(B, H, 2 * reach + 1, seed=seed + 1)), torch.full((B, H), power).double())
    assert bool((moved >= 0).all())
    torch.testing.assert_close(moved.sum(2), torch.ones(B, H, dtype=torch.double))
    # where a head looks most before sharpening, it looks most afterwards, and more
    before = shift(weights, weightings(B, H, 2 * reach + 1, seed=seed + 1))
    assert bool((moved.amax(2) >= before.amax(2) - 1e-6).all())


def test_the_constant_in_the_logarithm_does_not_matter():
    weights = weightings(B, H, N)
    assert SMALLEST < 1e-12
    torch.testing.assert_close(sharpen(weights, torch.ones(B, H, dtype=torch.double)), weights)


def test_a_gate_in_bf16_interpolates_weights_in_fp32():
    content, previous, gate = torch.rand(2, 3, 5), torch.rand(2, 3, 5), torch.rand(2, 3)
    mixed = interpolate(content, previous.bfloat16(), gate.bfloat16())
    torch.testing.assert_close(mixed.float(), interpolate(content, previous, gate), atol=0.02, rtol=0)
