"""`dlplug exercise`, on the course that the plugins' page prints: stubs, checks, hints, solutions."""

from __future__ import annotations

import ast
import functools
import json
import sys
from pathlib import Path

import pytest
from dlplug_commands.exercise.original import original_of, stub
from dlplug_commands.exercise.standing_in import in_place_of
from test_readme import PLUGINS, block

from dlplug.exercises import Exercise, loaded
from dlplug.host.plugins import load_host
from dlplug.recipes import Target
from dlplug.testing import assert_close, called, check_exercise, check_plugin

FILE = Path("cross_entropy.py")
RIGHT = "    return torch.nn.functional.cross_entropy(logits, y)\n"
NOWHERE = Target("val/accuracy", "nothing", at_least=1)


@pytest.fixture
def exercise(cli, in_tmp_path):
    """The verb, with the course of the plugins' page."""
    (in_tmp_path / "course.py").write_text(block("python", "# course.py", PLUGINS))
    return lambda *words: cli("exercise", *words, "-p", "course.py")


def answer(body: str) -> None:
    """Writes the student's file with another body."""
    text = FILE.read_text().replace("    raise NotImplementedError\n", body)
    FILE.write_text(text)


def test_the_printed_course_is_a_sound_plugin(exercise):
    check_plugin("course", load_host(["course.py"]))
    printed = PLUGINS.read_text(encoding="utf-8")
    assert "dlplug exercise start cross-entropy -p ./course.py" in printed
    assert "dlplug exercise check cross-entropy -p ./course.py" in printed


def test_a_student_goes_from_the_list_to_the_solution(exercise):
    assert "cross-entropy" in exercise().out
    assert exercise("start", "cross-entropy").code == 0
    assert "exercise check cross-entropy -p course.py" in FILE.read_text()
    said = exercise("check", "cross-entropy")
    assert (said.code, said.err) == (1, "")
    assert said.out.startswith(f"{FILE}, line 16: cross_entropy is not written yet\n")
    assert "passed check" in exercise("solution", "cross-entropy").error()

    answer("    return -torch.log_softmax(logits, 0)[torch.arange(len(y)), y].mean()\n")
    wrong = exercise("check", "cross-entropy", "--json")
    assert wrong.code == 1
    assert wrong.json["passed"] is False
    assert "the cross entropy of logits up to 3: expected 1.75126" in wrong.json["problem"]

    FILE.unlink()
    exercise("start", "cross-entropy")
    answer(RIGHT)
    right = exercise("check", "cross-entropy.py".replace("-", "_"), "--json")
    assert right.code == 0, right
    assert right.json["passed"]
    assert right.json["value"] >= 0.95
    assert right.json["calls"] == 300
    row = next(row for row in exercise("--json").json if row["name"] == "cross-entropy")
    assert (row["state"], row["hints_shown"], row["plugin"]) == ("passed", 0, "course")
    shown = exercise("solution", "cross-entropy").out
    assert shown.startswith("# course.py, line 10\ndef cross_entropy(")
    assert "shifted.exp().sum(1, keepdim=True)" in shown


def test_the_plugin_s_own_function_is_restored(exercise):
    host = load_host(["course.py"])
    own = loaded(host.exercise("cross-entropy").function)
    before = own.__code__
    with pytest.raises(ZeroDivisionError), in_place_of(own, lambda logits, y: 1 / 0):
        own(1, 2)
    assert own.__code__ is before
    check_exercise("cross-entropy", host=host)


def test_a_stub_is_never_overwritten(exercise):
    exercise("start", "cross-entropy")
    FILE.write_text("mine")
    assert "never overwritten" in exercise("start", "cross-entropy").error()
    assert FILE.read_text() == "mine"


def test_hints_come_one_at_a_time(exercise):
    said = [exercise("hint", "cross-entropy").out for _ in range(3)]
    assert [line[:6] for line in said] == ["1 of 2", "2 of 2", "2 of 2"]
    assert "exp(300)" in said[1]
    assert json.loads(Path("exercises.json").read_text())["cross-entropy"]["hints"] == 2


