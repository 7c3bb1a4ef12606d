"""How many processors a process may use, and that the emulator plays in as many threads, beside us."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import numpy as np
import pytest
from dlplug_rl.environments import atari
from dlplug_rl.environments.atari import AtariEnvironments
from dlplug_rl.environments.cpus import usable_cpus


def control_groups(folder: Path, membership: str, files: dict[str, str]) -> dict[str, Path]:
    (folder / "membership").write_text(membership)
    for name, text in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"groups": folder / "groups", "membership": folder / "membership"}


@pytest.mark.parametrize(
    ("membership", "files", "cpus"),
    [
        ("", {}, 64),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/pod/box\n", {"cpu.max": "max 100000", "pod/cpu.max": "300000 100000", "pod/box/cpu.max": "max 1"}, 3),
        ("0::/not/mounted\n", {"cpu.max": "400000 100000"}, 4),
        ("4:memory:/a\n2:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        (
            "2:cpu,cpuacct:/a\n",
            {
                "cpu/cpu.cfs_quota_us": "-1",
                "cpu/cpu.cfs_period_us": "100000",
                "cpu/a/cpu.cfs_quota_us": "50000",
                "cpu/a/cpu.cfs_period_us": "10000",
            },
            5,
        ),
    ],
)
def test_control_groups_cut_the_processors(tmp_path, membership, files, cpus):
    assert usable_cpus(**control_groups(tmp_path, membership, files), allowed=64) == cpus


def test_affinity_cuts_the_processors(tmp_path):
    places = control_groups(tmp_path, "0::/\n", {"cpu.max": "800000 100000"})
    assert usable_cpus(**places, allowed=3) == 3
    if hasattr(os, "sched_getaffinity"):
        assert 1 <= usable_cpus() <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_the_emulator_starts_as_many_threads_as_may_run(monkeypatch):
    def started(count: int, threads: int = 0) -> int:
        before = set(os.listdir("/proc/self/task"))
        environments = AtariEnvironments("pong", count=count, size=42, threads=threads)
        more = len(set(os.listdir("/proc/self/task")) - before)
        assert more == environments.threads
        environments.close()
        return more

    monkeypatch.setattr(atari, "usable_cpus", lambda: 1)
    assert started(count=3) == 1
    monkeypatch.setattr(atari, "usable_cpus", lambda: 64)
    assert started(count=1) == 1
    assert started(count=3, threads=1) == 1


def test_send_returns_while_the_emulator_plays():
    """A busy machine may spoil an attempt; without threads every one would fail."""
    environments = AtariEnvironments("pong", count=6, threads=1)
    environments.reset()
    assert any(plays_meanwhile(environments) for _ in range(6))
    environments.close()


def plays_meanwhile(environments: AtariEnvironments) -> bool:
    """Whether sending takes far less time than waiting, and waiting next to none after a while."""
    actions = np.zeros(6, dtype=np.int64)
    sending, waiting, late = [], [], []
    for _ in range(15):
        start = time.perf_counter()
        environments.send(actions)
        sent = time.perf_counter()
        environments.receive()
        sending.append(sent - start)
        waiting.append(time.perf_counter() - sent)
    for _ in range(5):
        environments.send(actions)
        time.sleep(8 * statistics.median(waiting))
        start = time.perf_counter()
        environments.receive()
        late.append(time.perf_counter() - start)
    return max(statistics.median(sending), statistics.median(late)) < 0.3 * statistics.median(waiting)
