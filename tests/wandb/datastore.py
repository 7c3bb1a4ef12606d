"""Reads a `.wandb` file: LevelDB's log format under a header of its own, holding one protobuf Record after another."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER, BLOCK, RECORD_HEAD = 7, 32 * 1024, 7
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read_records(path: Path) -> list[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    return [Record.FromString(payload) for payload in read_log(path.read_bytes())]


def read_log(data: bytes) -> Iterator[bytes]:
    """Each record's bytes. A record is cut into pieces at the ends of blocks; a block's end too short for a piece's
    head is padding. Raises AssertionError where a checksum is wrong."""
    assert data[:4] == b":W&B"
    assert struct.unpack("<HB", data[4:HEADER]) == (0xBEE1, 0)
    at, parts = HEADER, b""
    while at + RECORD_HEAD <= len(data):
        if BLOCK - at % BLOCK < RECORD_HEAD:
            at += BLOCK - at % BLOCK
            continue
        checksum, length, kind = struct.unpack("<IHB", data[at : at + RECORD_HEAD])
        piece = data[at + RECORD_HEAD : at + RECORD_HEAD + length]
        if len(piece) < length:  # cut off by a kill
            return
        assert zlib.crc32(bytes([kind]) + piece) == checksum
        parts = piece if kind in (FULL, FIRST) else parts + piece
        if kind in (FULL, LAST):
            yield parts
        at += RECORD_HEAD + length


def history(records: list[Any]) -> list[dict[str, Any]]:
    rows = [record.history for record in records if record.WhichOneof("record_type") == "history"]
    return [{"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in r.item} for r in rows]


def of_kind(records: list[Any], kind: str) -> list[Any]:
    return [getattr(record, kind) for record in records if record.WhichOneof("record_type") == kind]
