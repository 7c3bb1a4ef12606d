"""The plugin host, on distributions that really are on the path: found, left out, merged, told apart."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from installing import GOOD, plugin_of

from dlplug.errors import UserError
from dlplug.host.plugins import load_host

GREETING = """from dlplug import hookimpl
@hookimpl
def register_commands(): return {'greet': print}
"""

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


def test_a_file_is_a_plugin_too(in_tmp_path):
    Path("greeting.py").write_text(GREETING)
    host = load_host(["greeting.py"])
    assert plugin_of(host, "greeting").origin == str(Path("greeting.py").resolve())
    assert "greet" in host.names("commands")


def test_a_package_is_a_plugin_too_and_imports_its_own_modules(toys):
    host = load_host([toys + "/"])
    assert plugin_of(host, "toys").origin == toys
    assert "toy-moons" in host.names("recipes")


@pytest.mark.parametrize("path", ["./nowhere.py", ".", "rl"])
def test_a_file_that_is_not_there_is_an_error(path):
    with pytest.raises(UserError, match="no Python file and no package; expected no:NAME"):
        load_host([path])


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
