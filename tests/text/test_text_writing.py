"""Generated text, and figures of activations and gradients."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from dlplug_text.data.streams import HeldOut
from dlplug_text.language.generation import generate, sample, sample_token, text
from dlplug_text.language.gpt import GPT
from dlplug_text.language.inspection import (
    cells,
    gradient_norms,
    gradients,
    other_model,
    slowest_unit,
    unit_activations,
)
from dlplug_text.language.metrics import prediction
from dlplug_text.language.model import LanguageModel
from dlplug_text.language.recurrent import Recurrent
from dlplug_words.vocabularies import Bytes, Characters

from dlplug import Image, Spec, Text, Trained, UserError

VERSE = "the cat sat on the mat,\nand the rat ran from the cat.\n"
WRITERS: dict[str, Any] = {
    "lstm": lambda spec: Recurrent(spec, cell="lstm", units=12),
    "gpt": lambda spec: GPT(spec, width=12, depth=2, heads=2),
}


def held_out(vocabulary: Any = None) -> HeldOut:
    return HeldOut(lambda: VERSE * 3, vocabulary or Characters.of(VERSE), 10, "verses")


def net(name: str, data: HeldOut) -> LanguageModel:
    torch.manual_seed(0)
    return WRITERS[name](Spec((data.window,), data.vocabulary.size)).eval()


def all_of(generator: Any) -> tuple[str, Any]:
    """The text of a generator of pieces, and what it returns."""
    pieces = []
    while True:
        try:
            pieces.append(next(generator))
        except StopIteration as end:
            return "".join(pieces), end.value


@pytest.mark.parametrize("name", WRITERS)
def test_a_cache_changes_no_token_even_beyond_the_context(name: str):
    data = held_out()
    model = net(name, data)
    prompt = data.vocabulary.encode("the cat sat on the mat").tolist()

    def written(cache: bool) -> list[int]:
        return list(islice(generate(model, prompt, 1.0, 0, torch.Generator().manual_seed(5), cache), 45))

    one = written(cache=True)
    assert one == written(cache=False)
    assert len(set(one)) > 5


def test_sampling_follows_the_softmax_of_the_top_k():
    logits, random = torch.tensor([0.0, 2.0, 1.0, -1.0]), torch.Generator().manual_seed(0)
    assert {sample_token(logits, 0.0, 0, random) for _ in range(5)} == {1}
    counts = Counter(sample_token(logits, 0.5, 2, random) for _ in range(4000))
    expected = (torch.tensor([2.0, 1.0]) / 0.5).softmax(0)
    assert set(counts) == {1, 2}
    assert counts[1] / 4000 == pytest.approx(float(expected[0]), abs=0.03)
    assert {sample_token(logits, 1.0, 0, random) for _ in range(500)} == {0, 1, 2, 3}


def test_a_prompt_is_continued_as_the_seed_determines():
    data = held_out()
    model = net("lstm", data)
    written, description = all_of(text(model, data, prompt="the cat", tokens=30, seed=1))
    assert written.startswith("the cat")
    assert len(written) == 7 + 30
    assert description["tokens_per_second"] > 0
    assert all_of(text(model, data, prompt="the cat", tokens=30, seed=1))[0] == written
    assert all_of(text(model, data, prompt="the cat", tokens=30, seed=2))[0] != written
    assert len(all_of(text(model, data, tokens=30, seed=1))[0]) == 30


def test_text_from_bytes_has_whole_characters():
    data = held_out(Bytes())
    written, _ = all_of(text(net("lstm", data), data, prompt="läuft ", tokens=40, top_k=0, seed=1))
    assert written.startswith("läuft ")


def test_a_prompt_that_the_vocabulary_lacks_is_named():
    data = held_out()
    model = net("lstm", data)
    with pytest.raises(UserError, match=r"lacks '!', 'ü'; --replace"):
        all_of(text(model, data, prompt="the cät!".replace("ä", "ü"), tokens=3, seed=0))
    assert all_of(text(model, data, prompt="the cüt", tokens=3, replace=".", seed=0))[0].startswith("the c.t")
    with pytest.raises(UserError, match="--tokens must be at least 1"):
        all_of(text(model, data, tokens=0, seed=0))


@pytest.mark.parametrize("name", WRITERS)
def test_metrics_of_a_split_and_a_sample(name: str):
    data = held_out()
    values = dict(prediction(net(name, data), data))
    assert values["perplexity"] == pytest.approx(2 ** values["bits_per_char"], rel=1e-5)
    assert values["perplexity"] == pytest.approx(data.vocabulary.size, rel=0.3)
    assert ("windows of 10" in values["protocol"]) == (name == "gpt")
    shown = sample(net(name, data), data, tokens=20)["sample"]
    assert isinstance(shown, Text)
    assert len(shown.text) == 20


def test_bits_are_per_character_whatever_the_tokens_are():
    data = HeldOut(lambda: "äöü" * 30, Bytes(), 10, "")
    values = prediction(net("lstm", data), data)
    # two bytes a character; the first byte is not predicted, and leaves half a character
    assert values["bits_per_char"] == pytest.approx(2 * values["loss"] / 0.6931, rel=0.02)


def test_a_unit_s_activation_is_the_layer_s_output():
    data = held_out()
    model = net("lstm", data)
    assert isinstance(model, Recurrent)
    seen = unit_activations(model, data.tokens[:9], 0)
    x = model.embedding(data.tokens[None, :9])
    c = [model.layers[0](x[:, : t + 1], model.start(1)[:2])[1][1][0] for t in range(9)]
    torch.testing.assert_close(seen, torch.stack(c).tanh(), atol=1e-5, rtol=1e-4)


def test_the_slowest_unit_is_not_a_constant_one():
    slow = torch.sin(torch.linspace(0, 6, 100))
    fast = torch.sin(torch.linspace(0, 300, 100))
    assert slowest_unit(torch.stack([fast, 0.01 * slow, slow], 1)) == 2


def test_cells_are_coloured_in_the_terminal_and_on_a_page():
    data = held_out()
    coloured, kept = all_of(cells(net("lstm", data), data, tokens=60))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == (VERSE * 3)[:60]
    assert coloured.count("\x1b[30;48;2;") >= 55
    assert isinstance(kept["cells"], Image)
    with pytest.raises(UserError, match="GPT is not recurrent"):
        all_of(cells(net("gpt", data), data))
    with pytest.raises(UserError, match="--layer must be below 2"):
        all_of(cells(net("lstm", data), data, layer=2))


@pytest.mark.parametrize("name", WRITERS)
def test_gradient_norms_are_finite_differences(name: str):
    data = held_out()
    model = net(name, data).double()
    windows = data.tokens[:6][None]
    norms = gradient_norms(model, windows)

    def loss(x: torch.Tensor) -> float:
        return torch.nn.functional.cross_entropy(model.read(x)[0][:, -1], windows[:, -1]).item()

    x = model.embed(windows[:, :-1]).detach()
    for back in (0, 3):
        slope = torch.zeros(12)
        for k in range(12):
            moved = x.clone()
            moved[0, 4 - back, k] += 1e-5
            slope[k] = (loss(moved) - loss(x)) / 1e-5
        assert float(norms[back]) == pytest.approx(float(slope.norm()), rel=1e-3)


def test_gradients_of_a_lost_past_vanish_in_the_figure():
    data = held_out()
    result = gradients(net("lstm", data), data, length=30, count=4, seed=0)
    assert isinstance(result["gradients"], Image)
    assert 1 <= result["reach"] <= 30
    with pytest.raises(UserError, match="at most the model's context"):
        gradients(net("gpt", data), data, length=30, seed=0)


@pytest.mark.parametrize(
    ("name", "model", "options"),
    [("lstm", "recurrent", {"cell": "lstm", "units": 12}), ("gpt", "gpt", {"width": 12, "depth": 2, "heads": 2})],
)
def test_another_run_s_model_is_built_from_its_folder(
    name: str, model: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    data = held_out()
    theirs = net(name, data)
    weights = theirs.state_dict()
    if name == "gpt":
        del weights["head.weight"]  # tied: a file has one of the two
    monkeypatch.setattr(
        "dlplug_text.language.inspection.trained", lambda run: Trained(Path("there"), model, options, weights)
    )
    torch.testing.assert_close(
        other_model("there", data).eval()(data.tokens[None, :9])[0], theirs(data.tokens[None, :9])[0]
    )
    with pytest.raises(UserError, match=r"--against there has a vocabulary of \d+ tokens, this run has 256"):
        other_model("there", held_out(Bytes()))
    monkeypatch.setattr(
        "dlplug_text.language.inspection.trained", lambda run: Trained(Path("there"), "vit", options, weights)
    )
    with pytest.raises(UserError, match="--against must be a run of recurrent or gpt; there is a run of vit"):
        other_model("there", data)


class Certain(Recurrent):
    """Is confidently wrong, by so many nats; or has diverged."""

    def __init__(self, data: HeldOut, logit: float) -> None:
        super().__init__(Spec((data.window,), data.vocabulary.size), units=4)
        self.logit = logit

    def read(self, x: Any, state: Any = None) -> Any:
        logits, after = super().read(x, state)
        return logits.zero_().index_fill_(2, torch.tensor([0]), self.logit), after


@torch.no_grad()
def test_metrics_of_a_diverged_model_end_no_run():
    data = held_out()
    assert prediction(Certain(data, 5000.0), data)["perplexity"] == float("inf")
    assert math.isnan(prediction(Certain(data, math.nan), data)["perplexity"])
    assert "diverged" in sample(Certain(data, math.nan), data)["sample"].text
    with pytest.raises(UserError, match="logits are not finite: it has diverged"):
        all_of(text(Certain(data, math.nan), data, seed=0))
