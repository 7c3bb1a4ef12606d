"""NTM, DNC and the baselines: steps by hand, causality, more slots than in training, finite states."""

from __future__ import annotations

import logging

import meta
import pytest
import torch
import torch.nn.functional as F
from dlplug_memory.baselines import SequenceLSTM, SequenceTransformer, sines
from dlplug_memory.cells.content import content_weights
from dlplug_memory.cells.controllers import LSTM, FeedForward
from dlplug_memory.cells.recurrent import Recurrent
from dlplug_memory.dnc import addressing as dnc_addressing
from dlplug_memory.dnc.model import DNC
from dlplug_memory.losses import bit_cross_entropy
from dlplug_memory.ntm.addressing import interpolate, read, sharpen, shift, write
from dlplug_memory.ntm.model import NTM
from dlplug_memory.tasks.task import Sequences, SequenceSpec

from dlplug import Spec, UserError

SPEC = Spec((5,), 3)
DNC_OPTIONS = {"slots": 7, "word": 4, "width": 8}
SMALL = {
    "ntm": lambda: NTM(SPEC, slots=7, word=4, width=8),
    "ntm-lstm": lambda: NTM(SPEC, slots=7, word=4, width=8, reads=2, writes=3, reach=2, control="lstm"),
    "ntm-ready": lambda: NTM(SPEC, slots=7, word=4, width=8, control="lstm", ready=True),
    "dnc": lambda: DNC(SPEC, **DNC_OPTIONS, mask=False, deallocate=False),
    "dnc-mended": lambda: DNC(SPEC, **DNC_OPTIONS, reads=2, sharpen=True, control="feed-forward"),
    "dnc-ready": lambda: DNC(SPEC, **DNC_OPTIONS, reads=2, ready=True),
    "lstm": lambda: SequenceLSTM(SPEC, width=8, depth=2),
    "transformer": lambda: SequenceTransformer(SPEC, width=8, depth=2, heads=2),
}


@pytest.fixture(params=SMALL)
def model(request):
    torch.manual_seed(0)
    return SMALL[request.param]()


def inputs(batch: int = 3, steps: int = 6) -> torch.Tensor:
    return torch.randn(batch, steps, 5, generator=torch.Generator().manual_seed(1))


def test_outputs_depend_on_the_past_alone(model):
    x, changed = inputs(), inputs()
    changed[:, 4:] += 1
    before, after = model(x), model(changed)
    assert before.shape == (3, 6, 3)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_sequences_of_a_batch_are_independent(model):
    x = inputs()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]), atol=1e-5, rtol=1e-4)


