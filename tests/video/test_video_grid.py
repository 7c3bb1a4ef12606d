"""GRID in its own layout, written here as real films; whatever cannot be used is named, and the rest is read."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import pytest
from dlplug_video.lips.grid.align import read_align
from dlplug_video.lips.grid.corpus import find_utterances
from dlplug_video.lips.grid.data import Grid, divided
from dlplug_video.lips.grid.frames import read_frames
from dlplug_video.lips.network import LipNet
from dlplug_video.lips.reading import LipCTC, lip_reading
from PIL import Image
from torch import nn

from dlplug import UserError, testing

SIZE = {"height": 12, "width": 16, "frames": 30}


def shades(count: int) -> np.ndarray:
    """(count, 24, 32, 3): the upper half black, the lower brighter with each frame."""
    frames = np.zeros((count, 24, 32, 3), np.uint8)
    frames[:, 12:] = np.linspace(20, 220, count).astype(np.uint8)[:, None, None, None]
    return frames


def film(path: Path, count: int = 20) -> Path:
    """An MPEG-1 film at 25 frames a second, as GRID's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg1video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for pixels in shades(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def align(path: Path, words: str = "bin at f", end: int = 18) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.linspace(2000, end * 1000, len(words.split()) + 1).astype(int)
    lines = [f"{a} {b} {word}" for a, b, word in zip(times, times[1:], words.split(), strict=False)]
    path.write_text("\n".join(["0 2000 sil", *lines, f"{end * 1000} 74500 sil"]) + "\n")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three speakers with films, and a fourth with folders of frames, as LipNet has them."""
    for speaker in ("s1", "s2", "s10"):
        for name, words in (("bba", "bin at f"), ("swi", "set in a")):
            film(tmp_path / speaker / "video" / f"{name}.mpg")
            align(tmp_path / speaker / "align" / f"{name}.align", words)
    folder = tmp_path / "s11" / "lgb"
    folder.mkdir(parents=True)
    for n, pixels in enumerate(shades(20)):
        Image.fromarray(pixels).save(folder / f"mouth_{n}.png")
    align(tmp_path / "align" / "lgb.align", "lay by z")
    return tmp_path


def test_a_folder_in_grids_layout_is_read(corpus: Path):
    data = Grid(path=str(corpus), batch_size=2, seed=0, **SIZE)
    assert data.speakers == {"train": ["s1", "s2"], "val": ["s10"], "test": ["s11"]}
    held = data.split("test")
    assert held.texts == ["lay by z"]
    assert held.clips.lengths.tolist() == [20]
    assert held.clips.frames.shape == (1, 30, 1, 12, 16)
    lower = held.clips.frames[0, :20, 0, 8:].float().mean((1, 2))
    np.testing.assert_allclose(lower, np.linspace(20, 220, 20), atol=2)  # mouth_2 before mouth_10
    batch = next(data.batches(nn.Linear(1, 1)))
    assert batch.frames.shape == (2, 30, 1, 12, 16)
    assert batch.label_lengths.tolist() == [8, 8]
    # the film is decoded as it was, but for what MPEG-1 loses
    frames = read_frames(corpus / "s1/video/bba.mpg", (24, 32), (0.0, 0.0, 1.0, 1.0))
    assert frames.shape == (20, 1, 24, 32)
    np.testing.assert_allclose(frames[:, 0, 16:].float().mean((1, 2)), np.linspace(20, 220, 20), atol=8)


def test_the_mouth_is_cut_out(corpus: Path):
    lower = read_frames(corpus / "s11" / "lgb", (6, 8), (0.25, 0.5, 0.75, 1.0))
    np.testing.assert_allclose(lower.float().mean((1, 2, 3)), np.linspace(20, 220, 20), atol=1)


def test_the_net_of_generated_lips_takes_it(corpus: Path):
    data = Grid(path=str(corpus), batch_size=2, seed=0, **SIZE)
    model = LipNet(data.spec, width=2, stages=2, hidden=4, layers=2)
    testing.check_data(data, model)
    testing.check_loss(LipCTC(model), next(data.batches(model)))
    values = lip_reading(model.eval(), data.split("val"))
    assert 0 < values["character_error"] < 3


def broken(corpus: Path, kind: str) -> str:
    """Breaks one video of s1, and returns what its line must name."""
    video, text = corpus / "s1/video/bba.mpg", corpus / "s1/align/bba.align"
    if kind == "undecodable":
        video.write_bytes(b"no film at all")
        return "bba.mpg cannot be decoded"
    if kind == "few frames":
        film(video, 9)
        return "bba.mpg has 9 frames, but bba.align ends in frame 18"
    if kind == "many frames":
        film(video, 31)
        return "bba.mpg has 31 frames, more than --data.frames 30"
    if kind == "long text":
        align(text, "bin blue at f two now")
        return "fewer than 2 for each of 21 characters"
    if kind == "backwards":
        text.write_text("0 2000 sil\n1000 3000 bin\n")
        return "bba.align, line 2: the time 1000 to 3000"
    if kind == "no times":
        text.write_text("bin at f\n")
        return "bba.align, line 1: expected a start"
    if kind == "digit":
        align(text, "bin at 2")
        return "bba.align has characters other than a to z: 2"
    if kind == "silence":
        text.write_text("0 2000 sil\n")
        return "bba.align has no words"
    text.unlink()
    return "bba.mpg is skipped: there is no bba.align"


@pytest.mark.parametrize(
    "kind",
    ["undecodable", "few frames", "many frames", "long text", "backwards", "no times", "digit", "silence", "missing"],
)
def test_what_cannot_be_used_is_named_and_nothing_else_is_lost(corpus: Path, caplog, kind: str):
    line = broken(corpus, kind)
    with caplog.at_level(logging.WARNING, "dlplug"):
        data = Grid(path=str(corpus), batch_size=2, seed=0, **SIZE)
    (record,) = caplog.records
    assert line in record.message
    assert "\n" not in record.message
    assert [len(data.parts[split]) for split in ("train", "val", "test")] == [3, 2, 1]


def test_speakers_are_held_out():
    speakers = [f"s{n}" for n in range(1, 35)]
    parts = divided(speakers, [], ["s1", "s2", "s20", "s22"])
    assert parts["test"] == ["s1", "s2", "s20", "s22"]
    assert parts["val"] == ["s32", "s33", "s34"]
    assert len(parts["train"]) == 27
    assert divided(["s1", "s2", "s3"], [], []) == {"train": ["s1"], "val": ["s2"], "test": ["s3"]}


def test_bad_input_is_one_clear_line(corpus: Path, tmp_path_factory: pytest.TempPathFactory):
    empty = tmp_path_factory.mktemp("empty")
    for options, said in (
        ({"path": ""}, "--data.path is empty"),
        ({"path": str(empty / "no")}, "is not a folder"),
        ({"path": str(empty)}, "has no videos"),
        ({"path": str(corpus), "test": "s12"}, "no speaker 's12' in --data.path. Did you mean"),
        ({"path": str(corpus), "test": "s1", "val": "s1"}, "both have s1"),
        ({"path": str(corpus), "test": "s1,s2,s10", "val": "s11"}, "three speakers are needed"),
        ({"path": str(corpus), "batch_size": 9}, "at most the 4 videos, got 9"),
        ({"path": str(corpus), "crop": (0.5, 0.0, 0.5, 1.0)}, "--data.crop must be"),
    ):
        with pytest.raises(UserError) as caught:
            Grid(**{"batch_size": 2, "seed": 0, **SIZE, **options})
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    (corpus / "s11" / "lgb" / "mouth_7.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"no video of s11 \(test\) can be used"):
        Grid(path=str(corpus), batch_size=2, seed=0, **SIZE)
    for path in corpus.rglob("*.align"):
        path.unlink()
    with pytest.raises(UserError, match=r"has no \.align files"):
        find_utterances(corpus)


def test_times_are_thousandths_of_a_frame(tmp_path: Path):
    path = tmp_path / "x.align"
    path.write_text("0 23750 sil\n23750 29500 bin\n29500 34000 blue\n34000 35500 sp\n35500 36250 at\n36250 74500 sil\n")
    assert read_align(path) == (("bin", "blue", "at"), 37)
