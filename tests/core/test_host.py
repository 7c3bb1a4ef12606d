"""The plugin host, on distributions that really are on the path: found, isolated, blocked, merged, told apart."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlplug.errors import UserError
from dlplug.host.plugins import load_host

Install = Callable[..., None]

GOOD = """
    from dlplug import hookimpl
    from dlplug.recipes import Recipe

    @hookimpl
    def register_data():
        return {"good-data": "good_parts:Data"}

    @hookimpl
    def register_recipes():
        return {"good-recipe": Recipe(summary="works", data="good-data", length="3 steps", source="none")}
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("acme", source)` puts a distribution `acme-plug` 1.0 with the entry point `acme` on the path."""
    site, before = tmp_path / "site", set(sys.modules)
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(name: str, source: str, requires: str = "", **modules: str) -> None:
        module = f"{name.replace('-', '_')}_module"
        information = site / f"{name}_plug-1.0.dist-info"
        information.mkdir()
        required = f"Requires-Dist: {requires}\n" if requires else ""
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plug\nVersion: 1.0\n{required}")
        (information / "entry_points.txt").write_text(f"[dlplug]\n{name} = {module}\n")
        for file, text in {module: source, **modules}.items():
            (site / f"{file}.py").write_text(textwrap.dedent(text))

    yield put
    for name in set(sys.modules) - before:
        if name.endswith("_module") or name == "good_parts":
            del sys.modules[name]


def plugin_of(host, name):
    return next(plugin for plugin in host.plugins if plugin.name == name)


# Found


def test_an_installed_plugin_is_found_by_its_entry_point(install):
    install("good", GOOD, good_parts="class Data: pass")
    host = load_host()
    plugin = plugin_of(host, "good")
    assert (plugin.distribution, plugin.version, plugin.state) == ("good-plug", "1.0", "works")
    assert plugin.origin == "entry point good_module"
    assert host.recipe("good-recipe").summary == "works"
    assert host.problems() == []


def test_the_core_registers_by_the_same_door():
    host = load_host()
    assert plugin_of(host, "core").provides["trainers"] == ["torch"]
    assert {"adam", "adamw", "lbfgs", "radam", "rmsprop", "sgd"} == set(plugin_of(host, "core").provides["optimizers"])


def test_lazy_references_are_imported_only_when_loaded(install):
    install("good", GOOD, good_parts="class Data: pass")
    host = load_host()
    assert "good-data" in host.names("data")
    assert host.get("data", "good-data").signature().options == ()
    assert "good_parts" not in sys.modules
    assert host.get("data", "good-data").load().__name__ == "Data"
    assert "good_parts" in sys.modules


def test_a_lazy_reference_to_a_whole_mapping_is_followed(install):
    recipe = "Recipe(summary='far', data='d', length='1 steps', source='none')"
    install(
        "far",
        "from dlplug import hookimpl\n@hookimpl\ndef register_recipes(): return 'far_recipes_module:RECIPES'",
        far_recipes_module=f"from dlplug import Recipe\nRECIPES = {{'far-recipe': {recipe}}}",
    )
    assert load_host().recipe("far-recipe").summary == "far"


def test_a_file_is_a_plugin_too(toys):
    host = load_host([toys])
    assert plugin_of(host, "toys").origin == toys
    assert "toy-moons" in host.names("recipes")


@pytest.mark.parametrize("path", ["./nowhere.py", ".", "rl"])
def test_a_file_that_is_not_there_is_an_error(path):
    with pytest.raises(UserError, match="no such Python file; expected no:NAME"):
        load_host([path])


# Isolated

BROKEN = {
    "import": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "exit": ("raise SystemExit('stopped by bad')", "SystemExit: stopped by bad"),
    "syntax": ("def f(:", "SyntaxError: invalid syntax (broken_module.py, line 1)"),
    "raises": ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
    "unknown-hook": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_recipies(): return {}",
        "PluginValidationError: unknown hook 'register_recipies'",
    ),
    "wrong-argument": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(colour): return {}",
        "PluginValidationError: Plugin 'broken' for hook 'register_data'",
    ),
    "hook-raises": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(): return {}['x']",
        "KeyError: 'x'",
    ),
    "hook-exits": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(): raise SystemExit(3)",
        "SystemExit: 3",
    ),
    "number": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(): return 5",
        "TypeError: register_data must return a mapping from names, got 5",
    ),
    "pairs": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(): return ['ab']",
        "TypeError: register_data must return a mapping from names, got ['ab']",
    ),
    "nameless": (
        "from dlplug import hookimpl\n@hookimpl\ndef register_data(): return {1: 'x:Y'}",
        "TypeError: register_data must return a mapping from names, got {1: 'x:Y'}",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_reported_and_the_rest_works(install, kind):
    source, message = BROKEN[kind]
    install("broken", source)
    install("good", GOOD, good_parts="class Data: pass")
    host = load_host()
    plugin = plugin_of(host, "broken")
    assert plugin.state == "broken"
    assert plugin.error.startswith(message)
    (problem,) = host.problems()
    assert problem.startswith(f"plugin broken (broken-plug 1.0) is broken: {message}")
    assert "\n" not in problem
    assert host.recipe("good-recipe").summary == "works"
    assert host.manager.get_plugin("broken") is None, "a broken plugin must get no further hook calls"


def test_a_half_registered_plugin_leaves_no_hook_behind(install):
    install(
        "half",
        """
        from dlplug import hookimpl

        @hookimpl
        def run_started(run): raise AssertionError("called though broken")

        @hookimpl
        def register_recipes(): raise ValueError("no")
        """,
    )
    load_host().hook.run_started(run=None)


def test_asking_for_what_only_a_broken_plugin_could_give_says_so(install):
    install("broken", "import nowhere_at_all")
    with pytest.raises(UserError) as caught:
        load_host().recipe("their-recipe")
    assert "unknown recipe 'their-recipe'" in str(caught.value)
    assert "plugin broken (broken-plug 1.0) is broken: ModuleNotFoundError" in str(caught.value)


LAZY = """
    from dlplug import hookimpl

    @hookimpl
    def register_data(): return {"lost": "nowhere_at_all:Data"}

    @hookimpl
    def register_recipes(): return {"lost-recipe": "nowhere_at_all:RECIPE", "number": 5}
"""


def test_a_reference_that_leads_nowhere_breaks_that_name_alone(install, cli):
    install("lazy", LAZY)
    install("good", GOOD, good_parts="class Data: pass")
    host = load_host()
    assert host.problems() == []
    expected = "data 'lost' of lazy-plug 1.0 does not load from 'nowhere_at_all:Data': ModuleNotFoundError"
    with pytest.raises(UserError, match=expected):
        host.get("data", "lost").load()
    with pytest.raises(UserError, match=expected):
        host.get("data", "lost").signature()
    with pytest.raises(UserError, match=r"recipe 'number' of lazy-plug 1\.0 is not a Recipe but a int"):
        host.recipe("number")
    rows = {row["name"]: row["summary"] for row in cli("list", "--json").json}
    assert rows["good-recipe"] == "works"
    assert rows["lost-recipe"].startswith("broken: recipe 'lost-recipe' of lazy-plug 1.0 does not load")
    assert rows["number"].startswith("broken: ")
    assert "broken: data 'lost'" in cli("list", "data", "--json").out


def test_the_command_reports_a_broken_plugin_and_goes_on(install, cli):
    install("broken", "import nowhere_at_all")
    problem = "plugin broken (broken-plug 1.0) is broken: ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert problem in " ".join(cli("list").out.split())
    row = next(row for row in cli("plugins", "--json").json if row["name"] == "broken")
    assert (row["state"], row["version"], row["provides"]) == ("broken", "1.0", {})
    finding = next(finding for finding in cli("doctor", "--json").json if finding["name"] == "plugin broken")
    assert finding["works"] is False
    assert "-p no:broken" in finding["advice"]


def test_a_run_says_what_it_does_without(install, cli, toys):
    install("broken", "import nowhere_at_all")
    said = cli("-p", toys, "run", "toy-lstm", "--steps", "1", "--console", "off", "--tensorboard", "off",
               "--device", "cpu", "-p", "no:wandb")  # fmt: skip
    assert said.code == 0
    assert said.err.splitlines() == [
        "dlplug: plugin broken (broken-plug 1.0) is broken: ModuleNotFoundError: No module named 'nowhere_at_all'"
    ]


def test_a_failing_diagnosis_does_not_stop_the_doctor(install, cli):
    install("ill", "from dlplug import hookimpl\n@hookimpl\ndef diagnose(): raise OSError('no pulse')")
    install("fit", "from dlplug import hookimpl\n@hookimpl\ndef diagnose(): return [{'name': 'heart', 'says': 'ok'}]")
    said = cli("doctor", "--json")
    assert said.code == 1
    assert any(f["says"] == "its diagnosis failed: OSError: no pulse" and not f["works"] for f in said.json)
    assert {"name": "heart", "works": True, "says": "ok", "advice": ""} in said.json


@pytest.mark.parametrize(
    ("requires", "fault"),
    [
        ("nowhere-at-all", "it requires nowhere-at-all, and none is installed"),
        ("numpy<1", "it requires numpy<1, and "),
        ("numpy>=1", ""),
        ("nowhere-at-all; extra == 'more'", ""),
    ],
)
def test_doctor_misses_what_a_plugins_package_requires(install, cli, requires, fault):
    install("good", GOOD, requires, good_parts="class Data: pass")
    (finding,) = [finding for finding in cli("doctor", "--json").json if finding["name"] == "plugin good"]
    assert finding["works"] is (not fault)
    assert fault in finding["says"]


# Left out

POISON = "raise AssertionError('imported')"


def test_a_plugin_that_is_left_out_is_never_imported(install):
    install("poison", POISON)
    plugin = plugin_of(load_host(["no:poison"]), "poison")
    assert (plugin.state, plugin.error) == ("blocked", "")
    assert "poison_module" not in sys.modules


def test_an_allow_list_leaves_the_others_unimported(install):
    install("poison", POISON)
    install("good", GOOD, good_parts="class Data: pass")
    host = load_host(environ={"DLPLUG_PLUGINS": " good, "})
    assert host.names("recipes") == ["good-recipe"]
    assert "poison_module" not in sys.modules
    assert "torch" in host.names("trainers")


def test_an_empty_allow_list_leaves_the_core():
    host = load_host(environ={"DLPLUG_PLUGINS": ""})
    assert host.names("recipes") == []
    assert "torch" in host.names("trainers")


@pytest.mark.parametrize(
    ("options", "environ", "source"),
    [(["no:goot"], {}, "-p no:"), ([], {"DLPLUG_PLUGINS": "core,goot"}, "DLPLUG_PLUGINS")],
)
def test_a_name_that_is_no_plugin_is_an_error_with_the_nearest(install, options, environ, source):
    install("good", GOOD)
    with pytest.raises(UserError) as caught:
        load_host(options, environ)
    assert str(caught.value) == f"{source} names 'goot', which is not an installed plugin. Did you mean good?"


def test_the_core_cannot_be_left_out():
    with pytest.raises(UserError, match="names 'core'"):
        load_host(["no:core"])


# Strict


@pytest.mark.parametrize("kind", ["import", "unknown-hook", "hook-raises"])
def test_strict_makes_a_broken_plugin_an_error(install, kind):
    install("broken", BROKEN[kind][0])
    with pytest.raises(UserError, match=r"plugin broken \(broken-plug 1\.0\) is broken"):
        load_host(environ={"DLPLUG_STRICT": "1"})
    assert plugin_of(load_host(environ={"DLPLUG_STRICT": "0"}), "broken").state == "broken"


def test_strict_makes_a_clash_an_error(install):
    for name in ("one", "two"):
        install(name, "from dlplug import hookimpl\n@hookimpl\ndef register_data(): return {'shared': 'x:Y'}")
    with pytest.raises(UserError, match="registered by both"):
        load_host(environ={"DLPLUG_STRICT": "1"})


# Clashes


def test_a_clash_names_both_sides_and_breaks_that_name_alone(install):
    for name in ("one", "two"):
        install(
            name,
            "from dlplug import hookimpl\n@hookimpl\n"
            f"def register_data(): return {{'shared': 'x:Y', 'own-{name}': 'x:Y'}}",
        )
    host = load_host()
    message = (
        "data 'shared' is registered by both one-plug 1.0 and two-plug 1.0: leave one out with -p no:one or -p no:two"
    )
    assert host.problems() == [message]
    with pytest.raises(UserError) as caught:
        host.get("data", "shared")
    assert str(caught.value) == message
    assert host.get("data", "own-one").plugin.name == "one"
    assert host.get("data", "own-two").plugin.name == "two"
    assert load_host(["no:two"]).get("data", "shared").plugin.name == "one"


# Around a run


def test_a_wrapper_of_train_surrounds_a_run(install, host, quiet):
    from dlplug.host.hookspecs import hookimpl
    from dlplug.runs.runner import run

    seen = []

    class Profiler:
        @hookimpl(wrapper=True)
        def train(self, run):
            seen.append(f"before {run.step}")
            answer = yield
            seen.append(f"after {run.step}")
            return answer

        @hookimpl
        def run_started(self, run):
            seen.append("started")

    host.manager.register(Profiler())
    run("toy-lstm", {**quiet, "steps": 3}, host=host)
    assert seen == ["before 0", "started", "after 3"]


def test_a_plugin_that_answers_first_replaces_the_trainer(host, quiet):
    from dlplug.host.hookspecs import hookimpl
    from dlplug.runs.runner import run

    class Idle:
        @hookimpl
        def train(self, run):
            run.start("", 0, 0)
            return True

    host.manager.register(Idle())
    assert run("toy-lstm", {**quiet, "steps": 3}, host=host).result["steps"] == 0


# No global state


def test_two_hosts_stand_side_by_side(install, toys):
    install("good", GOOD, good_parts="class Data: pass")
    one, other = load_host([toys]), load_host(["no:good"])
    assert "toy-moons" in one.names("recipes")
    assert "good-recipe" in one.names("recipes")
    assert "toy-moons" not in other.names("recipes")
    assert "good-recipe" not in other.names("recipes")
    assert one.manager is not other.manager


def test_options_may_be_any_iterable(install, toys):
    install("poison", POISON)
    host = load_host(iter([toys, "no:poison"]))
    assert "toy-moons" in host.names("recipes")
    assert plugin_of(host, "poison").state == "blocked"
