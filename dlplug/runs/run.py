"""One execution of a recipe."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.claims.targets import evaluated, standing
from dlplug.errors import UserError
from dlplug.host.plugins import Host
from dlplug.options.parts import KIND_OF
from dlplug.options.reading import Config
from dlplug.recipes import Target
from dlplug.runs import notebook
from dlplug.runs.journal import Journal
from dlplug.runs.parts import Parts

if TYPE_CHECKING:
    from torch import nn

    from dlplug.contracts import Data
    from dlplug.host.protocols import Learned


class Run(Journal):
    """What trainers and observers see: a configuration, what it builds, and the journal of what happens.

    metrics: those that measure it. definition: its recipe. parts: builds what the configuration names.
    length: in steps, once `limits` has been asked for, where it is not in the data's unit.
    """

    def __init__(
        self, host: Host, config: Config, folder: Path, resumed: bool = False, overlay: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(host, config, folder, resumed, overlay)
        self.metrics: list[str] = list(config["metrics"])
        self.definition = host.recipe(self.recipe)
        self.parts = Parts(self)
        self.length = 0

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

    def __repr__(self) -> str:
        return notebook.sentence(self)

    def _repr_html_(self) -> str:
        return notebook.page(self)

    def make(self, key: str, *arguments: Any) -> Any:
        """Builds the data, model, loss or trainer with its options, and with the `seed` or the `run` that it names."""
        prefix = "" if key == "trainer" else f"{key}."
        return self.parts.build(KIND_OF[key], self.config[key], prefix, *arguments)

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

    @functools.cached_property
    def targets(self) -> list[Target]:
        """What the recipe claims of what `eval` measures of a run like this one."""
        return standing(self.host, self.config | evaluated(self.host, self.config))

    @functools.cached_property
    def judged(self) -> list[Target]:
        """Those of the targets that the run's own measurements answer: they measure as `eval` does."""
        return [target for target in standing(self.host, self.config) if target in self.targets]
