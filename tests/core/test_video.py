"""Videos are written by an encoder where there is one, and as they are drawn."""

from __future__ import annotations

import sys

import numpy as np
from imageio.v3 import immeta, imread

from dlplug import Video, media


def test_without_an_encoder_a_video_is_a_gif_and_says_so(monkeypatch, tmp_path, caplog):
    frames = np.arange(4, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(6, 2).repeat(3, 3) * 60
    monkeypatch.setattr(media, "can_encode", lambda codec: False)
    with caplog.at_level("INFO", logger="dlplug"):
        path = Video(frames, fps=10).write(tmp_path / "film.mp4")
    assert path == tmp_path / "film.gif"
    assert "a GIF" in caplog.text
    assert not (tmp_path / "film.mp4").exists()
    assert np.array_equal(imread(path, index=None), frames)
    assert immeta(path)["duration"] == 100


def test_can_encode_asks_this_machine(monkeypatch):
    assert not media.can_encode("no-such-codec")
    monkeypatch.setitem(sys.modules, "av.codec", None)
    assert not media.can_encode("libx264")


def test_a_video_drawn_while_it_is_written_is_that_of_an_array(tmp_path):
    frames = np.arange(0, 240, 40, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(48, 2).repeat(3, 3)
    for given in (frames, iter(frames)):
        path = Video(given, fps=4).write(tmp_path / "ramp.mp4")
        written = imread(path, plugin="pyav")
        assert written.shape == frames.shape
        assert np.abs(written.astype(int) - frames).max() < 4
