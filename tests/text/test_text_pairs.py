"""Sentence pairs stay aligned, wherever they come from, and dates have one right answer."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import re
from itertools import islice
from pathlib import Path

import dlplug_text.data.pair_sets as pair_sets
import pytest
import torch
from dlplug_text.data.corpora import read_text
from dlplug_text.data.dates import Dates, random_dates
from dlplug_text.data.pair_sets import Multi30k, PairFiles
from dlplug_text.data.pairs import BOS, EOS, PAD, UNK, PairOptions, build_tokenizer, epoch_batches, padded, unknown
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dlplug import Remote, UserError, testing
from dlplug.downloads import data_folder

MODEL = nn.Linear(1, 1)
REAL = data_folder() / "multi30k" / "train.de.gz"
GERMAN = [f"ein Hund läuft {n} mal." for n in range(30)]
ENGLISH = [f"a dog runs {n} times." for n in range(30)]


@pytest.mark.parametrize("kind", ["words", "bpe", "characters"])
def test_a_sentence_is_decoded_from_its_token_ids(kind):
    side = build_tokenizer(PairOptions(kind, 300), ENGLISH)
    tokens = side.encode("a dog runs.")
    assert tokens[-1] == EOS
    assert min(tokens[:-1]) > UNK
    assert side.decode([*tokens, PAD, PAD]) == "a dog runs."
    assert side.pieces([BOS, UNK, EOS, PAD]) == ["‹", "?", "›", ""]
    assert len(side.pieces(tokens)) == len(tokens)


def test_lowercase_converts_every_sentence():
    side = build_tokenizer(PairOptions("bpe", 300, lowercase=True), ENGLISH)
    assert side.decode(side.encode("A Dog RUNS.")) == "a dog runs."
    assert unknown(build_tokenizer(PairOptions("characters", lowercase=True), ["ab"]), "Ab") == []
    assert unknown(build_tokenizer(PairOptions("characters"), ["ab"]), "Ab") == ["A"]


def test_unknown_tokens_are_unk_and_can_be_named():
    side = build_tokenizer(PairOptions("words"), ENGLISH)
    assert side.encode("a cat runs")[1] == UNK
    assert unknown(side, "a cat runs") == ["cat"]
    assert unknown(build_tokenizer(PairOptions("bpe", 300), ENGLISH), "eine Katze läuft") == []


@given(st.lists(st.integers(1, 30), min_size=4, max_size=400), st.integers(1, 4), st.integers(0, 99))
def test_an_epoch_has_each_pair_at_most_once(lengths: list[int], batch_size: int, seed: int):
    batches = epoch_batches(torch.tensor(lengths), batch_size, seed, epoch=1)
    seen = [int(n) for batch in batches for n in batch]
    assert {len(batch) for batch in batches} == {batch_size}
    assert len(set(seen)) == len(seen) == len(lengths) // batch_size * batch_size


def test_pairs_of_a_batch_have_similar_lengths():
    lengths = torch.randint(1, 100, (3000,))
    spread = [int(lengths[batch].max() - lengths[batch].min()) for batch in epoch_batches(lengths, 10, 0, 0)]
    assert sum(spread) / len(spread) < 5


def test_shorter_sentences_are_padded():
    assert padded([[5, 6, 7], [8]]).tolist() == [[5, 6, 7], [8, PAD, PAD]]


def write_columns(folder: Path) -> Path:
    path = folder / "pairs.tsv"
    path.write_text("".join(f"{g}\t{e}\n" for g, e in zip(GERMAN, ENGLISH, strict=True)), encoding="utf-8")
    return path


def test_two_columns_and_two_files_are_the_same_pairs(tmp_path: Path):
    (tmp_path / "x.de").write_text("\n".join(GERMAN), encoding="utf-8")
    (tmp_path / "x.en").write_text("\n".join(ENGLISH), encoding="utf-8")
    options = PairOptions(vocabulary="characters", batch_size=4)
    one = PairFiles(path=str(write_columns(tmp_path)), options=options, seed=0)
    other = PairFiles(path=str(tmp_path / "x.de"), beside=str(tmp_path / "x.en"), options=options, seed=0)
    assert one.parts == other.parts
    assert one.parts is not None
    assert [len(part.source) for part in one.parts.values()] == [24, 3, 3]
    for part in one.parts.values():
        assert all(e == ENGLISH[GERMAN.index(g)] for g, e in zip(*part, strict=True))
    for batch in islice(one.batches(MODEL), 13):
        for source, target in zip(batch.source.tolist(), batch.target.tolist(), strict=True):
            assert target[0] == BOS
            assert one.target.decode(target[1:]) == ENGLISH[GERMAN.index(one.source.decode(source))]
        assert list(batch.lengths) == sorted(batch.lengths, reverse=True)
        assert list(batch.lengths) == (batch.source != PAD).sum(1).tolist()
    assert (one.count, one.epoch) == (13 * 4, 2)
    assert one.steps_per_epoch() == 24 // 4


# what str.splitlines cuts at beside line feeds, and a sentence may hold
SEPARATORS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029\r"


def test_only_line_feeds_end_a_line(tmp_path: Path):
    german = [f"ein{SEPARATORS[n % 9]}Hund läuft {n} mal." for n in range(30)]
    (tmp_path / "x.de").write_bytes("\n".join(german).encode())
    (tmp_path / "x.en").write_bytes(("\ufeff" + "\r\n".join(ENGLISH) + "\r\n").encode())
    (tmp_path / "both.tsv").write_bytes("".join(f"{g}\t{e}\n" for g, e in zip(german, ENGLISH, strict=True)).encode())
    options = PairOptions(vocabulary="characters", batch_size=4)
    for data in (
        PairFiles(path=str(tmp_path / "x.de"), beside=str(tmp_path / "x.en"), options=options, seed=0),
        PairFiles(path=str(tmp_path / "both.tsv"), options=options, seed=0),
    ):
        assert data.parts is not None
        pairs = [pair for part in data.parts.values() for pair in zip(*part, strict=True)]
        assert sorted(pairs) == sorted(zip(german, ENGLISH, strict=True))


def test_pairs_resume_exactly(tmp_path: Path):
    data = PairFiles(path=str(write_columns(tmp_path)), options=PairOptions(vocabulary="words", batch_size=5), seed=2)
    testing.check_data(data, MODEL, count=6)


def test_bad_files_of_pairs_are_one_clear_line(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = write_columns(tmp_path)
    (tmp_path / "short.en").write_text("\n".join(ENGLISH[:-1]), encoding="utf-8")
    with pytest.raises(UserError, match=r"pairs\.tsv and .*short\.en have 30 and 29 lines; every pair needs"):
        PairFiles(path=str(path), beside=str(tmp_path / "short.en"), seed=0)
    path.write_text("ein Hund\ta dog\nnothing\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"pairs\.tsv, line 2, has 1 columns; expected a sentence, a tab"):
        PairFiles(path=str(path), seed=0)
    path.write_bytes(b"ein Hund\ta d\xe4g\n")
    with pytest.raises(UserError, match="0xe4 at offset 12"):
        PairFiles(path=str(path), seed=0)
    path.write_text("ein Hund\ta dog\n", encoding="utf-8")
    with pytest.raises(UserError, match="must leave pairs for each split of 1 pairs"):
        PairFiles(path=str(path), seed=0)
    with pytest.raises(UserError, match=r"^--data pairs needs --data\.path: a file of two columns"):
        PairFiles(seed=0)
    with pytest.raises(UserError, match=r"--data\.batch-size must be between 1 and the 24 pairs, got 25"):
        PairFiles(path=str(write_columns(tmp_path)), options=PairOptions(batch_size=25), seed=0)
    with caplog.at_level("INFO", "dlplug"):
        data = PairFiles(
            path=str(path), options=PairOptions(vocabulary="characters", max_length=22, batch_size=2), seed=0
        )
    assert 0 < len(data.training) < 24
    assert f"{24 - len(data.training)} of 24 pairs, longer than --data.max-length" in caplog.text


def iso(written: str) -> str:
    """A date parsed by regular expressions."""
    months = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
    if match := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", written):
        year, month, day = map(int, match.groups())
    elif match := re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", written):
        day, month, year = map(int, match.groups())
    elif match := re.fullmatch(r"(\d+)/(\d+)/(\d+)", written):
        month, day, year = map(int, match.groups())
    else:
        (name,) = [w for w in re.findall(r"[a-z]+", written.lower()) if w[:3] in months and not w.endswith("day")][-1:]
        month = months[name[:3]]
        day, year = map(int, re.findall(r"\d+", written))
    year += 0 if year > 99 else 1900 if year >= 50 else 2000
    return datetime.date(year, month, day).isoformat()


def test_dates_have_one_right_answer_and_held_out_days_are_not_in_training():
    parts = [random_dates(2000, range(8), 0), random_dates(500, [8], 1), random_dates(500, [9], 2)]
    for part in parts:
        for written, answer in zip(*part, strict=True):
            assert iso(written) == answer, written
    days = [set(part.target) for part in parts]
    assert not days[0] & days[1]
    assert not (days[0] | days[1]) & days[2]
    assert random_dates(10, range(8), 0) == random_dates(10, range(8), 0)
    with pytest.raises(UserError, match=r"--data\.dates must be at least 1"):
        Dates(dates=0, seed=0)


def test_multi30k_is_read_by_name_and_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    (tmp_path / "multi30k").mkdir()
    for name, remote in list(pair_sets.MULTI30K.items()):
        content = gzip.compress("\n".join(GERMAN if name.endswith("de") else ENGLISH).encode())
        (tmp_path / remote.path).write_bytes(content)
        nowhere = "http://127.0.0.1:9/nothing"
        known = Remote(remote.path, nowhere, len(content), hashlib.sha256(content).hexdigest())
        monkeypatch.setitem(pair_sets.MULTI30K, name, known)
    data = Multi30k(options=PairOptions(vocabulary="characters", batch_size=4), seed=0)
    assert data.part("test").source == GERMAN
    assert (
        Multi30k(source="en", options=PairOptions(vocabulary="characters", batch_size=4), seed=0).part("test").source
        == ENGLISH
    )
    (tmp_path / "multi30k" / "val.en.gz").unlink()
    with pytest.raises(UserError, match=r"val\.en\.gz is missing in .*DLPLUG_DATA.*translate-dates needs no download"):
        Multi30k(seed=0)
    with pytest.raises(UserError, match="must be de or en"):
        Multi30k(source="fr", seed=0)  # pyright: ignore[reportArgumentType]


@pytest.mark.skipif(not REAL.is_file(), reason=f"no {REAL} (DLPLUG_DATA)")
def test_the_real_multi30k_is_what_its_authors_say():
    data = Multi30k(options=PairOptions(vocabulary="words"), seed=0)
    assert data.parts is not None
    assert [len(part.source) for part in data.parts.values()] == [29_000, 1_014, 1_000]
    assert data.part("train").target[0] == "Two young, White males are outside near many bushes."


def test_advice_about_a_single_file_names_no_option_for_folders(tmp_path):
    file = tmp_path / "latin.de"
    file.write_bytes("grüße".encode("latin-1"))
    with pytest.raises(UserError, match=r"convert it \(iconv -t utf-8\)$"):
        read_text(file)
    with pytest.raises(UserError, match=r"or exclude it by --data\.pattern"):
        read_text(tmp_path)
