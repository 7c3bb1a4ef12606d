"""Options that several factories share are declared once, as a frozen dataclass, and stand flat among its own."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from layers import complaint, registering, typed, with_plugins
from sources import both

import dlplug
from dlplug import PositiveInt, Range
from dlplug.host.plugins import load_host
from dlplug.host.signatures import REQUIRED, Option, inspected, read_signature
from dlplug.host.typeable import check_typeable

PAGE = Path(__file__).parents[2] / "plugins" / "README.md"
PACE = """
from dataclasses import dataclass
from typing import Literal
from dlplug import PositiveInt
Mode = Literal["fast", "slow"]

@dataclass(frozen=True)
class Pace:
    '''How fast.

    size, count: how big;
        and how many.
    mode: of the pace
    '''

    size: PositiveInt = 32
    count: int | None = None
    mode: Mode = "slow"
"""
ZOO = {
    "in_place": "def thing(*, a: int = 1, pace: Pace = Pace(), b: int = 2): ...",
    "without_a_default": "def thing(*, a: int, pace: Pace): ...",
    "overridden": "def thing(*, pace: Pace = Pace(size=64, mode='fast')): ...",
    "by_position": "def thing(*, pace: Pace = Pace(64, None)): ...",
    "by_a_constant": "SIZE = 2**5\ndef thing(*, pace: Pace = Pace(SIZE)): ...",
    "quoted": "def thing(*, pace: 'Pace' = Pace(7)): ...",
    "of_a_class": "class thing:\n    'T.'\n    def __init__(self, x, *, seed: int, pace: Pace, z: str = ''): ...",
    "of_a_base": "class Base:\n    def __init__(self, *, pace: Pace): ...\nclass thing(Base): 'T.'",
    "of_a_loss": "from dlplug import minimise\n@minimise\ndef thing(model, batch, *, pace: Pace = Pace(3)): 'T.'",
    "with_a_literal": "def thing(*, pace: Pace, mine: Mode = 'slow'): ...",
}


@pytest.mark.parametrize("name", ZOO)
def test_both_readers_agree(write, name):
    module = write("from PACE import Mode, Pace\n" + ZOO[name], pace=PACE)
    read = both(module, "thing")
    assert [option.name for option in read.options if option.name in ("size", "count", "mode")]
    (group,) = read.groups
    assert (group.name, group.options) == ("pace", ("size", "count", "mode"))


def test_fields_stand_in_place_of_their_group(write):
    module = write("from PACE import Pace\n" + ZOO["in_place"].replace("...", "'''T.\n\n    count: ours'''"), pace=PACE)
    assert both(module, "thing").options == (
        Option("a", int, 1),
        Option("size", PositiveInt, 32, "how big; and how many"),
        Option("count", int | None, None, "ours"),
        Option("mode", Literal["fast", "slow"], "slow", "of the pace"),
        Option("b", int, 2),
    )


@pytest.mark.parametrize(("name", "size"), [("overridden", 64), ("by_position", 64), ("by_a_constant", 32)])
def test_a_factory_gives_other_defaults(write, name, size):
    module = write("from PACE import Pace\n" + ZOO[name], pace=PACE)
    assert both(module, "thing").options[0].default == size


def test_a_group_may_extend_another(write):
    module = write(
        """
        import dataclasses
        from PACE import Pace

        @dataclasses.dataclass(frozen=True, kw_only=True)
        class Longer(Pace):
            "length: of it."

            size: int = 1
            length: float

        def thing(*, longer: Longer): ...
        """,
        pace=PACE,
    )
    options = both(module, "thing").options
    assert [(option.name, option.default) for option in options] == [
        ("size", 1),
        ("count", None),
        ("mode", "slow"),
        ("length", REQUIRED),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "QUICK = Pace(9)\ndef thing(*, pace: Pace = QUICK): ...",
        "import PACE\ndef thing(*, pace: PACE.Pace = PACE.Pace(9)): ...",
        "from functools import partial\ndef f(*, pace: Pace = Pace()): ...\nthing = partial(f, pace=Pace(9))",
        "@dataclass(frozen=True)\nclass Own:\n    size: int = field(default=9)\ndef thing(*, own: Own): ...",
        "@dataclass(frozen=True)\nclass Own:\n    x: ClassVar[int] = 3\n    size: int = 9\ndef thing(*, own: Own): ...",
    ],
)
def test_what_the_source_does_not_say_plainly_is_imported(write, source):
    imports = "from dataclasses import dataclass, field\nfrom typing import ClassVar\nfrom PACE import Pace\n"
    module = write(imports + source, pace=PACE)
    read = read_signature(f"{module}:thing")
    assert read == inspected(sys.modules[module].thing)
    assert (read.options[0].name, read.options[0].default) == ("size", 9)


@dataclass(frozen=True)
class Pace:
    """size: how big. count: how many."""

    size: PositiveInt = 32
    count: Annotated[int, Range(le=3)] = 2


@dataclass
class Loose:
    size: int = 1


@dataclass(frozen=True)
class Seeded:
    seed: int = 1


@dataclass(frozen=True)
class Nested:
    pace: Pace = Pace()


def test_the_factory_receives_the_dataclass():
    def factory(*, x: int = 0, pace: Pace = Pace(count=1), y: int = 3): ...

    signature = inspected(factory)
    assert signature.arguments({"x": 5, "size": 7}) == {"x": 5, "y": 3, "pace": Pace(size=7, count=1)}


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ({"pace": Pace, "size": int}, "it has the option size twice: in itself and in its group pace"),
        ({"one": Pace, "two": Pace}, "it has the option size twice: in its groups one and two"),
        ({"loose": Loose}, "its option loose is annotated with a dataclass; @dataclass(frozen=True) makes it a group"),
        ({"nested": Nested}, "its option pace is annotated with a dataclass; @dataclass(frozen=True) makes it a group"),
        ({"seeded": Seeded}, "its group seeded has the field seed, which is the factory's to take"),
    ],
)
def test_what_is_no_group_is_said_in_a_line(annotations, message):
    def factory(**options): ...

    import inspect

    made = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in annotations]
    factory.__signature__ = inspect.Signature(made)  # pyright: ignore[reportFunctionMemberAccess]
    factory.__annotations__ = annotations
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        check_typeable(inspected(factory))


class Grouped:
    """Data of a toy.

    noise: of it
    """

    unit, splits, finite = "", (), False
    spec: Any = None

    def __init__(self, *, noise: float = 0.5, pace: Pace = Pace(size=8)) -> None:
        self.noise, self.pace = noise, pace


def test_options_of_a_group_are_flat_on_every_layer(host):
    host.manager.register(registering(data={"grouped": Grouped}))
    host = with_plugins(host)
    config = typed("--data grouped --data.size 9", host, layers=[{"data": "grouped", "data.count": 3}])
    assert {key: config[key] for key in config if key.startswith("data.")} == {
        "data.noise": 0.5,
        "data.size": 9,
        "data.count": 3,
    }
    assert "Did you mean --data.count" in complaint(lambda: typed("--data grouped --data.cuont 3", host))
    assert "has no option --data.pace" in complaint(lambda: typed("--data grouped --data.pace 3", host))
    assert "--data.size must be above 0, got 0" in complaint(lambda: typed("--data grouped --data.size 0", host))
    assert "--data.count must be at most 3, got 4" in complaint(lambda: typed("--data grouped --data.count 4", host))


def test_metrics_and_samplers_receive_their_groups(host, quiet):
    def sized(product, data, *, pace: Pace = Pace()):
        """The size that was asked for."""
        return {"size": float(pace.size)}

    sized.__annotations__["pace"] = Pace
    host.manager.register(registering(samplers={"sized": sized}, metrics={"sized": sized}))
    host = with_plugins(host)
    layer = {**quiet, "steps": 1, "metrics": ["sized"], "metrics.sized.size": 7}
    run = dlplug.run("toy-moons", layer, out="here", host=host)
    assert next(value for name, value in run.result["metrics"].items() if name.endswith("/size")) == 7
    assert dlplug.sample("here", {"size": 5}, what="sized", host=host)["size"] == 5


def test_the_group_on_the_plugins_page_works(quiet):
    (source,) = re.findall(r"```python\n(# rings\.py\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    Path("rings.py").write_text(source)
    host = load_host(["rings.py"])
    options = {o.name: o for o in host.get("data", "rings").signature().options}
    assert options["batch_size"] == Option("batch_size", PositiveInt, 64, "points per batch")
    layer = {**quiet, "data": "rings", "data.batch_size": 16, "metrics": [], "steps": 2}
    dlplug.run("mlp-moons", layer, out="here", host=host)
    assert yaml.safe_load(Path("here/config.yaml").read_text())["data.batch_size"] == 16
    assert dlplug.resume("here", {"steps": 4, "data.batch_size": 8}, host=host).result["steps"] == 4
    assert yaml.safe_load(Path("here/config.yaml").read_text())["data.batch_size"] == 8
