"""`dlplug board`: TensorBoard over run folders, with the metrics' own names, pictures, videos and texts."""

from __future__ import annotations

import io
import json
import urllib.request

import numpy as np
import pytest
from browser import chromium, see, wait
from dlplug_report.board import board, launch
from folders import a_run
from PIL import Image as Pictures

from dlplug import Image, Text, UserError, Video
from dlplug.cli.main import main
from dlplug.observers.tensorboard import TensorBoard

TEXT = "once upon a <b>time</b>"
DEEP_TEXT = """function deep(root) {
  const below = [...root.querySelectorAll("*")].filter((one) => one.shadowRoot).map((one) => deep(one.shadowRoot));
  return [(root.body ?? root).textContent, ...below].join(" ");
}"""


class Execution:
    """As much of a run as an observer asks for."""

    resumed, step = False, 0

    def __init__(self, folder):
        self.folder = folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run folder whose event files the core's own observer has written."""
    folder = tmp_path_factory.mktemp("runs")
    execution, observer = Execution(a_run(folder / "dqn-catch/one")), TensorBoard()
    frames = np.stack([np.full((64, 96, 3), 2 * shade, dtype=np.uint8) for shade in range(125)])
    film = Video(frames, fps=25)
    film.path = film.write(execution.folder / "film.mp4")
    observer.run_started(run=execution)
    for step in range(1, 6):
        observer.logged(run=execution, step=step, values={"train/loss": 1.0 / step})
    media = {"val/mistakes": Image(np.zeros((8, 8), dtype=np.uint8)), "val/sample": Text(TEXT), "eval/film": film}
    observer.logged(run=execution, step=5, values=media)
    observer.run_finished(run=execution, result={})
    return folder


@pytest.fixture(scope="module")
def address(runs):
    return launch(runs, 0)


def ask(address):
    with urllib.request.urlopen(address) as answer:
        return answer.read()


def test_the_board_has_the_metrics_names_and_values(address):
    assert address.startswith("http://127.0.0.1:")
    tags = json.loads(ask(f"{address}data/plugin/scalars/tags"))
    assert {tag for run in tags.values() for tag in run} == {"train/loss"}
    [run] = tags
    assert run.startswith("dqn-catch/one")
    values = json.loads(ask(f"{address}data/plugin/scalars/scalars?tag=train/loss&run={run}"))
    assert [(step, value) for _, step, value in values] == [(n, pytest.approx(1 / n)) for n in range(1, 6)]


def test_the_board_has_pictures_videos_and_texts(address):
    [(run, tags)] = json.loads(ask(f"{address}data/plugin/images/tags")).items()
    assert set(tags) == {"val/mistakes", "eval/film"}
    [told] = json.loads(ask(f"{address}data/plugin/images/images?tag=eval/film&run={run}&sample=0"))
    film = Pictures.open(io.BytesIO(ask(f"{address}data/plugin/images/individualImage?{told['query']}")))
    assert (film.format, film.n_frames, film.size) == ("GIF", 63, (96, 64))
    shades, duration = [], 0
    for frame in range(film.n_frames):
        film.seek(frame)
        duration += film.info["duration"]
        shades.append(film.convert("L").getpixel((48, 32)))
    assert np.allclose(shades, [4 * frame for frame in range(63)], atol=6)
    assert duration == pytest.approx(5_000, abs=10)
    [(run, tags)] = json.loads(ask(f"{address}data/plugin/text/tags")).items()
    assert [tag.removesuffix("/text_summary") for tag in tags] == ["val/sample"]


def test_the_board_opens_in_a_browser(address, tmp_path):
    with chromium(tmp_path / "profile") as browser:
        see(browser, 1200, 2600)  # what is below the screen is not drawn
        browser.get(f"{address}#timeseries")
        for shown in ("/film", "/loss", "\\nval"):  # the third heading is closed at first
            assert wait(browser, f"document.body.innerText.includes('{shown}')")
        browser.get(f"{address}#text")
        assert wait(browser, f"({DEEP_TEXT})(document).includes('once upon a')")


def test_what_is_wrong_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, words in (
        ([], "no such folder: runs"),
        ([str(tmp_path)], "has no TensorBoard files"),
        (["--port", "x"], "--port: expected a whole number, got 'x'"),
    ):
        assert main(["board", *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1


def test_without_tensorboard_it_says_what_to_do(runs, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="TensorBoard is not installed here: `pip install tensorboard`"):
        board([str(runs)])


def test_a_port_that_is_taken_is_told(runs, address):
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UserError, match="choose another --port"):
        launch(runs, port)
