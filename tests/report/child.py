"""Stands in for `dlplug run` and `dlplug resume` in the tests of sweeps: leaves what a run leaves, in no time.

FAIL=TEXT in the environment lets runs fail whose words hold TEXT; WAIT=1 lets them wait for a signal, then save.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path


def main(words: list[str]) -> int:
    verb = next(word for word in words if word in ("run", "resume"))
    folder = Path(words[-1])
    with Path("called.txt").open("a") as file:
        file.write(" ".join([*words[:-1], folder.name]) + "\n")
    if verb == "run":
        folder.mkdir(parents=True)
        (folder / "words.json").write_text(json.dumps(words))
    given = json.loads((folder / "words.json").read_text())
    status = "finished"
    if os.environ.get("FAIL") and os.environ["FAIL"] in " ".join(given):
        print("a line before\ndlplug: it went wrong", file=sys.stderr)
        status = "failed"
    if os.environ.get("WAIT"):
        stopped: list[int] = []
        signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
        Path(folder, "ready").touch()
        while not stopped:
            time.sleep(0.01)
        (folder / "checkpoints" / "last-000000001").mkdir(parents=True)
        status = "interrupted"
    options = {word[2:]: value for word, value in pairwise(given) if word.startswith("--")}
    rate = float(options.get("optimizer.learning-rate", 0.1))
    accuracy = 1 - abs(rate - 0.1) - 0.01 * int(options["seed"])
    result = {"status": status, "metrics": {"val/accuracy": accuracy}, "seconds": 1.5}
    (folder / "result.json").write_text(json.dumps(result))
    return {"finished": 0, "failed": 2, "interrupted": 130}[status]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
