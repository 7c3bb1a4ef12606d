"""The command, in whatever build of dlplug the interpreter has; says when its first training step was done.

    PYTHON first_step.py run RECIPE …

Prints, as the last line, JSON: the seconds of `import torch`, from its end to the end of the first step, from there to
the end of the process, and in all; on the clock and of the processor.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import json
import runpy
import sys
import time
from importlib.machinery import ModuleSpec
from types import ModuleType

moments: dict[str, tuple[float, float]] = {}


def mark(name: str) -> None:
    moments.setdefault(name, (time.perf_counter(), time.process_time()))


class Torch(importlib.abc.MetaPathFinder):
    """Marks when torch is imported, and when one of its optimizers has taken its first step."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def marked(module: ModuleType) -> None:
            mark("begun")
            execute(module)
            mark("imported")
            from torch.optim.optimizer import register_optimizer_step_post_hook

            register_optimizer_step_post_hook(lambda *_: mark("stepped"))

        spec.loader.exec_module = marked
        return spec


mark("started")
sys.meta_path.insert(0, Torch())
try:
    runpy.run_module("dlplug", run_name="__main__", alter_sys=True)
except SystemExit as end:
    if end.code:
        raise
mark("ended")


def between(first: str, last: str) -> list[float]:
    return [after - before for before, after in zip(moments[first], moments[last], strict=True)]


stages = {"import_torch": ("begun", "imported"), "first_step": ("imported", "stepped"), "rest": ("stepped", "ended")}
print(json.dumps({name: between(*ends) for name, ends in stages.items()} | {"all": between("started", "ended")}))
