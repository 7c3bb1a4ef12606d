"""Translation models compute the papers' equations, and beam search finds what exhaustive search finds."""

from __future__ import annotations

import itertools
import math
from typing import Any

import meta
import pytest
import torch
import torch.nn.functional as F
from dlplug_text.data.pairs import (
    BOS,
    EOS,
    PAD,
    UNK,
    HeldOutPairs,
    Pair,
    PairOptions,
    PairSpec,
    Sentences,
    build_tokenizer,
    padded,
)
from dlplug_text.translation.loss import translation
from dlplug_text.translation.metrics import bleu, exact_match, translation_loss
from dlplug_text.translation.model import Encoded, Translator
from dlplug_text.translation.recurrent import AdditiveAttention, EncoderDecoder
from dlplug_text.translation.samplers import attention_weights, translate
from dlplug_text.translation.search import search
from dlplug_text.translation.transformer import Transformer
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug import Image, UserError, testing

SPEC = PairSpec((20,), 7, source=9)
BUILD = {
    "plain": lambda spec: EncoderDecoder(spec, units=10, attention=False),
    "attention": lambda spec: EncoderDecoder(spec, units=10),
    "transformer": lambda spec: Transformer(spec, width=8, depth=2, heads=2, hidden=12),
}
SOURCE = padded([[5, 6, 7, 4, EOS], [8, 4, EOS]])
TARGET = padded([[BOS, 4, 5, EOS], [BOS, 6, 4, 5, 5, EOS]])


@pytest.fixture(params=BUILD)
def translator(request: pytest.FixtureRequest) -> Translator:
    torch.manual_seed(3)
    return BUILD[request.param](SPEC).eval()


def test_padding_changes_nothing(translator: Translator):
    together = translator(SOURCE, TARGET)
    alone = translator(SOURCE[1:, :3], TARGET[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)


def test_known_lengths_change_nothing(translator: Translator):
    torch.testing.assert_close(translator(SOURCE, TARGET, (5, 3)), translator(SOURCE, TARGET))


def test_a_step_of_the_transformer_copies_nothing_to_the_device():
    model = BUILD["transformer"](SPEC)
    meta.step(translation(model.to("meta")), Pair(SOURCE, TARGET))


def test_decoding_step_by_step_is_decoding_at_once(translator: Translator):
    whole = translator(SOURCE, TARGET)
    encoded = translator.encode(SOURCE)
    state, steps = translator.start(encoded), []
    for t in range(TARGET.shape[1]):
        logits, state, _ = translator.decode(TARGET[:, t : t + 1], encoded, state)
        steps.append(logits)
    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-4)
    assert all(len(part) == 2 for part in state)


def test_no_logit_depends_on_later_target_tokens(translator: Translator):
    changed = TARGET.clone()
    changed[:, 3:] = 6
    torch.testing.assert_close(translator(SOURCE, TARGET)[:, :3], translator(SOURCE, changed)[:, :3])


def test_additive_attention_is_the_paper_s_by_loops():
    layer = AdditiveAttention(3, 4, 5)
    s, h, mask = torch.randn(1, 3), torch.randn(1, 6, 4), torch.tensor([[True] * 4 + [False] * 2])
    U, u = layer.of_state.weight, layer.of_state.bias
    scores = [
        (layer.score.weight[0] @ torch.tanh(layer.of_query.weight @ s[0] + U @ h[0, j] + u)).item() for j in range(4)
    ]
    total = sum(math.exp(e) for e in scores)
    context, alpha = layer(s, h, layer.of_state(h), mask)
    assert alpha[0].tolist() == pytest.approx([math.exp(e) / total for e in scores] + [0, 0], abs=1e-6)
    torch.testing.assert_close(context[0], sum(a * h[0, j] for j, a in enumerate(alpha[0])))


