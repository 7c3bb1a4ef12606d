"""Videos are written by an encoder where there is one, and as they are drawn."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from imageio.v3 import immeta, imread
from PIL import Image as Picture
from PIL import ImageSequence as Frames

from dlplug import Video, media
from dlplug.observers.tensorboard_video import as_gif


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


def played(content):
    """The GIF's pictures as grey levels of their first pixel, and the seconds that each is shown for."""
    film = Picture.open(content)
    frames = [(frame.convert("L").getpixel((0, 0)), frame.info["duration"] / 1000) for frame in Frames.Iterator(film)]
    return [level for level, _ in frames], [seconds for _, seconds in frames]


def levels(values):
    return np.array(values, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(6, 2).repeat(3, 3)


@pytest.mark.parametrize("fps", [1, 7, 15, 24, 30, 50])
def test_a_gif_plays_as_fast_as_its_frames_a_second(fps, tmp_path):
    path = Video(levels(range(45)), fps=fps).write(tmp_path / "film.gif")
    shown, seconds = played(path)
    assert shown == list(range(45))
    assert sum(seconds) == pytest.approx(45 / fps, abs=0.006)
    assert np.abs(np.cumsum(seconds) - np.arange(1, 46) / fps).max() < 0.006


@pytest.mark.parametrize("fps", [60, 100, 240])
def test_a_gif_leaves_out_pictures_rather_than_play_slowly(fps, tmp_path):
    shown, seconds = played(Video(levels(range(120)), fps=fps).write(tmp_path / "film.gif"))
    assert sum(seconds) == pytest.approx(120 / fps, abs=0.02)
    assert min(seconds) >= 0.02
    assert len(shown) > 0.3 * 100 * sum(seconds)


def test_equal_pictures_of_a_gif_are_one_that_is_shown_for_as_long(tmp_path):
    shown, seconds = played(Video(levels([0, 0, 90, 90, 90, 180]), fps=15).write(tmp_path / "film.gif"))
    assert shown == [0, 90, 180]
    assert np.cumsum(seconds) == pytest.approx([2 / 15, 5 / 15, 6 / 15], abs=0.006)


@pytest.mark.parametrize(("fps", "count", "seconds"), [(30, 45, 1.5), (15, 200, 200 / 15), (30, 900, 20.0)])
def test_a_video_on_the_board_plays_as_long_as_it_is(fps, count, seconds, tmp_path):
    path = Video((levels([n * 250 // count])[0] for n in range(count)), fps=fps).write(tmp_path / "film.mp4")
    content, width, height = as_gif(path)
    assert (width, height) == (6, 8)
    assert sum(played(io.BytesIO(content))[1]) == pytest.approx(seconds, rel=0.01)


def test_a_gif_on_the_board_keeps_the_time_of_each_picture(tmp_path):
    path = Video(levels([0, 0, 0, 100, 200, 200]), fps=15).write(tmp_path / "film.gif")
    assert played(io.BytesIO(as_gif(path)[0])) == played(path)


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
