"""The thread that spares the training loop."""

from __future__ import annotations

import functools
import threading
import time
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from dlplug_wandb.observer import Wandb, run_id
from dlplug_wandb.session import find_weights
from dlplug_wandb.writer import Writer

from dlplug import Video


def test_jobs_are_done_in_order_and_giving_them_takes_no_time() -> None:
    done: list[int] = []
    gate = threading.Event()
    writer = Writer(lambda message: None)
    writer.put(lambda: gate.wait(30) and None)
    started = time.perf_counter()
    for number in range(1000):
        writer.put(lambda number=number: done.append(number))
    assert time.perf_counter() - started < 1
    writer.close(lambda: done.append(-1))
    assert not writer.wait(0.05)
    assert done == []
    gate.set()
    assert writer.wait(30)
    assert done == [*range(1000), -1]


def test_a_queue_that_is_full_slows_training_down_but_loses_nothing() -> None:
    done: list[int] = []
    writer = Writer(lambda message: None, most=4)

    def slow(number: int) -> None:
        time.sleep(0.001)
        done.append(number)

    for number in range(40):
        writer.put(functools.partial(slow, number))
        assert number - len(done) <= 5
    writer.close(lambda: None)
    assert writer.wait(30)
    assert done == list(range(40))


def test_a_thread_that_is_stuck_holds_training_up_once_and_it_is_said() -> None:
    said: list[str] = []
    done: list[int] = []
    gate = threading.Event()
    writer = Writer(said.append, most=4, patience=0.1)
    writer.put(lambda: gate.wait(30) and None)
    started = time.perf_counter()
    for number in range(1000):
        writer.put(lambda number=number: done.append(number))
    assert 0.1 < time.perf_counter() - started < 1
    assert len(said) == 1
    gate.set()
    writer.close(lambda: done.append(-1))
    assert writer.wait(30)
    assert done == [0, 1, 2, -1]


def test_what_a_job_raises_is_said_once_and_the_next_is_done() -> None:
    said: list[str] = []
    done: list[bool] = []
    writer = Writer(said.append)
    for message in ("no network\nand a long story", "no network\nand another", "disk full"):
        writer.put(lambda message=message: (_ for _ in ()).throw(OSError(message)))
    writer.close(lambda: done.append(True))
    assert writer.wait(30)
    assert (said, done) == (["OSError: no network", "OSError: disk full"], [True])


def test_the_best_weights_go_before_the_last(tmp_path: Path) -> None:
    assert find_weights(tmp_path) is None
    for name in ("last-000000900", "last-000001000", "best-000000500", "best-000000700"):
        assert not (tmp_path / name).exists()
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").touch()
        newest = find_weights(tmp_path)
        assert newest is not None
        assert newest.parent.name == name


def test_what_waits_holds_no_film(tmp_path: Path) -> None:
    """A row that waits names the file, which the run has written, and keeps no picture in memory."""
    observer = Wandb(mode="off")
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    alive = weakref.ref(frames)
    rows: list[dict[str, object]] = []
    observer.session = SimpleNamespace(log=lambda step, row: rows.append(row))  # type: ignore[assignment]
    observer.writer = SimpleNamespace(put=lambda job: rows.append(job))  # type: ignore[assignment]
    observer.logged(None, 3, {"eval/film": Video(frames, path=tmp_path / "film.mp4")})  # type: ignore[arg-type]
    del frames
    assert len(rows) == 1
    assert alive() is None


@pytest.mark.parametrize("content", ["", '{"id": ', "[]", "{}"])
def test_a_damaged_id_is_replaced(content: str, tmp_path: Path) -> None:
    (tmp_path / "wandb.json").write_text(content)
    name, known = run_id(tmp_path, resumed=True)
    assert not known
    assert run_id(tmp_path, resumed=True) == (name, True)