def test_the_solution_may_be_asked_for(exercise):
    assert "def cross_entropy" in exercise("solution", "cross-entropy", "--show").out
    assert exercise("solution", "cross-entropy").code == 0
    row = next(row for row in exercise("--json").json if row["name"] == "cross-entropy")
    assert (row["state"], row["solution_shown"]) == ("", True)


def test_what_is_not_an_exercise_or_a_file_is_one_line(exercise):
    assert "Did you mean cross-entropy" in exercise("start", "cross-entopy").error()
    assert "needs an EXERCISE" in exercise("check").error()
    assert "exercise start cross-entropy" in exercise("check", "cross-entropy").error()
    assert "Did you mean course" in exercise("list", "curse").error()
    Path("exercises.json").write_text("[1]")
    assert "exercises.json" in exercise().error()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def cross_entropy(logits, y:\n", "line 1: '(' was never closed"),
        ("import nothing_like_this\n", "line 1: ModuleNotFoundError"),
        ("x = 1\n\ny = x / 0\n", "line 3: ZeroDivisionError"),
        ("def crossentropy(logits, y): pass\n", "no function cross_entropy; it has crossentropy"),
        ("cross_entropy = 3\n", "no function cross_entropy"),
        (
            "def cross_entropy(logits, labels): pass\n",
            "cross_entropy(logits, y); yours is cross_entropy(logits, labels)",
        ),
        ("def cross_entropy(logits, *, y): pass\n", "yours is cross_entropy(logits, *, y)"),
    ],
)
def test_a_file_that_cannot_be_checked_is_one_line(exercise, text, says):
    FILE.write_text(text)
    assert says in exercise("check", "cross-entropy").error()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("    pass\n", "expected a tensor () = 1.751, got None (is a `return` missing?)"),
        ("    return 'right'\n", "got 'right'"),
        ("    return torch.zeros(2)\n", "expected a tensor () = 1.751, got a tensor (2,) = [0.0, 0.0]"),
        ("    return logits @ y\n", "line 16: RuntimeError"),
        ("    return logits @ y\n", "logits a tensor (2, 3) = [2.0, 1.0, 0.0, 0.0, 0.0, 3.0], y a tensor (2,) = "),
        ("    logits -= 1\n    return logits.mean()\n", "changes argument 1 in place"),
        ("    return cross_entropy(logits, y)\n", "calls itself without end"),
        ("    p = logits.exp()\n    return -(p / p.sum(1, keepdim=True))[[0, 1], y].log().mean()\n", "got nan"),
    ],
)  # fmt: skip
def test_a_function_that_is_wrong_is_one_line(exercise, body, says):
    exercise("start", "cross-entropy")
    answer(body)
    said = exercise("check", "cross-entropy")
    assert (said.code, said.err) == (1, "")
    problem, hint = said.out.splitlines()
    assert says in problem
    assert hint == "a hint: dlplug exercise hint cross-entropy -p course.py"


def test_an_endless_loop_is_interrupted_and_its_line_named(exercise):
    exercise("start", "cross-entropy")
    answer("    import _thread\n\n    _thread.interrupt_main()\n    while True:\n        pass\n")
    said = exercise("check", "cross-entropy")
    assert said.code == 130
    assert said.err in [f"dlplug: stopped in line {line} of {FILE}\n" for line in (18, 19, 20)]


def training_only(loss: str) -> str:
    """The course, with a check that accepts everything, and with another loss."""
    text = Path("course.py").read_text()
    anything = "check=lambda written: written(torch.zeros(2, 2), torch.ones(2).long())"
    return text.replace("check=check_cross_entropy", anything).replace("    return cross_entropy(model", loss)


@pytest.mark.parametrize(
    ("loss", "body", "says"),
    [
        ("    return torch.nn.functional.cross_entropy(model", RIGHT, "never called cross_entropy"),
        ("    return cross_entropy(model", "    return -logits.mean()\n", "val/accuracy 0."),
        ("    return cross_entropy(model", "    return logits.sum() / 0 * 0\n", "mlp-moons with your cross_entropy: "),
        ("    return cross_entropy(model", "    return logits\n", "after cross_entropy returned a tensor (32, 2)"),
        ("    return cross_entropy(model", "    return logits[:2] @ y.float()\n", "line 16: RuntimeError"),
    ],
)
def test_what_the_training_shows_is_one_line(exercise, loss, body, says):
    Path("course.py").write_text(training_only(loss).replace('"steps": 300', '"steps": 40'))
    exercise("start", "cross-entropy")
    answer(body)
    said = exercise("check", "cross-entropy", "--json")
    assert said.code == 1
    assert says in said.json["problem"]
    assert "\n" not in said.json["problem"]


