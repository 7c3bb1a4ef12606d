"""The thread that spares the training loop."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from dlplug_wandb.session import find_weights
from dlplug_wandb.writer import Writer


def test_jobs_are_done_in_order_and_giving_them_takes_no_time() -> None:
    done: list[int] = []
    gate = threading.Event()
    writer = Writer(lambda message: None)
    writer.put(lambda: gate.wait(30) and None)
    started = time.perf_counter()
    for number in range(1000):
        writer.put(lambda number=number: done.append(number))
    assert time.perf_counter() - started < 1
    writer.close()
    assert not writer.wait(0.05)
    assert done == []
    gate.set()
    assert writer.wait(30)
    assert done == list(range(1000))


def test_what_a_job_raises_is_said_once_and_the_next_is_done() -> None:
    said: list[str] = []
    done: list[bool] = []
    writer = Writer(said.append)
    for message in ("no network\nand a long story", "no network\nand another", "disk full"):
        writer.put(lambda message=message: (_ for _ in ()).throw(OSError(message)))
    writer.put(lambda: done.append(True))
    writer.close()
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
