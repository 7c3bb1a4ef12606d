"""A text is read unchanged, wherever it comes from, and batched without losing or repeating a token."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import dlplug_text.data.texts as texts
import pytest
import torch
from dlplug_text.data.corpora import read_text, split_by_tail, standard_library
from dlplug_text.data.streams import TextOptions, TextStream
from dlplug_text.data.texts import StandardLibrary, TextFiles, TinyShakespeare
from hypothesis import given
from hypothesis import strategies as st
from served import served
from torch import nn

from dlplug import Remote, UserError, testing
from dlplug.downloads import data_folder

VERSE = "the cat sat on the mat,\nand the rat ran from the cat.\n"
MODEL = nn.Linear(1, 1)
REAL = data_folder() / "text" / "tinyshakespeare.txt"


def stream(text: str, seed: int = 3, **options) -> TextStream:
    return TextStream(lambda: {"train": text, "val": text[:20]}, ("val",), "", TextOptions(**options), seed=seed)


def test_windows_are_slices_of_the_text_and_their_next_tokens():
    data = stream(VERSE * 20, window=10, batch_size=7)
    assert data.steps_per_epoch() == len(VERSE * 20) // 70
    for batch in islice(data.batches(MODEL), 5):
        assert batch.x.shape == batch.y.shape == (7, 10)
        assert not batch.carried.any()
        for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
            assert x[1:] == y[:-1]
            assert data.vocabulary.decode([*x, y[-1]]) in VERSE * 20
    assert data.count == 5 * 70


def test_windows_begin_everywhere():
    data = stream("abcdefgh", window=3, batch_size=200)
    first = {row[0] for row in next(data.batches(MODEL)).x.tolist()}
    assert first == {0, 1, 2, 3, 4}


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 60))
def test_a_stream_is_read_in_order_and_starts_again(rows: int, window: int, more: int):
    text = (VERSE * 5)[: rows * (window + 1) + more]
    data = stream(text, order="stream", batch_size=rows, window=window)
    length = len(text) // rows
    per_pass = (length - 1) // window
    assert data.steps_per_epoch() == per_pass
    batches = list(islice(data.batches(MODEL), 2 * per_pass))
    for number, batch in enumerate(batches):
        assert batch.carried.tolist() == [number % per_pass > 0] * rows
        assert torch.equal(batch.x[:, 1:], batch.y[:, :-1])
    for row in range(rows):
        one, other = (
            data.vocabulary.decode(t for batch in part for t in batch.x[row].tolist())
            for part in (batches[:per_pass], batches[per_pass:])
        )
        assert one == other == text[row * length : row * length + per_pass * window]


@pytest.mark.parametrize("order", ["windows", "stream"])
def test_both_orders_resume_exactly(order):
    data = stream(VERSE * 20, order=order, window=16, batch_size=4)
    testing.check_data(data, MODEL, count=20)


def test_a_file_and_a_folder_are_one_text(tmp_path: Path):
    (tmp_path / "b.txt").write_text("second ", encoding="utf-8")
    (tmp_path / "a.txt").write_text("first ", encoding="utf-8")
    (tmp_path / "notes.md").write_text("left out", encoding="utf-8")
    (tmp_path / ".hidden.txt").write_text("left out", encoding="utf-8")
    below = tmp_path / "c"
    below.mkdir()
    (below / "d.txt").write_text("drítte\r\n", encoding="utf-8")
    assert read_text(tmp_path, "*.txt") == "first second drítte\r\n"
    assert read_text(tmp_path / "a.txt") == "first "


def test_a_tail_is_held_out():
    text = "".join(chr(33 + n % 90) for n in range(1000))
    parts = split_by_tail(text, 0.1, 0.2)
    assert [len(part) for part in parts.values()] == [700, 100, 200]
    assert "".join(parts.values()) == text
    assert [len(part) for part in split_by_tail(text, 0.1, 0.0).values()] == [900, 100]
    with pytest.raises(UserError, match="must be fractions that sum to less than 1"):
        split_by_tail(text, 0.6, 0.4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"abc\xff\xfedef", r"is not UTF-8: the byte 0xff at offset 3"),
        (
            b"too short for it",
            r"the train split has 12 tokens, too few for one window of 64 and the token after; use at least 65",
        ),
    ],
)
def test_an_unusable_file_is_one_clear_line(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said):
        TextFiles(path=str(path), seed=0)


def test_other_bad_input(tmp_path: Path, verses: Path):
    with pytest.raises(UserError, match=r"^--data text needs --data\.path: a UTF-8 file"):
        TextFiles(seed=0)
    with pytest.raises(UserError, match="neither a file nor a folder"):
        TextFiles(path=str(tmp_path / "nothing"), seed=0)
    with pytest.raises(UserError, match=r"no file that matches --data\.pattern '\*\.py'"):
        TextFiles(path=str(tmp_path), pattern="*.py", seed=0)
    with pytest.raises(UserError, match=r"--data\.window must be at least 1"):
        TextFiles(path=str(verses), options=TextOptions(window=0), seed=0)
    with pytest.raises(UserError, match="too few for 100 streams of one window of 64"):
        TextFiles(path=str(verses), options=TextOptions(order="stream", batch_size=100), seed=0)


def test_the_standard_library_is_split_by_modules_into_96_characters():
    parts = standard_library()
    assert set("".join(parts.values())) == {"\n", *map(chr, range(32, 127))}
    assert "class ArgumentParser" in parts["train"]
    assert "class HTMLCalendar" in parts["val"]
    assert "def heappush" in parts["test"]
    assert len(parts["train"]) > 2_000_000
    assert min(len(parts["val"]), len(parts["test"])) > 80_000
    assert platform.python_version() in StandardLibrary(seed=0).protocol


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serves a folder, which has a play of 5,400 bytes that is known by its size and sha256."""
    folder = tmp_path / "served"
    folder.mkdir()
    content = (VERSE * 100).encode()
    (folder / "input.txt").write_bytes(content)
    with served(folder) as address:
        remote = Remote("text/play.txt", f"{address}/input.txt", len(content), hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(texts, "SHAKESPEARE", remote)
        monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "data"))
        yield folder


def test_shakespeare_is_downloaded_once_and_a_damaged_file_is_refused(server: Path, tmp_path: Path):
    data = TinyShakespeare(seed=0)
    assert len(data.part("val")) == len(VERSE * 100) // 10
    (server / "input.txt").unlink()
    TinyShakespeare(seed=0)  # from the data folder
    path = tmp_path / "data" / "text" / "play.txt"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=rf"play\.txt is damaged: {len(VERSE) * 100 - 9} bytes of {len(VERSE) * 100}"):
        TinyShakespeare(seed=0)
    path.unlink()
    with pytest.raises(UserError, match=r"play\.txt is missing in .*404.*put http://127.*DLPLUG_DATA.*char-lstm"):
        TinyShakespeare(seed=0)


def test_a_damaged_download_leaves_nothing_behind(server: Path, tmp_path: Path):
    content = bytearray((server / "input.txt").read_bytes())
    content[5] ^= 1
    (server / "input.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"the download is damaged: its sha256 is"):
        TinyShakespeare(seed=0)
    assert not list((tmp_path / "data" / "text").iterdir())


@pytest.mark.skipif(not REAL.is_file(), reason=f"no {REAL} (DLPLUG_DATA)")
def test_the_real_shakespeare_is_split_as_nanogpt_splits_it():
    data = TinyShakespeare(seed=0)
    assert (len(data.training), len(data.split("val").tokens)) == (1_003_854, 111_540)
    assert data.spec.output == 65
