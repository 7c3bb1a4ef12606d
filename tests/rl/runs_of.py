"""Run folders and records, written as the core writes them, and what `dlplug scores` says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from dlplug_rl.scores.command import scores

from dlplug import UserError

CLASSIC = "classic: no sticky actions; 30 episodes at ε 0.01"


def a_run(
    folder: str,
    recipe: str = "dqn-atari",
    game: str = "pong",
    seed: int = 0,
    score: float = 10.0,
    *,
    preset: str = "gpu",
    status: str = "finished",
    protocol: str = CLASSIC,
    metrics: dict[str, float] | None = None,
    config: dict[str, object] | None = None,
    lines: list[dict[str, float]] | None = None,
) -> str:
    """A run folder as the core writes it."""
    path = Path(folder)
    path.mkdir(parents=True)
    saved = {"recipe": recipe, "preset": preset, "seed": seed, **({"data.game": game} if game else {})} | (config or {})
    path.joinpath("config.yaml").write_text(yaml.safe_dump(saved))
    rom = game.lower().replace("-", "_")
    told = f"{saved['data.id']}; {protocol}" if "data.id" in saved else f"{rom} {protocol}"
    result = {"recipe": recipe, "preset": preset, "seed": seed, "status": status, "protocol": told, "frames": 4_000}
    measured = {"eval/return": score} if metrics is None else metrics
    path.joinpath("result.json").write_text(json.dumps(result | {"metrics": measured}))
    path.joinpath("metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines or []))
    return folder


def a_record(path: str, **entries: dict[str, object]) -> str:
    Path(path).write_text(json.dumps(entries))
    return path


def told_by(capsys, *arguments: str):
    assert scores([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def complaint(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        scores(list(arguments))
    assert "\n" not in str(caught.value)
    return str(caught.value)