def test_every_weight_learns(model):
    # more than a step, for the first read is of an empty memory
    F.binary_cross_entropy_with_logits(model(inputs(8, 12)), torch.rand(8, 12, 3)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
        assert bool(parameter.grad.any()), name


@pytest.mark.parametrize("scale", [0.0, 1e2, 1e4])
def test_nothing_becomes_nan_whatever_the_weights(model, scale):
    """Three steps for the gradients: those of twenty such steps overflow a float."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    for x in (torch.zeros(2, 20, 5), torch.ones(2, 20, 5), 1e3 * inputs(2, 20)):
        with torch.no_grad():
            assert bool(model(x).isfinite().all())
        model.zero_grad()
        logits = model(x[:, :3])
        (logits / (1 + logits.detach().abs())).sum().backward()
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_a_weighting_shared_by_two_slots_does_not_explode_the_gradient():
    """Sharpened by γ = 5 a hundred times, its gradient would be 5¹⁰⁰ as large, which no float32 holds."""
    torch.manual_seed(0)
    model = NTM(SPEC, slots=7, word=4, width=8)
    with torch.no_grad():
        _, gates, positive, moves = model.cell.heads.bias.split(model.cell.sizes)
        model.cell.heads.weight.mul_(1e-3)
        gates[:2] = -20.0
        positive[2:] = 4.0
        moves.view(2, 3)[:] = torch.tensor([0.0, 20.0, 0.0])
    shared = torch.zeros(3, 2, 7)
    shared[:, :, :2] = 0.5
    state = model.cell.start(inputs())._replace(weights=shared.requires_grad_())
    for x in inputs(3, 100).unbind(1):
        output, state = model.cell(x, state)
    torch.testing.assert_close(state.weights[:, :, :2], shared[:, :, :2], atol=0.1, rtol=0)
    (output.square().sum() + state.weights.square()[:, :, 0].sum()).backward()
    assert shared.grad is not None
    for gradient in (shared.grad, *(p.grad for p in model.cell.parameters())):
        assert gradient is not None
        assert bool(gradient.isfinite().all())
    assert bool(shared.grad.any())


@pytest.mark.parametrize("name", [name for name in SMALL if name.startswith(("ntm", "dnc"))])
def test_weightings_stay_weightings(name):
    model = SMALL[name]()
    for step, (_, state) in enumerate(model.steps(inputs(3, 20))):
        snapshot = model.cell.snapshot(state)
        for weights in (snapshot.read_weights, snapshot.write_weights):
            assert bool((weights >= 0).all()), step
            assert bool((weights.sum(2) <= 1 + 1e-5).all()), step
        if snapshot.links is not None:
            assert bool((snapshot.links >= 0).all())
            assert bool((snapshot.links.sum(1) <= 1 + 1e-5).all())
            assert bool((snapshot.links.sum(2) <= 1 + 1e-5).all())
            assert not bool(snapshot.links.diagonal(dim1=1, dim2=2).any())
            assert bool(((state.usage >= 0) & (state.usage <= 1)).all())


@pytest.mark.parametrize("kind", [NTM, DNC])
def test_a_trained_network_takes_more_slots(kind):
    torch.manual_seed(0)
    few, many = kind(SPEC, slots=9, word=4, width=8), kind(SPEC, slots=30, word=4, width=8)
    many.load_state_dict(few.state_dict())
    assert many(inputs()).shape == (3, 6, 3)


def test_an_ntms_step_is_its_equations():
    torch.manual_seed(0)
    cell = NTM(SPEC, slots=7, word=4, reads=2, writes=1, width=8).cell
    x, state = inputs()[:, 0], cell.start(inputs()[:, 0])
    for _ in range(3):  # away from the blank start
        _, state = cell(x, state)
    output, after = cell(x, state)
    h = torch.tanh(cell.controller.layer(torch.cat([x, state.reads], 1)))
    interface = cell.heads(h)
    keys, add = torch.tanh(interface[:, :12]).view(3, 3, 4), torch.tanh(interface[:, 12:16]).view(3, 1, 4)
    gate, erase = torch.sigmoid(interface[:, 16:19]), torch.sigmoid(interface[:, 19:23]).view(3, 1, 4)
    strength, power = F.softplus(interface[:, 23:26]), 1 + F.softplus(interface[:, 26:29])
    moves = interface[:, 29:].view(3, 3, 3).softmax(2)
    weights = interpolate(content_weights(state.memory, keys, strength), state.weights, gate)
    weights = sharpen(shift(weights, moves), power)
    reads = read(state.memory, weights[:, :2]).reshape(3, 8)
    torch.testing.assert_close(after.weights, weights)
    torch.testing.assert_close(after.reads, reads)
    torch.testing.assert_close(after.memory, write(state.memory, weights[:, 2:], erase, add))
    torch.testing.assert_close(output, torch.cat([h, reads], 1))


@pytest.mark.parametrize("deallocate", [False, True])
def test_a_dncs_step_is_its_equations(deallocate):
    torch.manual_seed(0)
    cell = DNC(SPEC, slots=7, word=4, width=8, control="feed-forward", mask=False, deallocate=deallocate).cell
    x, state = inputs()[:, 0], cell.start(inputs()[:, 0])
    for _ in range(3):
        _, state = cell(x, state)
    output, after = cell(x, state)
    h = torch.tanh(cell.controller.layer(torch.cat([x, state.reads], 1)))
    interface = cell.interface(h)
    read_key, write_key, add = interface[:, :4], interface[:, 4:8], interface[:, 8:12]
    erase, free, allocate, gate = torch.sigmoid(interface[:, 12:19]).split([4, 1, 1, 1], 1)
    read_strength, write_strength = (1 + F.softplus(interface[:, 19:21])).split(1, 1)
    modes = interface[:, 21:].softmax(1)

    kept = 1 - free * state.read_weights[:, 0]
    usage = (state.usage + state.write_weights - state.usage * state.write_weights) * kept
    content = content_weights(state.memory, write_key[:, None], write_strength)[:, 0]
    written = gate * (allocate * dnc_addressing.allocation(usage) + (1 - allocate) * content)
    memory = state.memory * kept[:, :, None] if deallocate else state.memory
    memory = memory * (1 - written[:, :, None] * erase[:, None]) + written[:, :, None] * add[:, None]
    links = (1 - written[:, :, None] - written[:, None]) * state.links + written[:, :, None] * state.precedence[:, None]
    links = links * (1 - torch.eye(7))
    forward = torch.einsum("bij,bj->bi", links, state.read_weights[:, 0])
    backward = torch.einsum("bji,bj->bi", links, state.read_weights[:, 0])
    found = content_weights(memory, read_key[:, None], read_strength)[:, 0]
    reading = modes[:, :1] * backward + modes[:, 1:2] * found + modes[:, 2:] * forward
    got = torch.einsum("bn,bnw->bw", reading, memory)

    torch.testing.assert_close(after.memory, memory)
    torch.testing.assert_close(after.usage, usage)
    torch.testing.assert_close(after.links, links)
    torch.testing.assert_close(after.precedence, (1 - written.sum(1, keepdim=True)) * state.precedence + written)
    torch.testing.assert_close(after.read_weights[:, 0], reading)
    torch.testing.assert_close(after.write_weights, written)
    torch.testing.assert_close(output, torch.cat([h, got], 1))


@pytest.mark.parametrize("network", [NTM, DNC])
def test_a_ready_network_reads_the_slot_of_a_repeated_input(network: type[NTM] | type[DNC]):
    """After eight different inputs, each in a slot of its own, the third is repeated: its slot is read most."""
    torch.manual_seed(0)
    model = network(Spec((8,), 3), slots=9, word=16, width=64, control="feed-forward", ready=True)
    shown = torch.cat([torch.eye(8), torch.eye(8)[2:3]]).unsqueeze(0)
    *before, (_, last) = model.steps(shown)
    written = torch.stack([model.cell.snapshot(state).write_weights[0, 0] for _, state in before]).argmax(1)
    assert len(set(written.tolist())) == 8
    assert model.cell.snapshot(last).read_weights[0, 0, written].argmax() == 2


def test_masks_and_sharpening_change_the_read_vectors():
    for option in ("mask", "sharpen"):
        plain = DNC(SPEC, **DNC_OPTIONS, mask=False)
        other = DNC(SPEC, **DNC_OPTIONS, **{"mask": False, option: True})
        assert count(other) > count(plain), option


def count(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_an_lstm_controller_has_a_state_and_a_feed_forward_one_has_none():
    x = torch.ones(2, 5)
    for kind, remembers in ((LSTM, True), (FeedForward, False)):
        steps = kind(5, 4)
        first, state = steps(x, steps.start(x))
        second, _ = steps(x, state)
        assert torch.equal(first, second) != remembers


def test_an_unrolled_network_is_its_cell_step_by_step():
    model, x = SMALL["ntm"](), inputs()
    state, logits = model.cell.start(x), []
    for t in range(x.shape[1]):
        output, state = model.cell(x[:, t], state)
        logits.append(model.answer(output))
    torch.testing.assert_close(model(x), torch.stack(logits, 1))


def test_compile_compiles_the_cell(monkeypatch):
    model, compiled = SMALL["dnc"](), []
    monkeypatch.setattr(model.cell, "compile", lambda: compiled.append("cell"))
    model.compile()
    assert compiled == ["cell"]
    assert model._compiled_call_impl is None


def test_a_step_of_the_transformer_copies_nothing_to_the_device():
    batch = Sequences(torch.rand(2, 5, 6), torch.rand(2, 5, 3).round(), torch.ones(2, 5))
    model = SequenceTransformer(Spec((6,), 3), width=8, heads=2)
    meta.step(bit_cross_entropy(model.to("meta")), batch)


def test_positional_encodings_differ():
    table = sines(50, 8)
    assert table.shape == (50, 8)
    assert torch.cdist(table, table).add(torch.eye(50)).min() > 0.1
    torch.testing.assert_close(table[3, 0], torch.tensor(3.0).sin())
    torch.testing.assert_close(table[3, 4], torch.tensor(3.0).cos())


def test_a_memory_that_is_too_small_is_a_warning_with_numbers(caplog):
    spec = SequenceSpec((5,), 3, items=20)
    with caplog.at_level(logging.WARNING):
        assert isinstance(NTM(spec, slots=16), Recurrent)
    assert "20 vectors must be remembered at once, but the memory has 16 slots, 4 too few" in caplog.text
    caplog.clear()
    NTM(spec, slots=20)
    DNC(spec, slots=20)
    SequenceLSTM(spec)
    assert not caplog.text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NTM(SPEC, slots=0), "--model.slots of ntm must be at least 1, got 0"),
        (lambda: NTM(SPEC, reads=0), "--model.reads of ntm must be at least 1, got 0"),
        (lambda: NTM(SPEC, writes=-1), "--model.writes of ntm"),
        (lambda: NTM(SPEC, slots=4, reach=2), "below half of the 4 slots, got 2"),
        (lambda: DNC(SPEC, reads=0), "--model.reads of dnc must be at least 1, got 0"),
        (lambda: DNC(SPEC, slots=0), "--model.slots of dnc"),
        (lambda: SequenceLSTM(SPEC, depth=0), "--model.depth"),
        (lambda: SequenceTransformer(SPEC, width=12, heads=4), "multiple of twice the 4"),
    ],
)
def test_bad_options_are_one_clear_line(make, said):
    with pytest.raises(UserError, match=said):
        make()
