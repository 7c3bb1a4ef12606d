"""The trainer that the plugins' page shows trains, stops and goes on as any other."""

from __future__ import annotations

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"


def test_the_trainer_on_the_plugins_page_works(cli):
    (source,) = re.findall(r"```python\n(# evolution\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len([line for line in source.splitlines() if line.strip()]) <= 45
    Path("evolution.py").write_text(source)
    quiet = ("--console", "off", "--tensorboard", "off", "--wandb", "off")
    words = ("run", "mlp-moons", "--trainer", "evolution", "-p", "evolution.py", "--steps", "60", "--log-every", "20")
    said = cli(*words, *quiet, "--device", "cpu", "--out", "here")
    assert said.code == 0, said
    losses = [json.loads(line).get("train/loss") for line in Path("here/metrics.jsonl").read_text().splitlines()]
    losses = [loss for loss in losses if loss is not None]
    assert losses[-1] < 0.8 * losses[0]
    said = cli("resume", "here", "--steps", "80")
    assert said.code == 0, said
    assert json.loads(Path("here/result.json").read_text())["steps"] == 80
