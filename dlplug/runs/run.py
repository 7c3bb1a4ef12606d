"""One execution of a recipe: its folder, its configuration, and the way to its observers."""

from __future__ import annotations

import contextlib
import functools
import math
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug import distributed
from dlplug.advice import command
from dlplug.errors import MetricFailed, UserError
from dlplug.host.plugins import Host, one_line
from dlplug.host.signatures import read_signature
from dlplug.json_values import number, strict
from dlplug.media import Media
from dlplug.options.reading import Config
from dlplug.recipes import Target, claims
from dlplug.runs import notebook
from dlplug.runs.records import EVALUATION, read_json, write_config, write_json
from dlplug.runs.targets import evaluated, standing
from dlplug.stop import Stopped, stop_asked

if TYPE_CHECKING:
    from torch import nn

    from dlplug.contracts import Data
    from dlplug.protocols import Learned


class Run:
    """What trainers and observers see.

    recipe, preset, seed, config: what is run; config is the resolved, flat configuration.
    folder: the run folder. unit: the data's own unit, or "". resumed: whether this goes on from a checkpoint.
    length: in steps, once `limits` has been asked for, where it is not in the data's unit.
    overlay: the options that `resume` was given. latest: the newest value of each metric. stopping: set when the run
    should save and stop. signalled: whether it was stopped by Ctrl-C or another signal.
    """

    def __init__(
        self, host: Host, config: Config, folder: Path, resumed: bool = False, overlay: Mapping[str, Any] | None = None
    ) -> None:
        self.host, self.config, self.folder, self.resumed = host, config, folder, resumed
        self.overlay = dict(overlay or {})
        self.recipe: str = config["recipe"]
        self.preset: str = config["preset"]
        self.seed: int = config["seed"]
        self.metrics: list[str] = list(config["metrics"])
        self.definition = host.recipe(self.recipe)
        self.unit = self.device = self.protocol = ""
        self.parameters = self.length = 0
        self.step = self.count = self.first_step = self.first_count = 0
        self.latest: dict[str, float] = {}
        self.best: float | None = None
        self.started = self._stopping = self.signalled = False
        self.result: dict[str, Any] = {}
        self._clock, self._seconds_before = time.monotonic(), 0.0

    # What has become of it

    @functools.cached_property
    def learned(self) -> Learned:
        """The data, model and loss as they were saved, by the best checkpoint or else the last, and in eval mode."""
        from dlplug.training import checkpoint

        state = checkpoint.random_state()
        try:
            run = Run(self.host, self.config, self.folder)
            learned = run.make("trainer").load(run)
        finally:
            checkpoint.set_random_state(state)
        learned.data.close()
        learned.model.eval()
        return learned

    @property
    def model(self) -> nn.Module:
        """The trained module."""
        return self.learned.model

    @property
    def product(self) -> Any:
        """What the loss makes to be used: the model itself, averaged weights, a generator, a greedy policy."""
        return self.learned.loss.product()

    def outcome(self) -> dict[str, Any]:
        """What result.json holds; {} where the run has not ended."""
        return self.result or read_json(self.folder / "result.json")

    def __repr__(self) -> str:
        return notebook.sentence(self)

    def _repr_html_(self) -> str:
        return notebook.page(self)

    # What the configuration builds

    def make(self, key: str, *arguments: Any) -> Any:
        """Builds the data, model, loss or trainer with its options, and with the `seed` or the `run` that it names."""
        kind = {"data": "data", "model": "models", "loss": "losses", "trainer": "trainers"}[key]
        return self.build(kind, self.config[key], "" if key == "trainer" else f"{key}.", *arguments)

    def make_stepper(self, part: str, module: Any) -> Any:
        """The optimizer of one part of the loss; a recipe that names one optimizer uses it for every part."""
        from dlplug.training.optimizers import movable
        from dlplug.training.stepper import Stepper

        key = "optimizer" if "optimizer" in self.config else f"optimizer.{part}"
        if key not in self.config:
            named = [k.partition(".")[2] for k in self.config if k.count(".") == 1 and k.startswith("optimizer.")]
            raise UserError(f"the loss moves the part {part!r}, but {self.recipe} has optimizers for {named}")
        optimizer = self.build("optimizers", self.config[key], f"{key}.", movable(module))
        needs_closure = getattr(self.host.get("optimizers", self.config[key]).load(), "closure", False)
        return Stepper(module, optimizer, needs_closure, **self._options("dlplug.training.stepper:Stepper", f"{key}."))

    def check_metric(self, name: str, product: Any, data: Any) -> None:
        """The metric fits the product and the held-out data by its annotations, and its `checked_by` takes its options.
        Raises UserError."""
        from dlplug.training.matching import check_fits

        entry = self.host.get("metrics", name)
        metric = entry.load()
        check_fits(metric, product, data, f"metric {name}", (self.config["loss"], self.config["data"]))
        check = getattr(metric, "check", None)
        if check is not None:
            with _naming(name):
                check(product, data, **self._options(entry.target, f"metrics.{name}."))

    def measure(self, name: str, product: Any, data: Any) -> dict[str, Any]:
        """The metric's numbers and media; a `protocol` among them says how they were measured.

        Raises MetricFailed for whatever the metric raises.
        """
        entry = self.host.get("metrics", name)
        with _naming(name):
            values = dict(entry.load()(product, data, **self._options(entry.target, f"metrics.{name}.")))
            protocol = values.pop("protocol", self.protocol)
            values = {key: value if isinstance(value, Media) else number(value) for key, value in values.items()}
        self.protocol = protocol
        return values

    def build(self, kind: str, name: str, prefix: str, *arguments: Any) -> Any:
        """Builds a registered thing with its options, which stand below a prefix ("data.")."""
        if not name:
            raise UserError(f"{self.recipe} names none of the {kind}: give one, or keep to the recipe's own trainer")
        entry = self.host.get(kind, name)
        factory = entry.load()
        return factory(*arguments, **self._options(entry.target, prefix))

    def _options(self, target: Any, prefix: str) -> dict[str, Any]:
        signature = read_signature(target)
        options = {option.name: self.config[prefix + option.name] for option in signature.options}
        supplied = {"seed": self.seed, "run": self}
        return signature.arguments(options) | {name: supplied[name] for name in signature.takes}

    def limits(self, data: Data) -> tuple[int, int | None]:
        """How many steps, and how many of the data's own unit (None where the length is in steps or epochs)."""
        if "steps" not in self.config and data.unit in self.config:
            return sys.maxsize, self.config[data.unit]
        if "steps" in self.config:
            self.length = self.config["steps"]
        elif "epochs" in self.config and data.finite:
            self.length = self.config["epochs"] * data.steps_per_epoch()
        else:
            raise UserError(f"the length of {self.recipe} is in another unit than steps or its data's {data.unit!r}")
        return self.length, None

    # What happens

    @property
    def stopping(self) -> bool:
        """Whether the run should save and stop: it was set, or a signal came."""
        return self._stopping or stop_asked()

    @stopping.setter
    def stopping(self, wanted: bool) -> None:
        self._stopping = wanted

    def start(self, unit: str, step: int, count: int) -> None:
        """The trainer is ready: observers learn of the run. What a resume was given is accepted, and written down."""
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
        """Tells observers; media are written into the run folder first."""
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

    def is_best(self, split: str, values: Mapping[str, Any]) -> bool:
        """Whether the recipe's first target likes these values at least as well as any before: of equals the later one,
        which has learnt for longer. What is not finite is never the best."""
        for target in claims(self.definition, self.preset):
            name = target.metric.partition("/")[2]
            if name in values:
                value = float(values[name])
                best = self.best if self.best is not None and math.isfinite(self.best) else value
                better = math.isfinite(value) and (value >= best if target.higher else value <= best)
                self.best = value if better else self.best
                return better
        return False

    @functools.cached_property
    def targets(self) -> list[Target]:
        """What the recipe claims of what `eval` measures of a run like this one."""
        return standing(self.host, self.config | evaluated(self.host, self.config))

    @functools.cached_property
    def judged(self) -> list[Target]:
        """Those of the targets that the run's own measurements answer: they measure as `eval` does."""
        return [target for target in standing(self.host, self.config) if target in self.targets]

    def finish(self, status: str, message: str = "") -> None:
        """Writes result.json, last and atomically, and notifies observers."""
        seconds, steps = self.seconds(), self.step - self.first_step
        here = max(seconds - self._seconds_before, 1e-9)
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
            "steps_per_second": round(steps / here, 3),
            "device": self.device,
            "parameters": self.parameters,
        }
        if self.unit:
            rate = (self.count - self.first_count) / here
            result |= {self.unit: self.count, f"{self.unit}_per_second": round(rate, 3)}
        result = strict(result)
        write_json(self.folder / "result.json", result)
        self.result = result  # not before it is written: a second Ctrl-C in between ends in another `finish`
        if steps:
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
        try:
            value.path = value.write(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def _naming(metric: str) -> Iterator[None]:
    """Whatever the metric raises says which one it was."""
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        said = str(error) if isinstance(error, UserError) else one_line(error)
        raise MetricFailed(f"metric {metric}: {said}") from error
