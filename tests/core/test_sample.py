"""`dlplug sample`: options, what is written where, texts that are shown as they are made, and errors of one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from dlplug_commands.completion import candidates
from imageio.v3 import imread

import dlplug
from dlplug import UserError, testing
from dlplug.host.plugins import load_host
from dlplug.runs.sample_files import numbered_folder
from dlplug.runs.samples import sampler_of


@pytest.fixture(scope="module")
def tellers(tmp_path_factory):
    """The plugin, and a finished run of its recipe."""
    folder = tmp_path_factory.mktemp("shown")
    toys, plugin = (str(Path(__file__).parent / name) for name in ("toys", "tellers.py"))
    host = load_host([toys, plugin])
    overlay = testing.QUIET | ({"wandb.mode": "off"} if "wandb" in host.names("observers") else {})
    dlplug.run("toy-shown", overlay | {"seed": 3}, out=str(folder / "run"), host=host)
    return host, ["-p", toys, "-p", plugin], folder / "run"


@pytest.fixture
def sample(cli, tellers):
    """The verb, on the run."""
    _, plugins, run = tellers
    return lambda *arguments: cli("sample", str(run), *arguments, *plugins)


# Where things go


def test_media_are_written_and_numbered_and_numbers_printed(sample, tellers):
    said, again = sample(), sample("--count", "5")
    assert said.code == again.code == 0
    first, second = (Path(text.out.splitlines()[0].removeprefix("grid: ")) for text in (said, again))
    assert (first.parent.parent, first.name) == (tellers[2] / "samples", "grid.png")
    assert int(second.parent.name) == int(first.parent.name) + 1
    assert imread(first).shape == (4, 8, 3), "the recipe's own default"
    assert imread(second).shape == (4, 20, 3)
    assert said.out.splitlines()[1:] == ["count: 2", "mean: 0.25"]
    assert "grid: 2 pictures" in said.err


def test_json_has_paths_and_numbers_and_nothing_else(sample):
    made = sample("--note", "--json").json
    assert made.keys() == {"grid", "count", "mean", "a/note"}
    assert Path(made["a/note"]).name == "a-note.txt"
    assert Path(made["a/note"]).read_text() == "written"
    told = sample("--what", "tale", "--prompt", "it", "--json").json
    assert Path(told["tale"]).read_text() == "it 0 1 2"


def test_seeds(sample):
    def pixels(*arguments):
        return imread(sample("--json", *arguments).json["grid"]).tolist()

    assert pixels() == pixels() == pixels("--seed", "3"), "the run's own seed"
    assert pixels("--seed", "4") != pixels()
    assert sample("--what", "tale", "--prompt", "a", "--seed", "7").out == "a 0é 1é 2é\n"


def test_out_is_a_file_or_a_new_folder(sample):
    sample("--out", "deep/mine.jpg", "--note")
    assert sorted(os.listdir("deep")) == ["mine-a-note.txt", "mine.jpg"]
    sample("--out", "folder")
    assert os.listdir("folder") == ["grid.png"]
    sample("--what", "word", "--out", "word.md")
    assert Path("word.md").read_text() == "parameters"
    sample("--what", "clip", "--out", "clip.gif")
    assert imread("clip.gif", index=None).shape == (5, 32, 48, 3)


@pytest.mark.parametrize("out", ["word.txt", "folder", "file"])
def test_nothing_is_overwritten(sample, out):
    Path("folder").mkdir()
    for path in ("word.txt", "folder/thesis", "file"):
        Path(path).write_text("precious")
    assert f"{out} exists already: choose another --out" in sample("--what", "word", "--out", out).error()
    assert {Path(path).read_text() for path in ("word.txt", "folder/thesis", "file")} == {"precious"}


def test_two_processes_never_take_the_same_folder(tmp_path, monkeypatch):
    for name in ("0001", "0002", "0007", "notes"):
        (tmp_path / name).mkdir()
    assert numbered_folder(tmp_path).name == "0008"
    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter(()))  # the other made its folders after we looked
    assert numbered_folder(tmp_path).name == "0003"


# Texts


def test_a_text_is_shown_as_it_is_made_and_kept(sample, tellers):
    said = sample("--what", "tale", "--prompt", "once", "--tokens", "2")
    assert (said.code, said.out) == (0, "once 0 1\n"), "standard output has the text alone"
    lines = dict(line.split(": ", 1) for line in said.err.splitlines())
    assert Path(lines["tale"]).read_text() == "once 0 1"
    assert lines["tokens"] == "2"
    assert imread(lines["square"]).tolist() == [[[9, 9, 9]] * 2] * 2, "what the generator returned"
    assert sample("--what", "word").out == "parameters\n"


def test_pieces_come_one_by_one_and_ctrl_c_keeps_what_there_is(tellers, tmp_path):
    _, plugins, run = tellers
    arguments = ["sample", str(run), "--what", "tale", "--prompt", "go", "--tokens", "1000", "--pause", "0.2"]
    with subprocess.Popen(
        [sys.executable, "-m", "dlplug", *arguments, "--out", str(tmp_path / "cut.txt"), *plugins],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # what is run in the background by a script is born deaf to Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        seen, moments = b"", []
        while seen.count(b" ") < 3:
            piece = os.read(process.stdout.fileno(), 100)
            assert piece, process.communicate()
            seen += piece
            moments.append(time.monotonic())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert len(moments) >= 3, "it was shown all at once"
    assert process.returncode == 130, err
    assert err.decode().endswith(f"dlplug: stopped; what there is of the text is kept in {tmp_path / 'cut.txt'}\n")
    assert (seen + out).decode().rstrip("\n") == (tmp_path / "cut.txt").read_text()
    assert (tmp_path / "cut.txt").read_text().startswith("go 0 1 2")


# From Python


def test_from_python(tellers):
    host, _, run = tellers
    pieces: list[str] = []
    told = dlplug.sample(str(run), {"prompt": "a", "tokens": 1}, what="tale", host=host, show=pieces.append)
    assert pieces == ["a", " 0"]
    assert told["tokens"] == 1
    assert dlplug.sample(str(run), what="slopes", host=host)["slope"] > 0
    with pytest.raises(TypeError, match="sampler wrong gave a int"):
        dlplug.sample(str(run), what="wrong", host=host)


def test_options_of_the_run_may_be_overlaid(sample):
    assert "data.size" in sample("--data.size", "many").error()
    assert "AssertionError" in sample("--data.size", "400").err, "400 points in the test split, not 512"


def test_what_keeps_the_contract_and_what_does_not(tellers):
    host = tellers[0]
    testing.check_sampler("toy-shown", "clip", host=host)
    testing.check_sampler("toy-shown", "tale", sampling={"prompt": "a"}, host=host)
    with pytest.raises(AssertionError, match="fickle differs with the same seed"):
        testing.check_sampler("toy-shown", "fickle", host=host)


# Help and errors


def test_help_has_the_samplers_options_with_the_recipes_defaults(sample, cli, tellers):
    text = " ".join(sample("--help").out.replace("│", " ").split())
    assert "--count INT pictures in the grid (default: 2)" in text
    assert "--seed INT seed of all random number generators; at least 0 and below 4294967296 (default: 3)" in text
    assert "--what tale: A text, piece by piece." in text
    assert "--prompt" in sample("--what", "tale", "--help").out
    assert "(default: 0)" in cli("sample", "toy-shown", "--help", *tellers[1]).out, "a recipe that was not run"
    assert "sample toy-shown` shows: grid, tale" in cli("show", "toy-shown", *tellers[1]).out


def test_help_and_what_is_wrong_show_before_torch_is_imported():
    code = """
