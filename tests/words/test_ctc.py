"""The CTC loss and its decoders against every alignment and every labelling, written out."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from dlplug_words.ctc.decoding import Labels, collapsed, greedy, likeliest_word, prefix_beam_search
from dlplug_words.ctc.loss import ctc_loss, fits, negative_log_likelihood
from dlplug_words.error_rates import edit_distance
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

ALL = 10_000  # beams, more than there are prefixes


def probabilities(log_p: Tensor, blank: int = 0) -> dict[Labels, float]:
    """p of each labelling that T frames can read as, by summing over all V^T alignments."""
    found: dict[Labels, float] = {}
    frames = log_p.exp().tolist()
    for alignment in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        p = math.prod(frame[symbol] for frame, symbol in zip(frames, alignment, strict=True))
        labels = collapsed(alignment, blank)
        found[labels] = found.get(labels, 0.0) + p
    return found


def random_log_p(frames: int, symbols: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(frames, symbols, generator=generator, dtype=torch.double)).log_softmax(1)


def padded(labels: list[Labels], fill: int) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in labels])
    return torch.tensor([[*row, *[fill] * (int(lengths.max()) - len(row))] for row in labels]), lengths


@pytest.mark.parametrize("blank", [0, 2])
def test_the_loss_is_the_sum_over_all_alignments(blank: int):
    log_p = random_log_p(5, 3, blank)
    known = probabilities(log_p, blank)
    assert sum(known.values()) == pytest.approx(1)
    labels, label_lengths = padded(list(known), fill=1)
    count = len(known)
    nats = negative_log_likelihood(
        log_p.expand(count, -1, -1), torch.full((count,), 5), labels, label_lengths, blank=blank
    )
    assert nats.exp().reciprocal().tolist() == pytest.approx(list(known.values()))


@given(st.integers(0, 99))
def test_the_likeliest_word_has_the_most_probable_alignments(seed: int):
    # the last word does not fit into three frames
    vocabulary: list[Labels] = [(1,), (1, 2), (2, 1, 2), (2, 2), (1, 1, 2, 2)]
    lengths = torch.tensor([5, 3])
    log_p = torch.stack([random_log_p(5, 3, seed), random_log_p(5, 3, seed + 1000)])
    words, word_lengths = padded(vocabulary, fill=1)
    expected = []
    for row, length in zip(log_p, lengths.tolist(), strict=True):
        known = probabilities(row[:length])
        expected.append(max(range(5), key=lambda n: known.get(vocabulary[n], 0.0)))
    assert likeliest_word(log_p, lengths, words, word_lengths).tolist() == expected


def random_batch(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 11, 4, generator=generator, dtype=torch.double)
    lengths = torch.tensor([11, 8, 3, 5, 1, 2])
    return logits, lengths, torch.randint(1, 4, (6, 4), generator=generator), torch.tensor([4, 2, 0, 1, 2, 1])


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_torch_s_and_has_its_gradient(seed: int):
    logits, lengths, labels, label_lengths = random_batch(seed)
    theirs = F.ctc_loss(logits.log_softmax(2).transpose(0, 1), labels, lengths, label_lengths, reduction="none")
    torch.testing.assert_close(negative_log_likelihood(logits, lengths, labels, label_lengths), theirs)
    assert torch.equal(theirs.isfinite(), fits(lengths, labels, label_lengths))
    gradients = []
    for written_out in (False, True):
        x = logits.clone().requires_grad_()
        loss = ctc_loss(x, lengths, labels, label_lengths, written_out=written_out)
        gradients.append(torch.autograd.grad(loss, x)[0])
        assert gradients[-1].isfinite().all()
    torch.testing.assert_close(*gradients)


def test_padding_and_frames_after_the_end_change_nothing():
    logits, lengths, labels, label_lengths = random_batch(0)
    nats = negative_log_likelihood(logits, lengths, labels, label_lengths)
    for row, (length, count) in enumerate(zip(lengths.tolist(), label_lengths.tolist(), strict=True)):
        alone = negative_log_likelihood(
            logits[row, None, :length], lengths[row, None], labels[row, None, :count], label_lengths[row, None]
        )
        torch.testing.assert_close(alone[0], nats[row])


def test_labels_that_do_not_fit_have_no_probability_and_no_gradient():
    logits = torch.randn(3, 3, 3, requires_grad=True)
    lengths, labels = torch.tensor([3, 3, 2]), torch.tensor([[1, 1], [1, 2], [2, 2]])
    label_lengths = torch.tensor([2, 2, 2])
    nats = negative_log_likelihood(logits, lengths, labels, label_lengths)
    assert nats.isfinite().tolist() == [True, True, False]  # a repeated label needs a blank between
    (gradient,) = torch.autograd.grad(ctc_loss(logits, lengths, labels, label_lengths, written_out=True), logits)
    assert gradient[2].abs().max() == 0
    assert gradient[:2].abs().amax((1, 2)).min() > 0


def test_the_written_out_loss_reads_nothing_on_the_host():
    batch = (part.to("meta") for part in random_batch(0))
    assert ctc_loss(*batch, written_out=True).shape == ()


def test_a_loss_in_half_precision_is_computed_in_fp32():
    logits, lengths, labels, label_lengths = random_batch(1)
    half = logits.bfloat16()
    loss = ctc_loss(half, lengths, labels, label_lengths, written_out=True)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, ctc_loss(half.float(), lengths, labels, label_lengths))


def test_an_alignment_reads_as_its_labels():
    assert collapsed([0, 1, 1, 0, 1, 2, 2, 0]) == (1, 1, 2)
    assert collapsed([0, 1, 1, 0, 1, 2, 2, 0], blank=2) == (0, 1, 0, 1, 0)
    assert collapsed([0, 0]) == ()


def test_greedy_decoding_takes_the_likeliest_alignment():
    paths = torch.tensor([[1, 1, 0, 1], [2, 0, 0, 2]])
    assert greedy(F.one_hot(paths, 3).float(), torch.tensor([4, 3])) == [(1, 1), (2,)]


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 2))
def test_a_wide_beam_finds_each_labelling_with_its_probability(seed: int, frames: int, blank: int):
    log_p = random_log_p(frames, 3, seed)
    known = probabilities(log_p, blank)
    found = prefix_beam_search(log_p, ALL, blank=blank)
    assert {labels: math.exp(value) for labels, value in found if value > -math.inf} == pytest.approx(known)
    assert found[0].labels == max(known, key=lambda labels: known[labels])
    assert [value for _, value in found] == sorted((value for _, value in found), reverse=True)


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_a_narrow_beam_overstates_nothing(seed: int, beams: int):
    log_p = random_log_p(6, 3, seed)
    known = probabilities(log_p)
    found = prefix_beam_search(log_p, beams)
    assert 1 <= len(found) <= beams
    assert all(math.exp(value) <= known[labels] * (1 + 1e-9) for labels, value in found)


def test_a_language_model_s_score_is_added_for_each_label():
    log_p = random_log_p(5, 3, 7)
    known = probabilities(log_p)

    def language_model(prefix: Labels, label: int) -> float:
        return 0.3 * len(prefix) - 0.7 * label

    scored = {
        labels: math.log(p) + sum(language_model(labels[:n], label) for n, label in enumerate(labels))
        for labels, p in known.items()
    }
    found = prefix_beam_search(log_p, ALL, language_model=language_model)
    assert {labels: value for labels, value in found if value > -math.inf} == pytest.approx(scored)


def test_the_sum_over_alignments_may_differ_from_the_likeliest_one():
    log_p = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()  # blank twice: 0.36; label 1 in one frame or both: 0.64
    assert greedy(log_p[None], torch.tensor([2])) == [()]
    assert prefix_beam_search(log_p, 3)[0].labels == (1,)
    assert prefix_beam_search(log_p, 3, min_log_p=math.log(0.5))[0].labels == ()


def test_no_beam_is_refused():
    with pytest.raises(ValueError, match="beams must be at least 1, got 0"):
        prefix_beam_search(random_log_p(2, 3, 0), 0)


def strokes(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noisy frames (B, T, 4) in which each label is held for two to four frames, after zero to two frames of noise; a
    repeated label is always set off by one."""
    rows, labels = [], []
    for _ in range(count):
        sequence = torch.randint(1, 5, (int(torch.randint(2, 6, (), generator=generator)),), generator=generator)
        frames, last = list[int](), 0
        for label in sequence.tolist():
            gap = int(torch.randint(0, 3, (), generator=generator)) or int(label == last)
            frames += [0] * gap + [label] * int(torch.randint(2, 5, (), generator=generator))
            last = label
        rows.append(F.one_hot(torch.tensor(frames), 5)[:, 1:].float())
        labels.append(sequence)
    lengths, label_lengths = (torch.tensor([len(row) for row in part]) for part in (rows, labels))
    x = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    x = x + 0.15 * torch.randn(x.shape, generator=generator)
    return x, lengths, nn.utils.rnn.pad_sequence(labels, batch_first=True), label_lengths


def test_a_small_network_learns_to_read():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    net = nn.Sequential(nn.Conv1d(4, 24, 3, padding=1), nn.ReLU(), nn.Conv1d(24, 5, 3, padding=1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    x, *rest = strokes(100, generator)
    for _ in range(80):
        loss = ctc_loss(net(x.mT).mT, *rest)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, lengths, labels, label_lengths = strokes(20, generator)
    logits = net(x.mT).mT.detach()
    expected = [tuple(row[:n]) for row, n in zip(labels.tolist(), label_lengths.tolist(), strict=True)]
    by_beam = [
        prefix_beam_search(row[:length].log_softmax(1), 5, min_log_p=-8.0)[0].labels
        for row, length in zip(logits, lengths.tolist(), strict=True)
    ]
    for found in (greedy(logits, lengths), by_beam):
        assert sum(map(edit_distance, found, expected)) == 0
