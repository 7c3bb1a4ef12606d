"""The DNC's equations against loops over batch, head and slot, their gradients, and states at the edge."""

from __future__ import annotations

import itertools

import pytest
import torch
from dlplug_memory.dnc import addressing as dnc
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

B, R, N, W = 2, 3, 5, 4


def doubles(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def weightings(*shape: int, seed: int = 0) -> Tensor:
    """Sums below 1, as where a gate is half open."""
    return 0.9 * (2 * doubles(*shape, seed=seed)).softmax(-1)


def each(*ranges: int):
    return itertools.product(*(range(r) for r in ranges))


def test_retention_slot_by_slot():
    free, read_weights = doubles(B, R).sigmoid(), weightings(B, R, N)
    kept = dnc.retention(free, read_weights)
    for b, n in each(B, N):
        expected = 1.0
        for r in range(R):
            expected *= 1 - free[b, r].item() * read_weights[b, r, n].item()
        assert kept[b, n].item() == pytest.approx(expected)


def test_usage_slot_by_slot():
    previous, written, kept = (doubles(B, N, seed=s).sigmoid() for s in range(3))
    used = dnc.usage(previous, written, kept)
    for b, n in each(B, N):
        u, w = previous[b, n].item(), written[b, n].item()
        assert used[b, n].item() == pytest.approx((u + w - u * w) * kept[b, n].item())


def naive_allocation(usage: list[float]) -> list[float]:
    usage = [dnc.LEAST_USAGE + (1 - dnc.LEAST_USAGE) * u for u in usage]
    free_list = sorted(range(len(usage)), key=lambda n: usage[n])
    allocated, before = [0.0] * len(usage), 1.0
    for n in free_list:
        allocated[n] = (1 - usage[n]) * before
        before *= usage[n]
    return allocated


def test_allocation_slot_by_slot():
    used = doubles(B, N).sigmoid()
    allocated = dnc.allocation(used)
    for b in range(B):
        assert allocated[b].tolist() == pytest.approx(naive_allocation(used[b].tolist()))


def test_writing_number_by_number():
    memory, weights = doubles(B, N, W), weightings(B, N)
    erase, add = doubles(B, W, seed=1).sigmoid(), doubles(B, W, seed=2)
    written = dnc.write(memory, weights, erase, add)
    for b, n, w in each(B, N, W):
        weight = weights[b, n].item()
        expected = memory[b, n, w].item() * (1 - weight * erase[b, w].item()) + weight * add[b, w].item()
        assert written[b, n, w].item() == pytest.approx(expected)


def test_write_weights_slot_by_slot():
    content, allocated = weightings(B, N), weightings(B, N, seed=1)
    allocation_gate, write_gate = doubles(B, 1).sigmoid(), doubles(B, 1, seed=1).sigmoid()
    weights = dnc.write_weighting(content, allocated, allocation_gate, write_gate)
    for b, n in each(B, N):
        a, w = allocation_gate[b, 0].item(), write_gate[b, 0].item()
        expected = w * (a * allocated[b, n].item() + (1 - a) * content[b, n].item())
        assert weights[b, n].item() == pytest.approx(expected)


def test_links_and_precedence_slot_by_slot():
    links, precedence = torch.zeros(B, N, N, dtype=torch.double), torch.zeros(B, N, dtype=torch.double)
    naive_links, naive_precedence = links.tolist(), precedence.tolist()
    for step in range(4):
        weights = weightings(B, N, seed=step)
        links, precedence = dnc.linkage(links, weights, precedence), dnc.precede(precedence, weights)
        for b in range(B):
            w = weights[b].tolist()
            for i, j in each(N, N):
                old = naive_links[b][i][j]
                naive_links[b][i][j] = 0.0 if i == j else (1 - w[i] - w[j]) * old + w[i] * naive_precedence[b][j]
            naive_precedence[b] = [(1 - sum(w)) * p + w[i] for i, p in enumerate(naive_precedence[b])]
        torch.testing.assert_close(links, torch.tensor(naive_links, dtype=torch.double))
        torch.testing.assert_close(precedence, torch.tensor(naive_precedence, dtype=torch.double))


def test_following_links_slot_by_slot():
    links, weights = doubles(B, N, N).sigmoid() / N, weightings(B, R, N)
    backward, forward = dnc.follow_links(links, weights)
    for b, r, n in each(B, R, N):
        w = weights[b, r].tolist()
        assert forward[b, r, n].item() == pytest.approx(sum(links[b, n, m].item() * w[m] for m in range(N)))
        assert backward[b, r, n].item() == pytest.approx(sum(links[b, m, n].item() * w[m] for m in range(N)))


def test_sharpened_links_slot_by_slot():
    weights, power = weightings(B, R, N), 1 + doubles(B, R).exp()
    sharp = dnc.sharpen(weights, power)
    for b, r in each(B, R):
        w = [value + dnc.SMALLEST for value in weights[b, r].tolist()]
        powers = [(value / max(w)) ** power[b, r].item() for value in w]
        assert sharp[b, r].tolist() == pytest.approx([value / sum(powers) for value in powers])


def test_read_weights_slot_by_slot():
    backward, content, forward = (weightings(B, R, N, seed=s) for s in range(3))
    modes = doubles(B, R, 3).softmax(2)
    weights = dnc.read_weighting(backward, content, forward, modes)
    for b, r, n in each(B, R, N):
        ways = (backward[b, r, n].item(), content[b, r, n].item(), forward[b, r, n].item())
        assert weights[b, r, n].item() == pytest.approx(
            sum(m * way for m, way in zip(modes[b, r].tolist(), ways, strict=True))
        )


def test_what_was_written_in_order_is_read_in_order():
    links, precedence = torch.zeros(1, N, N), torch.zeros(1, N)
    order = [3, 0, 4, 1]
    for slot in order:
        weights = torch.eye(N)[slot][None]
        links, precedence = dnc.linkage(links, weights, precedence), dnc.precede(precedence, weights)
    reading = torch.eye(N)[order[0]][None, None]
    for slot in order[1:]:
        _, forward = dnc.follow_links(links, reading)
        assert forward[0, 0].tolist() == torch.eye(N)[slot].tolist()
        back, _ = dnc.follow_links(links, forward)
        assert back.tolist() == reading.tolist()
        reading = forward


def test_allocation_takes_free_slots_in_turn_and_freed_ones_again():
    used, taken = torch.zeros(1, N), []
    for _ in range(N):
        allocated = dnc.allocation(used)
        taken.append(int(allocated.argmax()))
        assert allocated.max() > 0.999
        used = dnc.usage(used, torch.eye(N)[taken[-1]][None], torch.ones(1, N))
    assert sorted(taken) == list(range(N))
    assert dnc.allocation(used).sum() < 1e-4  # nothing is free
    kept = dnc.retention(torch.ones(1, 1), torch.eye(N)[2][None, None])
    assert int(dnc.allocation(used * kept).argmax()) == 2


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_an_allocation_is_a_weighting(usage):
    allocated = dnc.allocation(torch.tensor([usage], dtype=torch.double))
    assert bool((allocated >= 0).all())
    assert allocated.sum() <= 1 + 1e-9
    assert allocated[0].tolist() == pytest.approx(naive_allocation(usage), abs=1e-9)


def learnt(*tensors: Tensor) -> list[Tensor]:
    return [tensor.clone().requires_grad_() for tensor in tensors]


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (dnc.retention, (doubles(B, R).sigmoid(), weightings(B, R, N))),
        (dnc.allocation, (doubles(B, N).sigmoid(),)),
        (dnc.write_weighting, (weightings(B, N), weightings(B, N, seed=1), doubles(B, 1), doubles(B, 1, seed=1))),
        (dnc.write, (doubles(B, N, W), weightings(B, N), doubles(B, W).sigmoid(), doubles(B, W))),
        (dnc.linkage, (doubles(B, N, N).sigmoid(), weightings(B, N), weightings(B, N, seed=1))),
        (dnc.precede, (weightings(B, N), weightings(B, N, seed=1))),
        (dnc.follow_links, (doubles(B, N, N), weightings(B, R, N))),
        (dnc.sharpen, (weightings(B, R, N), 1 + doubles(B, R).exp())),
        (dnc.read_weighting, (*(weightings(B, R, N, seed=s) for s in range(3)), doubles(B, R, 3))),
    ],
)
def test_gradients(function, inputs):
    assert gradcheck(function, learnt(*inputs))


