"""A broken plugin is reported, and the rest works; or, under DLPLUG_STRICT, it is an error."""

from __future__ import annotations

import pytest
from installing import GOOD, plugin_of

from dlplug.errors import UserError
from dlplug.host.plugins import load_host

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
