"""What TensorBoard is handed: texts as they are, every row of a resumed run, and videos beside the training."""

from __future__ import annotations

import html
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugin_util import markdown_to_safe_html

from dlplug import Text, Video
from dlplug.observers import tensorboard
from dlplug.observers.tensorboard import TensorBoard

CODE = 'def f(x):\n    """Doubles *x*."""\n\n\n    return 2 * x  # <b>\n\n```\n````\n  * no list\n'


def observe(folder: Path, rows: dict[int, dict[str, Any]], *, step: int = 0, resumed: bool = False) -> None:
    run: Any = SimpleNamespace(folder=folder, step=step, resumed=resumed)
    observer = TensorBoard()
    observer.run_started(run)
    for at, values in rows.items():
        observer.logged(run, at, values)
    observer.run_finished(run, {})


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder / "tensorboard")).Reload()


@pytest.mark.parametrize("text", [CODE, "to be\nor not", "", "\n\n    x", "`" * 5])
def test_a_text_is_shown_as_it_is(text, tmp_path):
    observe(tmp_path, {1: {"val/sample": Text(text)}})
    (event,) = read(tmp_path).Tensors("val/sample/text_summary")
    page = markdown_to_safe_html(event.tensor_proto.string_val[0])
    found = re.fullmatch(r"<pre><code>(.*)</code></pre>", page, re.DOTALL)
    assert found is not None, page
    assert html.unescape(found[1]).strip("\n") == text.strip("\n")


def test_the_row_of_the_checkpoint_is_not_hidden_by_a_resume(tmp_path):
    observe(tmp_path, {step: {"train/loss": float(step)} for step in (10, 20, 30, 40)})
    observe(tmp_path, {step: {"train/loss": -float(step)} for step in (30, 40)}, step=20, resumed=True)
    rows = [(event.step, event.value) for event in read(tmp_path).Scalars("train/loss")]
    assert rows == [(10, 10.0), (20, 20.0), (30, -30.0), (40, -40.0)]


def test_training_does_not_wait_for_videos_and_the_end_does(tmp_path, monkeypatch, caplog):
    gate, added = threading.Event(), []

    def add(writer, name, path, step):
        gate.wait(10)
        if not path.name:
            raise FileNotFoundError("film.mp4")
        added.append((name, step))

    monkeypatch.setattr(tensorboard, "add_video", add)
    threading.Timer(0.3, gate.set).start()
    film = Video((), path=tmp_path / "film.mp4")
    rows = {1: {"eval/film": film}, 2: {"eval/film": Video(())}, 3: {"eval/film": film, "x/waited": 0.0}}
    observer, run = TensorBoard(), SimpleNamespace(folder=tmp_path, step=0, resumed=False)
    observer.run_started(run)
    for step, values in rows.items():
        observer.logged(run, step, values)
    assert not gate.is_set()
    observer.run_finished(run, {})
    assert added == [("eval/film", 1), ("eval/film", 3)]
    assert "TensorBoard shows no eval/film: FileNotFoundError: film.mp4" in caplog.text