def test_the_write_weights_give_usage_no_gradient_and_the_rest_does():
    previous, written, kept = learnt(*(doubles(B, N, seed=s).sigmoid() for s in range(3)))
    gradients = torch.autograd.grad(
        dnc.usage(previous, written, kept).sum(), (previous, written, kept), allow_unused=True
    )
    assert gradients[1] is None
    assert gradients[0] is not None
    assert gradients[2] is not None


def assert_finite(outputs: Tensor | tuple[Tensor, ...], inputs: list[Tensor]) -> None:
    for output in outputs if isinstance(outputs, tuple) else (outputs,):
        assert bool(output.isfinite().all())
        sloped = (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum()
        gradients = torch.autograd.grad(sloped, inputs, allow_unused=True, retain_graph=True)
        assert all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None)


EDGES = {
    "zeros": torch.zeros(N),
    "ones": torch.ones(N),
    "even": torch.full((N,), 1 / N),
    "one-hot": torch.eye(N)[1],
    "nearly one-hot": torch.eye(N)[1] * (1 - 1e-7) + 1e-30,
}


@pytest.mark.parametrize("one", EDGES)
@pytest.mark.parametrize("other", EDGES)
def test_nothing_at_the_edge_becomes_nan(one, other):
    a, b = EDGES[one], EDGES[other]
    flat = learnt(a.expand(B, N), b.expand(B, N))
    heads = learnt(a.expand(B, R, N), b.expand(B, R, N))
    assert_finite(dnc.allocation(flat[0]), flat[:1])
    assert_finite(dnc.usage(flat[0], flat[1], flat[1]), flat)
    for gate in (0.0, 1.0):
        inputs = [*heads[:1], *learnt(torch.full((B, R), gate))]
        assert_finite(dnc.retention(inputs[1], inputs[0]), inputs)
    for power in (1.0, 1e4):
        inputs = [*heads[:1], *learnt(torch.full((B, R), power))]
        assert_finite(dnc.sharpen(*inputs), inputs)
    links = learnt(torch.outer(a, b).expand(B, N, N))
    assert_finite(dnc.linkage(links[0], *flat), [*links, *flat])
    assert_finite(dnc.follow_links(links[0], heads[0]), [*links, *heads[:1]])


def test_gates_in_bf16_go_with_a_memory_in_fp32():
    content, allocated, gates = torch.rand(2, 5), torch.rand(2, 5), torch.rand(2, 2, 1)
    mixed = dnc.write_weighting(content, allocated, *gates.bfloat16())
    torch.testing.assert_close(mixed, dnc.write_weighting(content, allocated, *gates), atol=0.02, rtol=0)
