"""The README's table of losses says what `dlplug verify` recorded."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, median
from typing import Any

from dlplug_generative.measures.recipes import FASHION_FID

from dlplug.claims.intervals import interval

PLUGIN = Path(__file__).parents[2] / "plugins" / "generative"
ROWS = [
    ("gan-fashion", ""),
    ("gan-fashion", "r1"),
    ("gan-fashion", "hinge"),
    ("gan-fashion", "clip"),
    ("wgan-gp-fashion", ""),
    ("vae-fashion", ""),
    ("ddpm-fashion", "cpu"),
]


def line(recipe: str, preset: str) -> str:
    """A row, of the recipe's newest record: distance with its interval, precision, recall, median minutes of a run."""
    records = json.loads((PLUGIN / "results" / f"{recipe}.json").read_text(encoding="utf-8"))
    runs = records[preset or "default"]["runs"]

    def of(metric: str) -> list[float]:
        return [run["metrics"][f"test/{metric}"] for run in runs]

    distances = of(FASHION_FID)
    found = interval(distances)
    seeds = f"{found.seeds} seeds" if found.half_width is not None else "1 seed, no interval"
    width = f" ± {found.half_width:.2f}" if found.half_width is not None else ""
    told: list[Any] = [
        f"`{recipe}{f' --preset {preset}' if preset else ''}`",
        f"{found.mean:.2f}{width} ({seeds})",
        f"{mean(of(f'precision_k3_{FASHION_FID[4:]}')):.2f}",
        f"{mean(of(f'recall_k3_{FASHION_FID[4:]}')):.2f}",
        f"{median(run['seconds'] for run in runs) / 60:.1f}",
    ]
    return f"| {' | '.join(told)} |"


def test_the_table_of_losses_is_that_of_the_records():
    readme = (PLUGIN / "README.md").read_text(encoding="utf-8")
    missing = [row for row in (line(*row) for row in ROWS) if row not in readme]
    assert not missing, f"the README lacks {missing}"