def test_the_loss_is_of_every_token_but_padding(translator: Translator):
    loss = translation(translator)
    (update,) = loss.updates(Pair(SOURCE, TARGET))
    log_p = translator(SOURCE, TARGET[:, :-1]).log_softmax(2)
    wanted = [-log_p[b, t, TARGET[b, t + 1]] for b in range(2) for t in range(5) if TARGET[b, t + 1] != PAD]
    assert len(wanted) == 8
    assert update.loss.item() == pytest.approx(torch.stack(wanted).mean().item(), rel=1e-5)
    testing.check_loss(loss, Pair(SOURCE, TARGET))
    with pytest.raises(UserError, match="smoothing"):
        list(translation(translator, smoothing=1.0).updates(Pair(SOURCE, TARGET)))


class Table(Translator):
    """The next token depends on the last one alone, and EOS is never unlikely: all translations can be enumerated."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.logits = torch.randn(7, 7, generator=torch.Generator().manual_seed(seed))
        self.logits[:, EOS] += 2.0

    def encode(self, source: torch.Tensor, lengths: Any = ()) -> Encoded:
        return Encoded(torch.zeros(len(source), 1, 1), source != PAD, ())

    def start(self, encoded: Encoded) -> tuple[torch.Tensor, ...]:
        return ()

    def decode(self, tokens: torch.Tensor, encoded: Encoded, state: Any) -> Any:
        return self.logits[tokens], (), None


def log_probability(model: Table, tokens: tuple[int, ...]) -> float:
    """Of a translation and its EOS, without the tokens that no translation has."""
    table = model.logits.clone()
    table[:, [PAD, BOS, UNK]] = -torch.inf
    log_p = table.log_softmax(1)
    return sum(float(log_p[last, token]) for last, token in itertools.pairwise([BOS, *tokens, EOS]))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0]))
@settings(max_examples=10, deadline=None)
def test_a_wide_beam_finds_the_best_of_all_translations(seed: int, length_power: float):
    model = Table(seed)
    everything = [t for n in range(6) for t in itertools.product((4, 5, 6), repeat=n)]
    scored = {t: log_probability(model, t) / (len(t) + 1) ** length_power for t in everything}
    (found,) = search(model, torch.tensor([[5, EOS]]), beams=500, length_power=length_power)
    assert scored.get(tuple(found), -log_probability(model, tuple(found))) >= max(scored.values()) - 1e-5


@torch.no_grad()
def test_one_beam_is_greedy(translator: Translator):
    source, decode = torch.tensor([[5, 6, EOS]]), list[int]()
    for _ in range(2 * 3 + 10):
        logits = translator(source, torch.tensor([[BOS, *decode]]))[0, -1]
        logits[[PAD, BOS, UNK]] = -torch.inf
        if int(logits.argmax()) == EOS:
            break
        decode.append(int(logits.argmax()))
    assert search(translator, source) == [decode]


@torch.no_grad()
def test_a_batched_search_is_the_search_for_each(translator: Translator):
    both = search(translator, SOURCE, beams=3)
    one = search(translator, SOURCE[:1], beams=3)[0]
    # a shorter sentence alone may be cut earlier
    assert both[0] == one


SENTENCES = Sentences(["ein hund", "eine katze", "ein hund ruht"], ["a dog", "a cat", "a dog rests"])


def held_out() -> HeldOutPairs:
    source, target = (build_tokenizer(PairOptions("characters"), side) for side in SENTENCES)
    return HeldOutPairs(lambda: SENTENCES, source, target, "three pairs")


class Parrot(Translator):
    """Knows the answers."""

    def __init__(self, data: HeldOutPairs, wrong: int = 0) -> None:
        super().__init__()
        answers = ["a cod"] * wrong + list(SENTENCES.target[wrong:])
        self.answers = {
            tuple(data.source.encode(s)): [*data.target.encode(a), EOS]
            for s, a in zip(SENTENCES.source, answers, strict=True)
        }
        self.size, self.weight = data.target.size, torch.nn.Parameter(torch.zeros(1))

    def encode(self, source: torch.Tensor, lengths: Any = ()) -> Encoded:
        mask = [self.answers[tuple(t for t in row if t != PAD)] for row in source.tolist()]
        return Encoded(padded(mask).float(), source != PAD, ())

    def start(self, encoded: Any) -> Any:
        return (encoded.states, torch.zeros(len(encoded.states), dtype=torch.long))

    def decode(self, tokens: torch.Tensor, encoded: Any, state: Any) -> Any:
        answers, past = state
        place = (past[:, None] + torch.arange(tokens.shape[1])).clamp(max=answers.shape[1] - 1)
        logits = 20.0 * F.one_hot(answers.gather(1, place).long(), self.size).float()
        return logits, (answers, past + tokens.shape[1]), None


def test_metrics_of_known_translations():
    data = held_out()
    perfect, flawed = Parrot(data), Parrot(data, wrong=1)
    assert exact_match(perfect, data)["exact"] == 1.0
    assert exact_match(flawed, data, beams=2)["exact"] == pytest.approx(2 / 3)
    assert exact_match(flawed, data, count=1)["exact"] == 0.0
    assert "  → a cod\n  = a dog" in exact_match(flawed, data)["examples"].text
    assert translation_loss(perfect, data)["perplexity"] == pytest.approx(1.0, abs=1e-3)
    assert translation_loss(flawed, data)["perplexity"] > 2
    with pytest.raises(UserError, match="--beams must be at least 1"):
        exact_match(perfect, data, beams=0)


def test_bleu_is_sacrebleu_s_and_says_its_signature():
    import sacrebleu

    data = held_out()
    values = bleu(Parrot(data, wrong=1), data)
    theirs = sacrebleu.corpus_bleu(["a cod", "a cat", "a dog rests"], [list(SENTENCES.target)], lowercase=True)
    assert values["bleu"] == pytest.approx(theirs.score)
    assert "three pairs; greedy; sacrebleu nrefs:1|case:lc" in values["protocol"]
    assert "tok:13a" in values["protocol"]


def run_through(generator: Any) -> tuple[str, Any]:
    pieces = []
    while True:
        try:
            pieces.append(next(generator))
        except StopIteration as end:
            return "".join(pieces), end.value


@pytest.mark.parametrize("name", BUILD)
def test_a_sentence_is_translated_with_an_attention_figure(name: str):
    data = held_out()
    torch.manual_seed(0)
    model = BUILD[name](PairSpec((20,), data.target.size, source=data.source.size)).eval()
    written, kept = run_through(translate(model, data, prompt="ein hund", beams=2))
    assert written.endswith("\n")
    assert isinstance(kept.get("attention"), Image) == (name != "plain")
    with pytest.raises(UserError, match=r"the vocabulary lacks 'q', 'x'; --replace"):
        run_through(translate(model, data, prompt="ein qx"))
    run_through(translate(model, data, prompt="ein qx", replace=True))
    with pytest.raises(UserError, match="--number must be between 0 and 2"):
        run_through(translate(model, data, number=3))


def test_attention_weights_sum_to_1_over_the_source(translator: Translator):
    weights = attention_weights(translator, SOURCE[:1], [4, 5])
    if isinstance(translator, EncoderDecoder) and translator.attention is None:
        assert weights is None
        return
    assert weights is not None
    assert weights.shape == (3, 5)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))


def test_uniform_attention_is_visible(monkeypatch: pytest.MonkeyPatch):
    drawn: list[Any] = []
    monkeypatch.setattr("dlplug_text.drawing.to_image", lambda figure, caption: drawn.append(figure))
    data = held_out()
    model = BUILD["attention"](PairSpec((20,), data.target.size, source=data.source.size)).eval()
    run_through(translate(model, data, prompt="ein hund", beams=1))
    axes = drawn[0].axes[0]
    (shade,) = axes.images
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source", "translation")
    assert shade.norm.vmax == pytest.approx(shade.get_array().max())
    assert min(shade.to_rgba(0.0)[:3]) > 0.9  # little attention is pale, not black among black
