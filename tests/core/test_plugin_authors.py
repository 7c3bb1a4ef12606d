"""Mistakes of whoever writes a plugin are said, and traced to the plugin."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

import dlplug
from dlplug import UserError, testing
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve


def plugin(source, name="mine.py"):
    Path(name).write_text("from dlplug import *\nfrom dlplug.recipes import *\nfrom typing import *\n" + source)
    return load_host([name])


def error_of(host, name="mine"):
    return next(plugin.error for plugin in host.plugins if plugin.name == name)


def test_a_hook_that_is_not_marked_is_said():
    assert "register_data is a hook, but is not marked as one" in error_of(plugin("def register_data(): return {}"))
    assert error_of(plugin("def train(): return {}\ndef register_envs(): pass", "other.py"), "other") == ""


def test_a_misspelt_hook_gets_the_nearest():
    error = error_of(plugin("@hookimpl\ndef register_recipies(): return {}"))
    assert "unknown hook 'register_recipies'" in error
    assert "Did you mean register_recipes" in error


RECIPE = """
@hookimpl
def register_recipes():
    return {"mine": Recipe(summary="s", data="two-moons", model="multilayer-perceptrn", loss="cross-entropy",
                           optimizer="adam", length="3 steps", source="none")}
"""


def test_an_unknown_part_is_traced_to_its_recipe_and_plugin():
    host = plugin(RECIPE)
    with pytest.raises(
        UserError, match=r"recipe 'mine' of mine\.py does not work: unknown model 'multilayer-perceptrn'"
    ):
        resolve(host, "mine", [])
    with pytest.raises(UserError, match=r"^unknown model 'other'"):
        resolve(host, "mine", [{"model": "other"}])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("noise: complex = 1j", "the option noise is annotated"),
        ("noise: float = 'a lot'", "--noise"),
        ("noise: int = 0.5", "--noise"),
        ("noise: dict = {}", "the option noise is annotated"),
        ("noise: Literal['a', 'b'] = 'c'", "--noise"),
    ],
)
def test_options_that_cannot_be_typed_are_refused(option, message):
    host = plugin(
        f"def factory(*, {option}):\n    'A factory.'\n@hookimpl\ndef register_data(): return {{'d': factory}}"
    )
    with pytest.raises(AssertionError, match=message):
        testing.check_plugin("mine", host)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("noise: complex = 1j", "its option noise is annotated complex; expected int, float"),
        ("noise: dict[str, int] = {}", "its option noise is annotated dict[str, int]; expected int, float"),
        ("noise: int | Recipe = 1", "its option noise is annotated int | dlplug.recipes.Recipe; expected int"),
        ("noise: float = 'a lot'", "its option noise is a float, but has the default 'a lot'"),
    ],
)
def test_a_run_with_options_that_cannot_be_typed_names_the_plugin(option, message):
    host = plugin(f"def factory(*, {option}): 'A factory.'\n@hookimpl\ndef register_data(): return {{'d': factory}}")
    with pytest.raises(UserError, match=r"data 'd' of mine\.py does not load .*" + re.escape(message)):
        resolve(host, "mlp-moons", [{"data": "d", "steps": 1}])


def test_options_that_can_be_typed_pass():
    options = "a: int = 1, b: float = 1, c: float | None = None, d: tuple[int, ...] = (1, 2), e: Literal['x'] = 'x'"
    host = plugin(
        f"def factory(*, {options}):\n    'A factory.'\n@hookimpl\ndef register_data(): return {{'d': factory}}"
    )
    testing.check_plugin("mine", host)


WATCHING = """
from dlplug.testing import load_host
toys = load_host([TOYS]).recipe("toy-lstm")
import dataclasses
@hookimpl
def register_recipes(): return {"watching": dataclasses.replace(toys, watch=["train/los"])}
"""


def test_a_wrong_name_in_watch_is_refused(toys):
    Path("w.py").write_text("from dlplug import hookimpl" + WATCHING.replace("TOYS", repr(toys)))
    with pytest.raises(AssertionError, match="watching watches 'train/los', which is not logged; train/loss is"):
        testing.check_recipe("watching", {}, load_host([toys, "w.py"]))


def test_a_verb_with_the_name_of_the_cores_is_a_clash(cli):
    Path("mine.py").write_text(
        "from dlplug import hookimpl\n@hookimpl\ndef register_commands(): return {'show': print, 'own': print}\n"
    )
    said = cli("-p", "mine.py", "show", "digits")
    assert said.code == 2
    assert "command 'show' is registered by both dlplug" in said.err
    assert cli("-p", "mine.py", "list", "data").code == 0


def test_help_says_what_a_plugins_verb_does(cli):
    Path("mine.py").write_text(
        "from dlplug import hookimpl\n@hookimpl\ndef register_commands(): return {'greet': greet}\n"
        "def greet(argv):\n    'Greets whom it is told to.'\n"
    )
    said = cli("-p", "mine.py", "--help").out
    assert "verbs of the plugin mine:\n  greet       Greets whom it is told to.\n" in said


# A plugin that is a file


@pytest.fixture
def begun(cli):
    Path("mine").mkdir()
    Path("mine/own.py").write_text("from toys import *\n")
    line = ["-p", "mine/own.py", "run", "toy-moons", "--steps", "2", "--out", "runs/here", "--device", "cpu"]
    assert cli(*line, "--tensorboard", "off", "--console", "off", "-p", "no:wandb").code == 0


def test_the_file_that_a_run_was_begun_with_is_found_and_named(begun, cli, monkeypatch):
    monkeypatch.chdir("runs")
    said = cli("eval", "here", "-p", "no:wandb")
    assert said.code == 0
    assert f"with the plugin {Path('../mine/own.py').resolve()}, as the run was started" in said.out
    assert cli("resume", "here", "--steps", "3", "-p", "no:wandb").code == 0
    assert "test/accuracy" in dlplug.evaluate("here")


def test_the_configuration_alone_reproduces_a_run_of_a_file(begun, cli):
    config = "runs/here/config.yaml"
    assert str(Path("mine/own.py").resolve()) in Path(config).read_text()
    Path("runs/here/environment.json").unlink()
    assert cli("eval", "runs/here", "-p", "no:wandb").code == 0
    assert cli("run", "--config", config, "--out", "again", "-p", "no:wandb").code == 0
    assert (
        json.loads(Path("again/result.json").read_text())["metrics"]
        == json.loads(Path("runs/here/result.json").read_text())["metrics"]
    )
    assert Path("again/config.yaml").read_text() == Path(config).read_text()


def test_report_and_verify_find_the_file_of_a_run(begun, cli):
    said = cli("report", "runs/here", "-p", "no:wandb")
    assert said.code == 0
    assert "classify two moons" in Path("runs/here/report.md").read_text()
    assert f"run -p {Path('mine/own.py').resolve()} toy-moons" in Path("runs/here/report.md").read_text()
    Path("runs/toy-moons").mkdir()
    Path("runs/here").rename("runs/toy-moons/0001")
    said = cli("verify", "toy-moons", "--steps", "1", "--console", "off", "--tensorboard", "off", "-p", "no:wandb")
    assert Path("verified/toy-moons.json").is_file(), said
    Path("mine/own.py").unlink()
    assert cli("report", "runs/toy-moons/0001", "-p", "no:wandb").code == 0


def test_a_file_that_moved_is_said_and_may_be_given(begun, cli):
    Path("mine/own.py").rename("mine/moved.py")
    said = cli("eval", "runs/here", "-p", "no:wandb")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "own.py, which is missing: pass its new path by -p" in said.err
    Path("own.py").write_text(Path("mine/moved.py").read_text())
    assert cli("eval", "runs/here", "-p", "own.py", "-p", "no:wandb").code == 0


def test_a_package_that_a_run_was_begun_with_is_found_and_named(cli, toys):
    shutil.copytree(toys, "mine/own")
    line = ["-p", "mine/own/", "run", "toy-moons", "--steps", "2", "--out", "runs/here", "--device", "cpu"]
    assert cli(*line, "--tensorboard", "off", "--console", "off", "-p", "no:wandb").code == 0
    said = cli("eval", "runs/here", "-p", "no:wandb")
    assert f"with the plugin {Path('mine/own').resolve()}, as the run was started" in said.out
    Path("mine/own").rename("mine/moved")
    said = cli("eval", "runs/here", "-p", "no:wandb")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "own, which is missing: pass its new path by -p" in said.err


def test_a_package_with_another_users_module_is_not_loaded_unasked(cli, toys, monkeypatch, in_tmp_path):
    shutil.copytree(toys, "mine/own")
    line = ["-p", "mine/own", "run", "toy-moons", "--steps", "2", "--out", "runs/here", "--device", "cpu"]
    assert cli(*line, "--tensorboard", "off", "--console", "off", "-p", "no:wandb").code == 0
    monkeypatch.setattr("os.getuid", lambda: Path("mine/own").stat().st_uid + 1)
    said = cli("eval", "runs/here", "-p", "no:wandb")
    assert said.code == 2
    assert "which is not loaded unasked: read it, and pass it by -p" in said.err


def test_a_file_in_the_run_folder_is_not_loaded_unasked(begun, cli):
    config, bad = Path("runs/here/config.yaml"), Path("runs/here/bad.py")
    bad.write_text("raise AssertionError('executed')")
    config.write_text(config.read_text().replace(str(Path("mine/own.py").resolve()), str(bad.resolve())))
    said = cli("eval", "runs/here", "-p", "no:wandb")
    assert said.code == 2
    assert "which is not loaded unasked: read it, and pass it by -p" in said.err


def test_the_verb_of_the_readme_works(cli, in_tmp_path):
    page = (Path(__file__).parents[2] / "plugins" / "README.md").read_text(encoding="utf-8")
    source = page[page.index("# favourite.py") :].partition("```")[0]
    Path("favourite.py").write_text(source)
    for number in range(2):
        (in_tmp_path / "runs" / "digits" / str(number)).mkdir(parents=True)
        (in_tmp_path / "runs" / "digits" / str(number) / "config.yaml").touch()
    mine = ("-p", "favourite.py", "favourite")
    assert cli(*mine).out == "digits\n"
    assert cli(*mine, "--runz", "x").err.endswith("does not take '--runz x'. Did you mean --runs?\n")
    testing.check_command("favourite", load_host(["favourite.py"]))
