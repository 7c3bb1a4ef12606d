"""Files from the network: whole or not at all, verified once."""

from __future__ import annotations

import hashlib
import os

import pytest
from served import served

from dlplug import Remote, UserError, downloads, fetched

CONTENT = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture
def remote(tmp_path, monkeypatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "data"))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "set.bin").write_bytes(CONTENT)
    with served(tmp_path / "there") as address:
        yield Remote("sets/set.bin", f"{address}/set.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "data" / "sets").iterdir())


def test_a_file_is_verified_once_until_it_changes(remote, tmp_path):
    path = fetched(remote, "")
    assert path.read_bytes() == CONTENT
    before = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert fetched(remote, "") == path, "size and time are what they were, so it was not read"
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(UserError, match="is damaged: its sha256 is"):
        fetched(remote, "")
    path.write_bytes(CONTENT)
    assert fetched(remote, "") == path
    with pytest.raises(UserError, match="is damaged: its sha256 is"):
        fetched(remote._replace(sha256="0" * 64), "")


def test_a_file_that_was_put_there_by_hand_is_verified_too(remote, tmp_path):
    (tmp_path / "data" / "sets").mkdir(parents=True)
    (tmp_path / "data" / "sets" / "set.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=r"2097151 bytes of 2097152; remove it"):
        fetched(remote, "")


def test_a_download_hears_a_stop_and_leaves_nothing(remote, tmp_path):
    from dlplug import stop

    stop.ask_to_stop()
    try:
        with pytest.raises(stop.Stopped):
            fetched(remote, "")
    finally:
        stop.withdraw()
    assert left(tmp_path) == []


def test_what_came_damaged_is_not_kept(remote, tmp_path):
    with pytest.raises(UserError, match="the download is damaged: its sha256 is"):
        fetched(remote._replace(sha256="0" * 64), "dqn-catch needs none")
    assert left(tmp_path) == []


def test_a_large_file_is_never_in_memory_as_a_whole(remote, tmp_path, monkeypatch):
    import tracemalloc

    monkeypatch.setattr(downloads, "CHUNK", 1 << 16, raising=False)
    tracemalloc.start()
    fetched(remote, "")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(CONTENT) / 2
