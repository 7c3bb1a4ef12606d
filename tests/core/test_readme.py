"""What the README shows works as it is printed."""

import csv
import json
import re
import shlex
from pathlib import Path

import pytest

from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.reading import arguments
from dlplug.testing import check_plugin

README = Path(__file__).parents[2] / "README.md"
PLUGINS = README.parent / "plugins" / "README.md"
SHOWN = re.compile(r"^(?:\$ |uv run |pip install uv && uv run )*dlplug run (.*)$", re.MULTILINE)


def block(language, containing, page=README):
    blocks = re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return next(text for text in blocks if containing in text)


def test_the_plugin_of_ones_own_learns(cli, in_tmp_path):
    (in_tmp_path / "moons.py").write_text(block("python", "# moons.py", PLUGINS))
    arguments = re.search(r"uv run dlplug (run moons .*)", PLUGINS.read_text(encoding="utf-8"))[1].split()
    said = cli(*arguments, "--wandb", "off", "--tensorboard", "off", "--out", "run", "--device", "cpu")
    assert said.code == 0, said.err
    losses = re.findall(r"train/loss ([\d.]+)", said.out)
    assert "finished after 500 steps" in said.out
    assert float(losses[-1]) < 0.5


@pytest.fixture
def observer(in_tmp_path):
    """The file that the plugins' page prints."""
    (in_tmp_path / "csv_rows.py").write_text(block("python", "# csv_rows.py", PLUGINS))
    return ["-p", "csv_rows.py", "--wandb", "off", "--tensorboard", "off", "--console.show", "off", "--device", "cpu"]


def test_the_observer_of_ones_own_writes_what_was_logged(cli, observer):
    printed = re.search(r'uv run dlplug (run mlp-moons .*) --csv.separator ";"', PLUGINS.read_text(encoding="utf-8"))
    assert printed[1] == "run mlp-moons -p ./csv_rows.py"
    said = cli(
        "run", "mlp-moons", *observer, "--csv.separator", ";", "--steps", "40", "--log-every", "10", "--out", "run"
    )
    assert said.code == 0, said.err
    with Path("run/numbers.csv").open(newline="") as file:
        table = list(csv.DictReader(file, delimiter=";"))
    logged = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    numbers = [{k: v for k, v in row.items() if isinstance(v, (int, float))} for row in logged]
    assert len(table) == len(numbers) >= 4
    assert [{k: float(v) for k, v in row.items() if v} for row in table] == [pytest.approx(row) for row in numbers]


def test_the_observer_of_ones_own_can_be_told_to_be_quiet(cli, observer):
    assert cli("run", "mlp-moons", *observer, "--csv", "off", "--steps", "2", "--out", "run").code == 0
    assert not Path("run/numbers.csv").exists()


def test_the_observer_of_ones_own_is_a_sound_plugin_of_about_thirty_lines(observer):
    check_plugin("csv_rows", load_host(["csv_rows.py"]))
    lines = [line for line in Path("csv_rows.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 34


PAGES = [README, PLUGINS, *sorted(README.parent.glob("plugins/*/**/README.md"))]


def runs_shown():
    """(page, arguments) of every run that a block of a page shows, but for those of one's own plugin."""
    for page in PAGES:
        for text in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in SHOWN.findall(text):
                words = shlex.split(line, comments=True)
                if not {"-p", "--help"} & {*words}:
                    yield pytest.param(words, id=f"{page.parent.name}: {' '.join(words)}")


@pytest.mark.parametrize("words", runs_shown())
def test_every_run_that_a_page_shows_has_these_options(words):
    host, (recipe, *options) = load_host(), words
    preset = ""
    if "--preset" in options:
        preset = options.pop(options.index("--preset") + 1)
        options.remove("--preset")
    resolve(host, recipe, [arguments(options)], preset)


def test_no_page_installs_what_no_index_has():
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("uv run dlplug", "")
        assert not re.findall(r"pip install .*dlplug", text), page


def test_ci_calls_the_readmes_test_command():
    script = README.with_name(".ci") / "run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert "uv run pytest" in commands
    assert "pip install uv && uv run pytest" in README.read_text(encoding="utf-8")