def own(x: float, /, *, power: float = 2.0) -> float:
    """x to a power."""
    return x**power


TABLE = {"own": own}
CUBE = functools.partial(own, power=3.0)


def test_every_reference_to_the_function_is_reached():
    passed = []

    def other(*arguments: float, **named: float) -> str:
        passed.append((arguments, named))
        return "other"

    with in_place_of(own, other):
        assert {own(2.0), TABLE["own"](2.0), CUBE(2.0)} == {"other"}
    assert passed == [((2.0,), {}), ((2.0,), {}), ((2.0,), {"power": 3.0})]
    assert (own(2.0), TABLE["own"](3.0), CUBE(2.0)) == (4.0, 9.0, 8.0)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import math\nfrom .near import far as f, no\nK = 2\ndef g(x):\n    # why\n    return f(math.pi) * K * g(x)",
         "import math\nfrom pack.near import far as f\nfrom pack.mod import K\n\n\ndef g(x):\n"),
        ("def g(x, *, y=1): return x", "def g(x, *, y=1):\n"),
        ("class A:\n    def g(self, x):\n        '''Doc.'''\n        return x",
         "from pack.mod import A\n\n\ndef g(self: A, x):\n    '''Doc.'''\n"),
    ],
)  # fmt: skip
def test_a_stub_has_what_the_function_needs_and_no_line_of_it(tmp_path, monkeypatch, source, expected):
    monkeypatch.delitem(sys.modules, "pack", raising=False)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "mod.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    name = "pack.mod:A.g" if source.startswith("class") else "pack.mod:g"
    text = stub(original_of(Exercise("s", name, "c", "r", NOWHERE)), "T")
    assert text.removeprefix('"""T"""\n\nfrom __future__ import annotations\n').lstrip("\n") == (
        f"{expected}    raise NotImplementedError\n"
    )


REGISTERED = load_host().names("exercises")


@pytest.mark.parametrize("name", REGISTERED)
def test_the_stub_of_a_registered_exercise_runs_and_has_its_own_signature(name, cli):
    assert cli("exercise", "start", name).code == 0
    said = cli("exercise", "check", name)
    assert said.code == 1
    assert said.out.splitlines()[0].endswith("is not written yet")
    path = Path(f"{name.replace('-', '_')}.py")
    assert isinstance(ast.parse(path.read_text()).body[-1], ast.FunctionDef)


@pytest.mark.slow
@pytest.mark.parametrize("name", REGISTERED)
def test_the_plugin_s_own_lines_pass_and_reach_the_target(name, cli):
    cli("exercise", "start", name)
    path = Path(f"{name.replace('-', '_')}.py")
    imports = path.read_text().rpartition("\n\n\n")[0]
    own = cli("exercise", "solution", name, "--show").out.partition("\n")[2]
    path.write_text(f"{imports}\n\n\n{own}")
    said = cli("exercise", "check", name, "--json")
    assert (said.code, said.json["passed"]) == (0, True), said
    assert said.json["calls"] > 0


def test_assert_close_names_the_place():
    import torch

    with pytest.raises(AssertionError, match=r"^what: expected 4 at \[1, 1\], got 5 \(2 of 4 numbers differ\)$"):
        assert_close(torch.tensor([[1.0, 2.5], [3.0, 5.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "what")
    with pytest.raises(AssertionError, match="got nan"):
        assert_close(torch.tensor([1.0, torch.nan]), torch.ones(2), "what")
    with pytest.raises(AssertionError, match="expected 2 values"):
        assert_close(torch.ones(2), (torch.ones(2), torch.ones(2)), "what")
    assert_close(1, 1.0, "what")
    with pytest.raises(AssertionError, match="its argument x"):
        called(lambda x: x.add_(1), x=torch.ones(2))
