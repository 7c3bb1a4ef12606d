"""Any text is decoded from its tokens, and unknown tokens are named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dlplug_words.vocabularies import (
    BPE,
    Bytes,
    Characters,
    Vocabulary,
    Words,
    build_vocabulary,
    decode_stream,
    encode_checked,
    from_state,
)
from hypothesis import given
from hypothesis import strategies as st

from dlplug import UserError

WRITTEN = "Ein Hund läuft, ein Hund läuft. Zwei Hunde – 你好 🙂\n" * 5
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
BPE_OF_IT = BPE.of(WRITTEN.splitlines(keepends=True), 300)


@given(ANY)
def test_bytes_and_bpe_encode_any_text(text: str):
    for vocabulary in (Bytes(), BPE_OF_IT):
        tokens = vocabulary.encode(text)
        assert ((tokens >= 0) & (tokens < vocabulary.size)).all()
        assert vocabulary.decode(tokens.tolist()) == text


@given(ANY, ANY)
def test_characters_have_ids_in_order_and_unknown_ones_minus_one(known: str, text: str):
    if not known:
        return
    vocabulary = Characters.of(known)
    alphabet = sorted(set(known))
    assert vocabulary.encode(text).tolist() == [alphabet.index(c) if c in alphabet else -1 for c in text]
    assert vocabulary.decode(vocabulary.encode(known).tolist()) == known


@given(ANY)
def test_a_text_in_pieces_is_the_text(text: str):
    for vocabulary in (Bytes(), BPE_OF_IT, Characters.of(text + "a")):
        assert "".join(decode_stream(vocabulary, iter(vocabulary.encode(text).tolist()))) == text


def test_a_character_of_several_bytes_is_decoded_when_it_is_whole():
    assert list(decode_stream(Bytes(), iter("aä🙂".encode()))) == ["a", "ä", "🙂"]
    assert list(decode_stream(Bytes(), iter("ä".encode()[:1]))) == ["\N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    "vocabulary", [Characters.of(WRITTEN), Bytes(), BPE_OF_IT, Words.of([WRITTEN])], ids=lambda v: type(v).__name__
)
def test_a_vocabulary_survives_a_file(vocabulary: Vocabulary):
    again = from_state(json.loads(json.dumps(vocabulary.state())))
    assert type(again) is type(vocabulary)
    assert again.size == vocabulary.size
    assert np.array_equal(again.encode(WRITTEN), vocabulary.encode(WRITTEN))
    assert len(vocabulary.pieces(WRITTEN)) == len(vocabulary.encode(WRITTEN))


def test_a_damaged_vocabulary_is_refused():
    with pytest.raises(UserError, match="not a vocabulary"):
        from_state({"kind": "runes"})


def test_a_bpe_is_learnt_from_the_training_split_alone():
    training, held_out = "abab" * 50, "xyxy" * 500
    vocabulary = build_vocabulary("bpe", 300, {"train": training, "val": held_out})
    assert len(vocabulary.encode("abab")) < 4
    assert len(vocabulary.encode("xyxy")) == 4


def test_unknown_tokens_are_named_and_replaced_only_if_asked():
    vocabulary = Characters.of("abc? ")
    with pytest.raises(UserError, match=r"the vocabulary of 5 lacks 'X', 'é'; try"):
        encode_checked(vocabulary, "aXé", advice="; try")
    assert vocabulary.decode(encode_checked(vocabulary, "aXé", replace="?").tolist()) == "a??"
    with pytest.raises(UserError, match="the replacement must be one token"):
        encode_checked(vocabulary, "aX", replace="!")


def test_words_are_the_frequent_ones_in_lower_case():
    vocabulary = Words.of(["A dog runs.", "a dog sits.", "Two dogs, running."], min_count=2)
    assert vocabulary.words == [".", "a", "dog"]
    assert vocabulary.encode("The dog ran.").tolist() == [-1, 2, -1, 0]
    assert vocabulary.decode([1, 2, 0]) == "a dog."


@pytest.mark.parametrize(
    ("kind", "size", "said"), [("bpe", 255, "at least the 256 bytes"), ("byte", 0, "Did you mean")]
)
def test_bad_options_of_a_vocabulary(kind, size: int, said: str):
    with pytest.raises(UserError, match=said):
        build_vocabulary(kind, size, {"train": "abc"})
