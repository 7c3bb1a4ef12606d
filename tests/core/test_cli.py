"""The command: verbs, their help, and a run from end to end as a person types it."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from dlplug.host.plugins import load_host

VERBS = ("run", "resume", "eval", "list", "show", "runs", "sample", "verify", "plugins", "doctor", "completion")


def test_help_names_every_verb_with_what_it_does(cli):
    said = cli("--help")
    assert (said.code, said.err) == (0, "")
    lines, host = " ".join(said.out.split()), load_host()
    for verb in VERBS:
        assert f" {verb} {host.get('commands', verb).signature().summary}" in lines
    assert cli() == cli("-h") == cli("help") == said


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_of_its_own(cli, verb):
    said = cli(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: dlplug {verb} ")
    assert "flags:" in said.out


def test_help_is_asked_for_in_three_ways(cli):
    assert cli("help", "list") == cli("list", "-h") == cli("list", "--help")


def test_without_their_plugin_the_other_verbs_are_gone(cli):
    said = cli("-p", "no:commands", "--help").out
    assert all(f"\n  {verb} " in said for verb in ("run", "resume", "eval"))
    assert "\n  list " not in said
    said = cli("-p", "no:commands", "list")
    assert said.err.startswith("dlplug: unknown command 'list'.")
    assert said.err.endswith(" Of the plugins, commands is left out or broken.\n")


def test_a_plugin_that_takes_a_verb_clashes(cli):
    Path("mine.py").write_text(
        "from dlplug import hookimpl\n@hookimpl\ndef register_commands(): return {'run': lambda argv: 0}\n"
    )
    said = cli("-p", "mine.py", "run", "mlp-moons")
    assert said.code == 2
    assert "command 'run' is registered by both dlplug" in said.err


def test_a_verb_may_be_a_function_of_parsed_flags(cli):
    Path("mine.py").write_text(
        "from dlplug import CommandParser, hookimpl, parsed_by\n"
        "def greet_parser():\n"
        "    parser = CommandParser('dlplug greet', description='Greets.')\n"
        "    parser.add_argument('name', metavar='NAME')\n"
        "    parser.add_argument('--loud', action='store_true')\n"
        "    return parser\n"
        "@parsed_by(greet_parser)\n"
        "def greet(flags, host):\n"
        "    'Greets.'\n"
        "    print(flags.name.upper() if flags.loud else flags.name, host.options)\n"
        "    return 7\n"
        "@hookimpl\ndef register_commands(): return {'greet': greet}\n"
    )
    mine = ("-p", "mine.py", "greet")
    said = cli(*mine, "you", "--loud")
    assert (said.code, said.out) == (7, "YOU ['mine.py']\n")
    assert cli(*mine, "--help").out.startswith("usage: dlplug greet [-h] [--loud] NAME\n\nGreets.\n")
    assert cli(*mine).err == "dlplug: dlplug greet needs a NAME\n"
    assert cli(*mine, "you", "--lout").err == "dlplug: dlplug greet does not take '--lout'. Did you mean --loud?\n"
    assert cli("-p", "mine.py", "completion", "candidates", "greet", "you").out == "--loud\n"


def test_version(cli):
    assert cli("--version").out == f"dlplug {metadata.version('dlplug')}\n"


# A run from end to end


def test_a_metric_that_is_not_finite_is_null_in_json(toy):
    Path("never.py").write_text(
        "from dlplug import hookimpl\n\n"
        "def never(product, data):\n    return {'score': float('nan')}\n\n"
        "@hookimpl\ndef register_metrics():\n    return {'never': never}\n"
    )
    quiet = ("-p", "never.py", "-p", "no:wandb")
    assert toy("run", "toy-moons", "--steps", "2", "--metrics", "never", "--out", "run", *quiet).code == 0
    said = toy("eval", "run", "--json", *quiet)
    assert "NaN" not in said.out
    assert said.json == {"test/score": None}


def test_run_resume_eval_as_a_person_would(toy):
    quiet = ("--device", "cpu", "--tensorboard", "off", "-p", "no:wandb")
    said = toy("run", "toy-moons", "--steps", "60", "--out", "mine", *quiet)
    assert said.code == 0
    assert "finished after 60 steps" in said.out
    assert json.loads(Path("mine/result.json").read_text())["steps"] == 60
    said = toy("resume", "mine", "--steps", "80", "-p", "no:wandb")
    assert "resumed at step 60" in said.out
    assert json.loads(Path("mine/result.json").read_text())["steps"] == 80
    values = toy("eval", "mine", "--json", "-p", "no:wandb").json
    assert 0.4 < values["test/accuracy"] <= 1
    assert "test/accuracy: " in toy("eval", "mine", "-p", "no:wandb").out
    assert "mine exists already" in toy("run", "toy-moons", "--out", "mine", *quiet).error()
    Path("over.yaml").write_text("steps: 3\nconsole: off\n")
    said = toy("run", "toy-moons", "--config", "over.yaml", "--seed", "5", *quiet)
    assert (said.code, said.out) == (0, "")
    (folder,) = Path("runs/toy-moons").iterdir()
    assert json.loads((folder / "result.json").read_text())["steps"] == 3


def test_a_plugins_command_is_a_verb(cli):
    Path("mine.py").write_text(
        "from dlplug import hookimpl\n@hookimpl\ndef register_commands(): return {'greet': greet}\n"
        "def greet(argv):\n    'Greets.'\n    print('hello', *argv)\n    return 7\n"
    )
    said = cli("-p", "mine.py", "greet", "you", "--help")
    assert (said.code, said.out) == (7, "hello you --help\n")
    assert "\n  greet       Greets." in cli("-p", "mine.py", "--help").out
    assert "greet" in [row["name"] for row in cli("-p", "mine.py", "list", "commands", "--json").json]


def test_a_plugins_command_is_given_the_host_where_it_names_it(cli, in_tmp_path):
    (in_tmp_path / "own.py").write_text(
        "from dlplug import hookimpl\n"
        "def plain(argv): print(argv); return 0\n"
        "def hosted(argv, host): print(argv, host.options); return 3\n"
        "@hookimpl\n"
        "def register_commands(): return {'plain': plain, 'hosted': hosted}\n"
    )
    assert cli("-p", "own.py", "plain", "a").out == "['a']\n"
    said = cli("-p", "own.py", "-p", "no:sb3", "hosted", "a")
    assert (said.code, said.out) == (3, "['a'] ['own.py', 'no:sb3']\n")
