"""The journal of a run: what happens is passed to its observers, and at the end written down."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlplug import distributed
from dlplug.host.plugins import Host
from dlplug.json_values import number, strict
from dlplug.media import Media
from dlplug.options.reading import Config
from dlplug.output import command
from dlplug.recipes import claims
from dlplug.runs.records import EVALUATION, read_json, write_config, write_json
from dlplug.stop import stop_asked


class Journal:
    """How far a run is, and what was measured.

    recipe, preset, seed, config: what is run; config is the resolved, flat configuration.
    folder: the run folder. resumed: whether this goes on from a checkpoint. overlay: the options passed to `resume`.
    device, protocol, parameters: as the trainer sets them: the device in words, what a measurement means, the number of
        weights. unit: the data's own unit, or "". step, count: how far the run is, in steps and in that unit;
        first_step, first_count: where this process began.
    latest: the newest value of each metric. best: of the first target's metric.
    stopping: set when the run should save and stop. signalled: whether it was stopped by Ctrl-C or another signal.
    result: what result.json holds, once it is written.
    """

    def __init__(
        self, host: Host, config: Config, folder: Path, resumed: bool, overlay: Mapping[str, Any] | None
    ) -> None:
        self.host, self.config, self.folder, self.resumed = host, config, folder, resumed
        self.overlay = dict(overlay or {})
        self.recipe: str = config["recipe"]
        self.preset: str = config["preset"]
        self.seed: int = config["seed"]
        self.unit = self.device = self.protocol = ""
        self.parameters = self.step = self.count = self.first_step = self.first_count = 0
        self.latest: dict[str, float] = {}
        self.best: float | None = None
        self.started = self._stopping = self.signalled = False
        self.result: dict[str, Any] = {}
        self._clock, self._seconds_before = time.monotonic(), 0.0

    @property
    def stopping(self) -> bool:
        """Whether the run should save and stop: it was set, or a signal came."""
        return self._stopping or stop_asked()

    @stopping.setter
    def stopping(self, wanted: bool) -> None:
        self._stopping = wanted

    def start(self, unit: str, step: int, count: int) -> None:
        """The trainer is ready: observers learn of the run. The options of a resume are accepted, and written down."""
        self.unit, self.step, self.count, self.first_step, self.first_count = unit, step, count, step, count
        if self.resumed and distributed.rank() == 0:
            write_config(self)
        self._clock = time.monotonic()
        self.started = True
        self.host.hook.run_started(run=self)
        self._clock = time.monotonic()

    def seconds(self) -> float:
        """Seconds spent training, including those before a resume."""
        return self._seconds_before + time.monotonic() - self._clock

    def restore(self, seconds: float, best: float | None) -> None:
        self._seconds_before, self.best = seconds, best

    def log(self, step: int, count: int, values: Mapping[str, Any], split: str) -> None:
        """Passes values to the observers; media are written into the run folder first."""
        self.step, self.count = step, count
        named = {f"{split}/{name}": value for name, value in values.items()}
        for name, value in named.items():
            if isinstance(value, Media):
                self.write_media(name, value)
            else:
                named[name] = number(value)
                self.latest[name] = float(named[name])
        axes = {"seconds": round(self.seconds(), 3)} | ({self.unit: count} if self.unit else {})
        if distributed.rank() == 0:
            self.host.hook.logged(run=self, step=step, values=axes | named)

    def update_best(self, split: str, values: Mapping[str, Any]) -> bool:
        """Whether these values are the best so far by the recipe's first target: of equals the later one, which has
        learnt for longer. What is not finite is never the best."""
        for target in claims(self.host.recipe(self.recipe), self.preset):
            name = target.metric.partition("/")[2]
            if name in values:
                value = float(values[name])
                best = self.best if self.best is not None and math.isfinite(self.best) else value
                better = math.isfinite(value) and (value >= best if target.higher else value <= best)
                self.best = value if better else self.best
                return better
        return False

    def finish(self, status: str, message: str = "") -> None:
        """Writes result.json, last and atomically, and notifies observers."""
        seconds, new_steps = self.seconds(), self.step - self.first_step
        elapsed = max(seconds - self._seconds_before, 1e-9)  # since the run began or was resumed
        result = {
            "recipe": self.recipe,
            "preset": self.preset,
            "seed": self.seed,
            "status": status,
            **({"message": message} if message else {}),
            "metrics": self.latest,
            **({"protocol": self.protocol} if self.protocol else {}),
            "steps": self.step,
            "seconds": round(seconds, 3),
            "steps_per_second": round(new_steps / elapsed, 3),
            "device": self.device,
            "parameters": self.parameters,
        }
        if self.unit:
            rate = (self.count - self.first_count) / elapsed
            result |= {self.unit: self.count, f"{self.unit}_per_second": round(rate, 3)}
        result = strict(result)
        write_json(self.folder / "result.json", result)
        self.result = result  # not before it is written: a second Ctrl-C in between ends in another `finish`
        if new_steps:
            (self.folder / EVALUATION).unlink(missing_ok=True)  # it was of less training
        self.host.hook.run_finished(run=self, result=self.result)

    def way_on(self) -> str:
        """What there is to go on from, and how."""
        steps = [int(path.name.rpartition("-")[2]) for path in self.folder.glob("checkpoints/last-*")]
        if not steps:
            return "no checkpoint was saved"
        return f"the last checkpoint is of step {max(steps):,}; go on with: {command('resume', self.folder)}"

    def write_media(self, name: str, value: Media) -> None:
        path = self.folder / "media" / f"{name.replace('/', '-')}-{self.step:09d}{value.suffix}"
        path.parent.mkdir(exist_ok=True)
        value.save(path)

    def outcome(self) -> dict[str, Any]:
        """What result.json holds; {} where the run has not ended."""
        return self.result or read_json(self.folder / "result.json")
