"""What a run's configuration builds, and measures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dlplug.errors import MetricFailed, UserError, one_line
from dlplug.host.signatures import read_signature
from dlplug.json_values import number
from dlplug.media import Media
from dlplug.stop import Stopped

if TYPE_CHECKING:
    from dlplug.runs.run import Run
    from dlplug.training.stepper import Stepper


class Parts:
    """Builds the registered things that a run's configuration names, with its options."""

    def __init__(self, run: Run) -> None:
        self.run, self.host, self.config = run, run.host, run.config

    def make_stepper(self, part: str, module: Any) -> Stepper:
        """The optimizer of one part of the loss; a recipe that names one optimizer uses it for every part."""
        from dlplug.training.optimizers import movable
        from dlplug.training.stepper import Stepper

        key = "optimizer" if "optimizer" in self.config else f"optimizer.{part}"
        if key not in self.config:
            named = [k.partition(".")[2] for k in self.config if k.count(".") == 1 and k.startswith("optimizer.")]
            raise UserError(f"the loss moves the part {part!r}, but {self.run.recipe} has optimizers for {named}")
        optimizer = self.build("optimizers", self.config[key], f"{key}.", movable(module))
        needs_closure = self.host.get("optimizers", self.config[key]).signature().closures
        return Stepper(
            module, optimizer, bool(needs_closure), **self.options("dlplug.training.stepper:Stepper", f"{key}.")
        )

    def check_metric(self, name: str, product: Any, data: Any) -> None:
        """The metric fits the product and the held-out data by its annotations, and its `checked_by` takes its options.
        Raises UserError."""
        from dlplug.training.checks import check_fits

        entry = self.host.get("metrics", name)
        metric = entry.load()
        check_fits(metric, product, data, f"metric {name}", (self.config["loss"], self.config["data"]))
        check = getattr(metric, "check", None)
        if check is not None:
            with _naming(name):
                check(product, data, **self.options(entry.target, f"metrics.{name}."))

    def measure(self, name: str, product: Any, data: Any) -> dict[str, Any]:
        """The metric's numbers and media, and perhaps its `protocol`. Raises MetricFailed for whatever it raises."""
        entry = self.host.get("metrics", name)
        with _naming(name):
            values = dict(entry.load()(product, data, **self.options(entry.target, f"metrics.{name}.")))
            return {k: v if isinstance(v, Media) or k == "protocol" else number(v) for k, v in values.items()}

    def build(self, kind: str, name: str, prefix: str, *arguments: Any) -> Any:
        """A registered thing with its options, which stand below a prefix ("data.")."""
        if not name:
            raise UserError(f"{self.run.recipe} names none of the {kind}: give one, or keep the recipe's own trainer")
        entry = self.host.get(kind, name)
        factory = entry.load()
        return factory(*arguments, **self.options(entry.target, prefix))

    def options(self, target: Any, prefix: str) -> dict[str, Any]:
        """Those of a factory, with the `seed` or the `run` that it names."""
        signature = read_signature(target)
        options = {option.name: self.config[prefix + option.name] for option in signature.options}
        return signature.arguments(options, seed=self.run.seed, run=self.run)


@contextlib.contextmanager
def _naming(metric: str) -> Iterator[None]:
    """Whatever the metric raises says which one it was."""
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else one_line(error)
        raise MetricFailed(f"metric {metric}: {message}") from error
