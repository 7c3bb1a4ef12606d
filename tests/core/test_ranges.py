"""Which numbers an option takes: read from the source, shown by help, held by every way in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from math import inf, nan
from typing import Annotated, Any, get_args

import pytest
from layers import complaint, file_of

import dlplug
from dlplug import Fraction, NonNegativeInt, PositiveFloat, PositiveInt, ProperFraction, Range
from dlplug.host.plugins import KINDS, load_host
from dlplug.host.signatures import REQUIRED, Option, inspected, read_signature
from dlplug.options.help import add_options
from dlplug.options.layers import resolve
from dlplug.options.parsing import parse
from dlplug.options.reading import read_file
from dlplug.ranges import fault, ranges_of


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (PositiveInt, 1, ""),
        (PositiveInt, 0, "above 0, got 0"),
        (NonNegativeInt, 0, ""),
        (NonNegativeInt, -1, "at least 0, got -1"),
        (PositiveFloat, 1e-300, ""),
        (PositiveFloat, 0.0, "above 0, got 0"),
        (PositiveFloat | None, None, ""),
        (PositiveFloat | None, -0.5, "above 0 or None, got -0.5"),
        (Annotated[float | None, Range(gt=0)], None, ""),
        (Annotated[float | None, Range(gt=0)], 0.0, "above 0, got 0"),
        (Fraction, 1.0, ""),
        (Fraction, 1.0000001, "from 0 to 1, got 1.0000001"),
        (ProperFraction, 1.0, "at least 0 and below 1, got 1"),
        (Annotated[float, Range(gt=0, le=1)], 0.0, "above 0 and at most 1, got 0"),
        (Annotated[float, Range(le=0)], 0.5, "at most 0, got 0.5"),
        (tuple[PositiveInt, ...], (1, 2), ""),
        (tuple[PositiveInt, ...], (1, 0), "above 0, got 0"),
        (float, -inf, "a finite number, got -inf"),
        (float | None, nan, "a finite number, got nan"),
        (Fraction, nan, "a finite number, got nan"),
        (PositiveFloat, inf, "a finite number, got inf"),
        (tuple[float, ...], (0.0, nan), "a finite number, got nan"),
        (int, -(10**400), ""),
        (PositiveInt, 10**400, ""),
        (str, "nan", ""),
    ],
)
def test_what_a_type_allows(kind, value, expected):
    assert fault(kind, value) == expected


def factory(
    *,
    width: PositiveInt = 8,
    clip: PositiveFloat | None = None,
    sizes: tuple[PositiveInt, ...] = (1, 2),
    depth: Annotated[int, Range(ge=1, le=4)] = 2,
    kappa: float = inf,
    shift: float = 0.0,
):
    """F.

    width: of each layer.
    """


def test_ranges_are_read_from_the_source_without_an_import(tmp_path, monkeypatch):
    (tmp_path / "sized.py").write_text(
        "from typing import Annotated\n"
        "from dlplug import PositiveInt as Count, PositiveFloat, Range\n"
        "from sized_kinds import Depth, Sizes\n"
        "raise RuntimeError('no GPU')\n"
        "def factory(*, width: Count = 8, clip: PositiveFloat | None = None, sizes: Sizes = (1, 2),\n"
        "            depth: Depth = 2, rate: Annotated[float, Range(gt=0, le=1)] = 1.0): 'F.'\n"
    )
    (tmp_path / "sized_kinds.py").write_text(
        "from typing import Annotated\nfrom dlplug.ranges import PositiveInt, Range\nraise RuntimeError('no GPU')\n"
        "Depth = Annotated[int, Range(ge=1, le=4)]\nSizes = tuple[PositiveInt, ...]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {option.name: option for option in read_signature("sized:factory").options}
    real = {option.name: option for option in inspected(factory).options}
    for name in ("width", "clip", "sizes", "depth"):
        assert options[name].type == real[name].type
    assert list(ranges_of(options["rate"].type)) == [Range(gt=0, le=1)]


def test_an_option_without_a_type_has_that_of_its_default(tmp_path, monkeypatch):
    (tmp_path / "untyped.py").write_text("def factory(*, noise=0.1, size=3, fast=False, name='a', path): 'F.'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    read = read_signature("untyped:factory")
    import untyped  # pyright: ignore[reportMissingImports]

    assert read == inspected(untyped.factory)
    assert [option.type for option in read.options] == [float, int, bool, str, str]
    assert parse(read.options, {"noise": "0.3", "path": "3"}, "x")["noise"] == 0.3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"width": "0"}, "--width must be above 0, got 0"),
        ({"width": -1}, "--width must be above 0, got -1"),
        ({"clip": 0}, "--clip must be above 0 or None, got 0"),
        ({"sizes": [3, 0]}, "--sizes must be above 0, got 0"),
        ({"depth": "5"}, "--depth must be from 1 to 4, got 5"),
        ({"shift": "nan"}, "--shift must be a finite number, got nan"),
        ({"shift": -inf}, "--shift must be a finite number, got -inf"),
        ({"kappa": nan}, "--kappa must be a finite number, got nan"),
        ({"width": nan}, "--width: expected a whole number"),
    ],
)
def test_one_line_names_the_option(given, message):
    assert complaint(lambda: parse(inspected(factory).options, given, "x")).startswith(message)


def test_infinity_is_taken_where_it_is_the_default():
    assert parse(inspected(factory).options, {"kappa": "inf", "clip": "None"}, "x")["kappa"] == inf


def test_help_shows_the_range():
    parser = dlplug.CommandParser("x")
    add_options(parser, inspected(factory).options, {})
    out = parser.format_help()
    assert re.search(r"--width INT +of each layer; above 0 \(default: 8\)", out)
    assert re.search(r"--depth INT +from 1 to 4 \(default: 2\)", out)


def test_files_mappings_and_presets_are_held_to_it_too(host, quiet):
    message = "--optimizer.clip-norm must be above 0 or None, got 0"
    layer: dict[str, Any] = {"optimizer.clip_norm": 0}
    assert complaint(lambda: resolve(host, "toy-moons", [read_file(file_of("optimizer: {clip-norm: 0}"))])) == message
    assert complaint(lambda: dlplug.run("toy-moons", quiet | layer, host=host)) == message


def test_it_is_said_before_torch_is_imported():
    code = (
        "import sys; from dlplug.cli.main import main\n"
        "code = main(['run', 'mlp-moons', '--optimizer.clip-norm', '0'])\n"
        "sys.exit('torch' in sys.modules or code != 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "--optimizer.clip-norm must be above 0 or None, got 0" in done.stderr


def test_nesterov_needs_momentum(host, quiet):
    given = {**quiet, "optimizer": "sgd", "optimizer.nesterov": True}
    assert complaint(lambda: dlplug.run("toy-moons", given, host=host)) == "nesterov needs a momentum above 0"


# Everything that is registered

HOST = load_host()
ANY = {  # of these any number is right
    ("models", "q-network", "low"): "returns of a game may be anything; that it is below `high` is checked when built",
    ("models", "q-network", "high"): "returns of a game may be anything",
    ("metrics", "gradients", "theta"): "a logit may be anything",
    ("data", "self-play", "komi"): "Go may be played with any, also against Black",
    ("metrics", "solved", "threshold"): "returns may be anything",
    ("data", "seasons", "ar"): "that their noise is stationary is checked when built",
    **{
        (kind, "computation-graph", name): "where a function is drawn; a quotient by 0 is refused there"
        for kind in ("metrics", "samplers")
        for name in ("x1", "x2", "x3")
    },
}


def numeric(kind: Any) -> bool:
    return kind in (int, float) or any(map(numeric, get_args(kind)))


def registered() -> Iterator[tuple[tuple[str, str, str], Option]]:
    """Each numeric option of everything that is registered, and what has it."""
    for kind in set(KINDS) - {"recipes", "commands"}:
        for entry in HOST.entries(kind):
            yield from (((kind, entry.name, o.name), o) for o in entry.signature().options if numeric(o.type))
    stepper = read_signature("dlplug.training.stepper:Stepper").options
    yield from ((("optimizers", "", option.name), option) for option in stepper if numeric(option.type))


def test_every_numeric_option_says_its_range():
    for place, option in registered():
        assert (place in ANY) != any(ranges_of(option.type)), f"{place}: which numbers are right?"


def test_defaults_are_in_their_range():
    for place, option in registered():
        assert option.default is REQUIRED or not fault(option.type, option.default), place
