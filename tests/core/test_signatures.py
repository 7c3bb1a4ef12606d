"""A schema read from the source equals the one that the imported object has."""

from __future__ import annotations

import sys
from typing import Literal

import pytest
from sources import both

from dlplug.host.plugins import load_host
from dlplug.host.signatures import REQUIRED, Option, inspected, read_signature

KINDS = ("data", "models", "losses", "optimizers", "trainers", "metrics", "samplers", "observers")
REGISTERED = [(kind, entry.name) for kind in KINDS for entry in load_host().entries(kind)]


@pytest.mark.parametrize(("kind", "name"), REGISTERED)
def test_everything_registered_reads_as_it_is(kind, name):
    entry = load_host().get(kind, name)
    read = entry.signature()
    assert read == inspected(entry.load())
    assert read.summary


def test_types_and_defaults(write):
    module = write(
        """
        from collections.abc import Sequence
        from pathlib import Path
        from typing import Literal, Optional

        def factory(
            spec,
            *,
            a: int,
            b: float = -1.5,
            c: Literal["x", "y"] = "x",
            d: int | None = None,
            e: Optional[str] = "e",
            f: tuple[int, ...] = (1, 2),
            g: "float | None" = 2e-3,
            h: bool = True,
            i=3,
            j: Path = None,
            k: Sequence[float] = (0.5, 1 / 4),
            l: int = 2**10,
        ):
            "Makes it."
        """
    )
    read = both(module, "factory")
    assert [option.name for option in read.options] == list("abcdefghijkl")
    by_name = {option.name: option for option in read.options}
    assert by_name["a"] == Option("a", int, REQUIRED)
    assert by_name["b"] == Option("b", float, -1.5)
    assert by_name["c"] == Option("c", Literal["x", "y"], "x")
    assert by_name["d"] == Option("d", int | None, None)
    assert by_name["f"] == Option("f", tuple[int, ...], (1, 2))
    assert by_name["g"] == Option("g", float | None, 2e-3)
    assert by_name["k"].default == (0.5, 0.25)
    assert by_name["l"].default == 1024
    assert read.summary == "Makes it."


def test_constants_of_the_module_are_defaults_and_types(write):
    module = write(
        """
        from typing import Literal

        Mode = Literal["fast", "slow"]
        SIZE: int = 4
        SIZES = (SIZE, 2 * SIZE)

        def factory(*, mode: Mode = "fast", sizes: tuple[int, ...] = SIZES): ...
        """
    )
    mode, sizes = both(module, "factory").options
    assert mode.type == Literal["fast", "slow"]
    assert sizes.default == (4, 8)


def test_seed_is_taken_and_is_no_option(write):
    read = both(write("def factory(*, seed: int, size: int = 1): ..."), "factory")
    assert read.takes == ("seed",)
    assert [option.name for option in read.options] == ["size"]


def test_the_run_is_taken_and_its_type_is_not_looked_at(write):
    read = both(write("from dlplug import Run\ndef factory(*, run: Run, size: int = 1, seed: int): ..."), "factory")
    assert read.takes == ("run", "seed")
    assert [option.name for option in read.options] == ["size"]


def test_positional_arguments_are_no_options(write):
    assert both(write("def factory(model, depth=3, *rest, **more): ..."), "factory").options == ()


def test_the_docstring_explains_options(write):
    module = write(
        '''
        class Thing:
            """A thing.

            Not an option: this line.
            size, width: how big;
                and a second line.
            depth: of it.
            """

            def __init__(self, *, size: int = 1, width: int = 2, depth: int = 3, mute: int = 4):
                """mute: said at the constructor."""
        '''
    )
    read = both(module, "Thing")
    assert read.summary == "A thing."
    assert {option.name: option.help for option in read.options} == {
        "size": "how big; and a second line",
        "width": "how big; and a second line",
        "depth": "of it",
        "mute": "said at the constructor",
    }


def test_a_constructor_and_a_unit_are_inherited_across_modules(write):
    module = write(
        """
        from MIDDLE import Middle as Between

        class Leaf(Between):
            "A leaf."
        """,
        middle="""
        from FAR import Base

        class Middle(Base):
            unit: str = "frames"
        """,
        far="""
        DEFAULT = 7

        class Base:
            unit = "nothing"

            def __init__(self, *, size: int = DEFAULT, seed: int):
                "size: of the base."
        """,
    )
    read = both(module, "Leaf")
    assert read.options == (Option("size", int, 7, "of the base"),)
    assert (read.unit, read.takes, read.summary) == ("frames", ("seed",), "A leaf.")


def test_a_class_without_a_constructor_below_torch(write):
    module = write(
        """
        from torch import nn
        from torch.nn import Module
        from torch.utils.data import Dataset

        class One(nn.Module): "One."
        class Two(Module): "Two."
        class Three(One, Dataset): "Three."
        """
    )
    for name in ("One", "Two", "Three"):
        assert read_signature(f"{module}:{name}").options == ()
    assert module not in sys.modules


def test_the_lazy_names_of_dlplug_are_followed(write):
    module = write(
        """
        from dlplug import Data, Loss

        class Mine(Data): unit = "points"
        class Yours(Loss): "No options."
        """
    )
    assert both(module, "Mine").unit == "points"
    sys.modules.pop(module)
    assert both(module, "Yours").options == ()


def test_a_function_that_minimise_decorates(write):
    module = write(
        """
        from dlplug import minimise

        @minimise
        def entropy(model, batch, *, smoothing: float = 0.1):
            '''Entropy.

            smoothing: of the labels.
            '''
        """
    )
    smoothing, micro = both(module, "entropy").options
    assert smoothing == Option("smoothing", float, 0.1, "of the labels")
    assert (micro.name, micro.default) == ("micro", 1)


@pytest.mark.parametrize(
    "source",
    [
        "from functools import partial\ndef f(x, *, a: int = 1): 'F.'\nthing = partial(f, a=2)",
        "import math\ndef thing(*, a: float = math.pi): ...",
        "def thing(*, a: float = float('inf')): ...",
        "if True:\n    def thing(*, a: int = 5): ...",
        "from dataclasses import dataclass\n@dataclass(kw_only=True)\nclass thing:\n    'T.'\n    a: int = 6",
        "import decimal\nclass thing(decimal.Context):\n    def __init__(self, *, a: int = 1): ...",
        "class Base:\n    def __init__(self, *, a: int = 1): ...\nAlias = Base\nclass thing(Alias): 'T.'",
    ],
)
def test_what_the_source_does_not_say_plainly_is_imported(write, source):
    module = write(source)
    read = read_signature(f"{module}:thing")
    assert read == inspected(sys.modules[module].thing)
    assert [option.name for option in read.options] == ["a"]


def test_a_module_that_raises_on_import_can_still_be_read(write):
    module = write("raise RuntimeError('no GPU')\nimport nowhere\ndef factory(*, a: int = 1): 'F.'")
    assert read_signature(f"{module}:factory").options == (Option("a", int, 1),)


def test_reading_everything_that_is_installed_imports_no_torch():
    import subprocess

    code = """
import sys
from dlplug.host.plugins import KINDS, load_host
host = load_host()
for kind in KINDS[1:-1]:
    for entry in host.entries(kind):
        entry.signature()
print(sorted({"torch", "wandb", "gymnasium"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
