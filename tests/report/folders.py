"""Run folders as the core writes them, made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)  # a picture of one pixel


def a_run(
    folder: Path,
    config: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    lines: Sequence[dict[str, Any]] = (),
    tail: str = "",
    status: str = "finished",
    metrics: dict[str, float] | None = None,
    message: str = "",
    media: dict[str, bytes] | None = None,
) -> Path:
    """status "": without a result. tail: what follows the last line. media: contents by path."""
    folder.mkdir(parents=True)
    saved = {"recipe": "dqn-catch", "preset": "", "seed": seed, **(config or {})}
    folder.joinpath("config.yaml").write_text(yaml.safe_dump(saved, sort_keys=False))
    folder.joinpath("environment.json").write_text(json.dumps({"python": "3.11.7", "command": ["dlplug", "run"]}))
    folder.joinpath("metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + tail)
    if status:
        result = {
            "recipe": saved["recipe"],
            "seed": seed,
            "status": status,
            "metrics": metrics or {},
            "parameters": 1234,
        }
        last = lines[-1] if lines else {"step": 0}
        result |= {"steps": last["step"], "seconds": last.get("seconds", 0.0), "device": "cpu with 1 thread, fp32"}
        folder.joinpath("result.json").write_text(json.dumps(result | ({"message": message} if message else {})))
    for name, content in (media or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def lines_of(count: int, slope: float = 1.0, every: int = 10) -> list[dict[str, Any]]:
    return [
        {
            "step": step,
            "seconds": step / 10,
            "frames": 4 * step,
            "train/loss": slope / step,
            "train/return": slope * step,
        }
        for step in range(every, every * (count + 1), every)
    ]