import sys
from dlplug.cli.main import main
main(["sample", "nowhere"])
main(["sample", "linear-regression", "--help"])
assert "torch" not in sys.modules, "torch was imported"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--cuont 3", "sampler grid has no option --cuont. Did you mean --count"),
        ("--count many", "--count: expected a whole number such as 1000, 1e3 or 10k, got 'many'"),
        ("--what gird", "recipe toy-shown has no sampler 'gird'. Did you mean grid"),
        ("--what", "--what needs a value"),
        ("--what tale", "needs --prompt: its beginning"),
        ("--what tale --prompt #", "--prompt: '#' is not in the vocabulary"),
        ("--out clip.png --what clip", "clip is written as .mp4 or .gif: --out clip.png does not end so"),
        ("--out /proc/mine/x", "cannot write /proc/mine"),
        ("--data.sise 4", "toy-shown has no option --data.sise. Did you mean --data.size"),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(sample, tellers, line, message):
    samples = tellers[2] / "samples"
    before = sorted(samples.rglob("*"))
    assert message in sample(*line.split()).error()
    assert sorted(samples.rglob("*")) == before
    assert not list(Path().glob("*"))


def test_a_video_that_is_interrupted_leaves_nothing(sample, tellers):
    before = sorted((tellers[2] / "samples").rglob("*"))
    said = sample("--what", "clip", "--frames", "9")
    assert (said.code, said.err.strip()) == (130, "stopped")
    assert sorted((tellers[2] / "samples").rglob("*")) == before


def test_a_recipe_without_a_sampler_says_what_it_has_instead(cli, toys, host, quiet):
    dlplug.run("toy-moons", {**quiet, "steps": 1}, out="run", host=host)
    message = cli("-p", toys, "sample", "run").error()
    assert message == "recipe toy-moons has no sampler; `dlplug eval toy-moons` has its metrics: accuracy-toy"
    with pytest.raises(UserError, match="recipe toy-gan has no sampler; nor has it metrics"):
        sampler_of(host, "toy-gan")


def test_a_registered_sampler_serves_any_run(tellers, cli, quiet):
    host, plugins, _ = tellers
    dlplug.run("toy-moons", {**quiet, "steps": 1}, out="run", host=host)
    said = cli("sample", "run", "--what", "word", *plugins)
    assert said.out == "parameters\n"
    assert "word is no sampler of toy-moons's own" in said.err


def test_samplers_are_listed_and_completed(cli, tellers):
    host, plugins, _ = tellers
    names = {row["name"] for row in cli("list", "samplers", "--json", *plugins).json}
    assert {"grid", "tale", "word", "clip", "slopes"} <= names
    assert candidates(host, ["sample", "toy-shown", "--what"]) == ["grid", "tale", "word", "clip", "slopes"]
    assert {"--what", "--out", "--seed", "--count"} <= set(candidates(host, ["sample", "toy-shown"]))
    assert "--prompt" in candidates(host, ["sample", "toy-shown", "--what", "tale"])
    assert candidates(host, ["sample", "toy-gan"]) == []


def test_the_random_state_of_the_sample_does_not_depend_on_what_came_before(tellers):
    host, _, run = tellers
    torch.manual_seed(99)
    one = dlplug.sample(str(run), host=host)
    torch.rand(5)
    assert imread(one["grid"]).tolist() == imread(dlplug.sample(str(run), host=host)["grid"]).tolist()


def test_a_sample_leaves_the_run_as_it_was(tellers):
    host, _, run = tellers
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "samples" not in path.parts}
    dlplug.sample(str(run), host=host)
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and "samples" not in path.parts}
    assert before == after
    assert json.loads(after[run / "result.json"])["status"] == "finished"
