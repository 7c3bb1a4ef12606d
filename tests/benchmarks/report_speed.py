"""How long a report takes, and how large it is: 100 runs of 10,000 points. Prints one JSON line.

    python tests/benchmarks/report_speed.py [--runs 100] [--points 10000]

The runs are 20 configurations with 5 seeds each; each line has three metrics, and every hundredth two more.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml


def write_run(folder: Path, number: int, points: int) -> None:
    folder.mkdir(parents=True)
    generator = random.Random(number)
    config = {"recipe": "dqn-catch", "preset": "", "seed": number % 5, "loss.gamma": 0.9 + number // 5 / 1000}
    folder.joinpath("config.yaml").write_text(yaml.safe_dump(config))
    folder.joinpath("environment.json").write_text("{}")
    with (folder / "metrics.jsonl").open("w") as file:
        for point in range(1, points + 1):
            step, noise = 10 * point, generator.gauss(0, 0.1)
            line = {"step": step, "seconds": round(point * 0.05, 3), "frames": 4 * step}
            line |= {"train/loss": math.exp(noise) / point**0.5, "train/q": noise + point**0.3, "train/return": noise}
            file.write(json.dumps(line) + "\n")
            if point % 100 == 0:
                line = {"step": step, "seconds": round(point * 0.05, 3), "frames": 4 * step}
                file.write(json.dumps(line | {"eval/return": noise, "eval/return_std": abs(noise)}) + "\n")
    result = {"recipe": "dqn-catch", "seed": number % 5, "status": "finished", "metrics": {"eval/return": number / 100}}
    folder.joinpath("result.json").write_text(json.dumps(result | {"steps": 10 * points, "seconds": points / 20}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--points", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for number in range(given.runs):
            write_run(Path(place) / "runs" / f"{number:03d}", number, given.points)
        page = Path(place) / "report.html"
        call = [sys.executable, "-m", "dlplug", "report", f"{place}/runs", "--out", str(page)]
        before, processor = time.perf_counter(), _children()
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
        told = {
            "runs": given.runs,
            "points": given.points,
            "seconds": round(time.perf_counter() - before, 2),
            "processor_seconds": round(_children() - processor, 2),
            "megabytes": round(page.stat().st_size / 1e6, 2),
        }
    print(json.dumps(told))


def _children() -> float:
    """Processor time of finished child processes: what a busy machine does not lengthen."""
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
