"""Language models compute their equations, one token at a time or many at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dlplug_text.data.streams import Tokens
from dlplug_text.language.cells import STEPS, Layer, MinimalLayer, parallel_scan, positive
from dlplug_text.language.gpt import GPT
from dlplug_text.language.loss import NextToken
from dlplug_text.language.metrics import nats
from dlplug_text.language.model import LanguageModel
from dlplug_text.language.recurrent import Recurrent
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dlplug import Spec, UserError, testing

SPEC = Spec((12,), 9)
BUILD = {
    "rnn": lambda: Recurrent(SPEC, cell="rnn", units=8, written_out=True),
    "lstm": lambda: Recurrent(SPEC, cell="lstm", units=8, layer_norm=True),
    "gru": lambda: Recurrent(SPEC, cell="gru", units=8, depth=3),
    "min-gru": lambda: Recurrent(SPEC, cell="min-gru", units=8, residual=True),
    "gpt": lambda: GPT(SPEC, width=8, depth=2, heads=2),
}


@pytest.fixture(params=BUILD)
def writer(request: pytest.FixtureRequest) -> LanguageModel:
    torch.manual_seed(0)
    return BUILD[request.param]().eval()


@pytest.mark.parametrize("cell", list(STEPS))
def test_the_written_out_cell_is_torch_s(cell):
    torch.manual_seed(1)
    layer = Layer(cell, 5, 7)
    x = torch.randn(3, 11, 5, requires_grad=True)
    state = tuple(torch.randn(3, 7) for _ in range(layer.parts))
    results = []
    for layer.written_out in (False, True):
        h, after = layer(x, state)
        gradients = torch.autograd.grad(h.square().sum() + after[-1].sum(), [x, *layer.parameters()])
        results.append([h, *after, *gradients])
    assert len(results[0]) == 1 + layer.parts + 1 + 4
    for torch_s, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, torch_s, atol=1e-5, rtol=1e-4)


def test_the_vanilla_cell_is_tanh_of_wh_plus_ux():
    layer = Layer("rnn", 2, 3, written_out=True)
    U, W, u, w = (p.detach().numpy() for p in layer.net.parameters())
    x = torch.randn(1, 4, 2)
    h = np.zeros(3)
    for t in range(4):
        h = np.array([
            math.tanh(sum(W[i, j] * h[j] for j in range(3)) + sum(U[i, k] * x[0, t, k] for k in range(2)) + u[i] + w[i])
            for i in range(3)
        ])  # fmt: skip
    assert layer(x, (torch.zeros(1, 3),))[0][0, -1].tolist() == pytest.approx(h.tolist(), abs=1e-6)


@given(st.integers(1, 20), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_scan_is_the_recurrence(length: int, seed: int):
    random = torch.Generator().manual_seed(seed)
    z, candidate = torch.rand(2, length, 3, generator=random), torch.randn(2, length, 3, generator=random)
    h = begin = torch.randn(2, 3, generator=random)
    naive = []
    for t in range(length):
        h = (1 - z[:, t]) * h + z[:, t] * candidate[:, t]
        naive.append(h)
    torch.testing.assert_close(parallel_scan(z, candidate, begin), torch.stack(naive, 1), atol=1e-5, rtol=1e-4)


def test_the_minimal_cell_stays_positive_and_its_function_is_continuous():
    x = torch.tensor([-1e-6, 0.0, 1e-6, 2.0])
    assert positive(x).tolist() == pytest.approx([0.5, 0.5, 0.5, 2.5], abs=1e-5)
    h, _ = MinimalLayer(4, 6)(torch.randn(2, 9, 4), (torch.zeros(2, 6),))
    assert (h > 0).all()


def test_a_text_read_in_pieces_is_the_text_read_at_once(writer: LanguageModel):
    tokens = torch.randint(9, (3, 12))
    whole, _ = writer(tokens)
    state, parts = writer.start(3), []
    for begin, end in ((0, 1), (1, 6), (6, 7), (7, 12)):
        logits, state = writer(tokens[:, begin:end], state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-4)
    assert all(len(part) == 3 for part in state)


def test_no_logit_depends_on_later_tokens(writer: LanguageModel):
    tokens = torch.randint(9, (1, 12))
    changed = tokens.clone()
    changed[0, 7:] = (tokens[0, 7:] + 1) % 9
    one, other = writer(tokens)[0], writer(changed)[0]
    torch.testing.assert_close(one[:, :7], other[:, :7])
    assert not torch.allclose(one[:, 7:], other[:, 7:])


def test_a_gpt_is_as_large_as_nanogpt_says_and_ties_its_weights():
    model = GPT(Spec((256,), 65), width=384, depth=6, heads=6)
    # nanoGPT counts all weights but those of places: "number of parameters: 10.65M"
    count = sum(p.numel() for p in model.parameters()) - model.position.weight.numel()
    assert round(count / 1e6, 2) == 10.65
    assert model.head.weight is model.embedding.weight
    assert model.blocks[0].narrow.weight.std().item() == pytest.approx(0.02 / math.sqrt(12), rel=0.02)
    groups = model.parameter_groups()
    assert {p.dim() for p in groups[0]["params"]} == {2}
    assert groups[1]["weight_decay"] == 0
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    _, state = model(torch.zeros(1, 250, dtype=torch.long), model.start(1))
    with pytest.raises(ValueError, match=r"250 \+ 7 tokens are more than the context of 256"):
        model(torch.zeros(1, 7, dtype=torch.long), state)


def tokens_of(x: Tensor, carried: bool) -> Tokens:
    return Tokens(x[:, :-1], x[:, 1:], torch.full((len(x),), carried))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "min-gru"])
def test_the_state_is_carried_and_its_gradient_is_not(cell):
    torch.manual_seed(0)
    model = Recurrent(SPEC, cell=cell, units=6)
    x = torch.randint(9, (2, 11))
    loss = NextToken(model)
    list(loss.updates(tokens_of(x[:, :6], carried=False)))
    assert not any(part.requires_grad for part in loss.state)
    places = [part.data_ptr() for part in loss.state]
    (update,) = loss.updates(tokens_of(x[:, 5:], carried=True))
    logits, _ = model(x[:, :-1])
    whole = F.cross_entropy(logits[:, 5:].flatten(0, 1), x[:, 6:].flatten())
    assert update.loss.item() == pytest.approx(whole.item(), abs=1e-5)
    assert [part.data_ptr() for part in loss.state] == places  # where a captured step looks for it
    # rows that start again do not depend on the batch before
    (update,) = loss.updates(tokens_of(x, carried=False))
    fresh = F.cross_entropy(model(x[:, :-1])[0].flatten(0, 1), x[:, 1:].flatten())
    assert update.loss.item() == pytest.approx(fresh.item(), abs=1e-6)


def test_the_loss_keeps_the_contract_and_its_state_survives_a_file(writer: LanguageModel):
    loss = NextToken(writer)
    batch = tokens_of(torch.randint(9, (2, 9)), carried=True)
    testing.check_loss(loss, batch)
    assert len(loss.state) == (len(writer.start(1)) if writer.stateful else 0)
    again = NextToken(writer)
    again.load_state_dict(testing.through_a_file(loss.state_dict()))
    testing.assert_same(list(again.state), list(loss.state), "the carried state")


@given(st.integers(2, 60), st.integers(1, 40))
@settings(max_examples=15, deadline=None)
@torch.no_grad()
def test_every_token_is_predicted_once(count: int, streams: int):
    torch.manual_seed(count)
    tokens = torch.randint(9, (count,))
    for name in ("gru", "gpt"):
        model = BUILD[name]().eval()
        total, rows = 0.0, min(streams, count - 1)
        length = model.context or -(-(count - 1) // rows)
        for t in range(1, count):
            begin = (t - 1) // length * length  # of the window or the stream that the prediction is in
            logits, _ = model(tokens[None, begin:t])
            total += F.cross_entropy(logits[0, -1:], tokens[t : t + 1]).item()
        assert nats(model, tokens, 7, streams) == pytest.approx(total, rel=1e-4)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GPT(SPEC, width=10, heads=3), r"--model\.width must be a multiple of --model\.heads"),
        (lambda: GPT(SPEC, depth=0), r"--model\.depth must be at least 1"),
        (lambda: Recurrent(SPEC, units=0), r"--model\.units must be at least 1"),
        (lambda: Recurrent(SPEC, dropout=1.0), r"--model\.dropout must be in \[0, 1\)"),
        (lambda: Recurrent(SPEC, cell="min-gru", written_out=True), "not min-gru"),
        (lambda: NextToken(torch.nn.Linear(1, 1)), "needs a language model; Linear is not one"),  # pyright: ignore
    ],
)
def test_bad_options_are_one_clear_line(make, said: str):
    with pytest.raises(UserError, match=said):
        make()
