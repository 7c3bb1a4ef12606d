"""Listing, help and completion stay light, and what is wrong with a command is said before torch is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "wandb", "gymnasium", "tensorboard"}
HERE = Path(__file__).parent


def test_listing_and_help_import_nothing_heavy():
    """One process asks for everything in turn. `show` and the help of each recipe are asked for where its plugin is
    checked."""
    code = f"""
import contextlib, io, json, sys
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
loaded = {{}}
recipes = {{entry.plugin.name: entry.name for entry in load_host().entries("recipes")}}.values()
light = ["list", "list models", "list data --json", "--help", "plugins", "completion bash", "completion candidates run"]
light += ["exercise", "exercise list rl --json", "exercise start td-target", "exercise hint td-target"]
more = [f"completion candidates run {{name}}" for name in recipes]
for line in light + more:
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(line.split()) == 0, line
    loaded[line] = sorted({HEAVY!r} & sys.modules.keys())
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert len(loaded) >= 7
    for line, modules in loaded.items():
        assert not modules, f"dlplug {line} imports {modules}"


@pytest.mark.parametrize("line", ["list", "--help", "plugins --json", "completion bash"])
def test_the_command_in_its_own_process_imports_no_torch(command, line):
    said = command(*line.split(), python=("-X", "importtime"))
    assert said.code == 0
    imported = {row.rpartition("|")[2].strip() for row in said.err.splitlines()}
    assert "dlplug.cli.main" in imported
    assert not HEAVY & imported


# A command, and what is said of it. `lazy-moons` has run, `lazy-ring` has not; `empty` is a folder without a run.
WRONG = {
    "run lazy-mons": "unknown recipe 'lazy-mons'. Did you mean lazy-moons",
    "run lazy-moons --no-such 1": "has no option --no-such. Its options: dlplug run lazy-moons --help.",
    "run lazy-moons --model.widht 3": "has no option --model.widht. Did you mean --model.width",
    "run lazy-moons --steps ten": "--steps: expected a whole number such as 1000, 1e3 or 10k, got 'ten'",
    "run lazy-moons --steps -1": "--steps must be at least 0, got -1",
    "run lazy-moons --loss nonsense": "unknown loss 'nonsense'.",
    "run lazy-moons --optimizer adm": "unknown optimizer 'adm'. Did you mean adam",
    "run lazy-moons --optimizer lbfgs": "the loss cross-entropy-toy does not say that it yields closures",
    "run lazy-moons --optimizer.schedule step": "--optimizer.schedule: expected constant, linear or cosine, got",
    "run lazy-moons --optimizer.learning-rate -1": "--optimizer.learning-rate must be above 0, got -1",
    "run lazy-moons --device cpux": "--device must be auto, cpu, cuda, cuda:1 or mps, got 'cpux'",
    "run lazy-moons --precision fp16": "--precision: expected auto, fp32 or bf16, got 'fp16'",
    "run lazy-moons --tensorboard maybe": "--tensorboard.write: expected on or off, got 'maybe'",
    "run lazy-moons --trainer nonsense": "unknown trainer 'nonsense'.",
    "run lazy-moons --launcher nonsense": "unknown launcher 'nonsense'. There are: local.",
    "run lazy-moons --launcher.queue x": "--launcher local has no option --launcher.queue.",
    "run lazy-moons --preset big": "recipe lazy-moons has no preset 'big'; it has: cpu, gpu",
    "run lazy-moons --config nowhere.yaml": "--config nowhere.yaml: no such file",
    "run --config wrong.yaml": "lazy-moons has no option --data.sise. Did you mean --data.size",
    "run lazy-moons --preset cpu --out /dev/null/x": "cannot write the run folder /dev/null/x",
    "run lazy-moons --preset cpu --out runs": "runs exists already: go on with",
    "show lazy-moons --preset big": "recipe lazy-moons has no preset 'big'",
    "resume nowhere": "nowhere is neither a run folder (with a config.yaml) nor a recipe that has been run here",
    "resume lazy-ring": "lazy-ring is neither a run folder",
    "resume empty": "empty is neither a run folder",
    "resume lazy-moons --no-such 1": "lazy-moons has no option --no-such.",
    "resume lazy-moons --steps ten": "--steps: expected a whole number",
    "resume lazy-moons --model.width 0.5": "--model.width: expected a whole number",
    "eval nowhere": "nowhere is neither a run folder",
    "eval lazy-moons --no-such 1": "lazy-moons has no option --no-such.",
    "eval lazy-moons --metrics acuracy-toy": "unknown metric 'acuracy-toy'. Did you mean accuracy-toy",
    "eval lazy-moons --data.size zero": "--data.size: expected a whole number",
    "sample nowhere": "nowhere is neither a run folder",
    "sample lazy-moons --what gird": "recipe lazy-moons has no sampler 'gird'. Did you mean grid?",
    "sample lazy-moons --what nonsense": "has no sampler 'nonsense'.",
    "sample lazy-moons --cuont 3": "sampler grid has no option --cuont. Did you mean --count",
    "sample lazy-moons --count three": "--count: expected a whole number",
    "sample lazy-moons --data.sise 3": "lazy-moons has no option --data.sise. Did you mean --data.size",
    "sample lazy-moons --out runs": "runs exists already: choose another --out",
    "verify lazy-mons": "unknown recipe 'lazy-mons'. Did you mean lazy-moons",
    "verify lazy-ring": "recipe lazy-ring states no target to verify",
    "verify lazy-moons --no-such 1": "lazy-moons has no option --no-such.",
    "verify lazy-moons --steps ten": "--steps: expected a whole number",
    "verify lazy-moons --preset big": "recipe lazy-moons has no preset 'big'",
    "verify lazy-moons --each data.sise=1,2": "lazy-moons has no option --data.sise. Did you mean --data.size",
    "verify lazy-moons --each data.size=1,two": "--data.size: expected a whole number",
    "verify lazy-moons --each size": "--each expects OPTION=VALUE,VALUE",
    "verify --all": "dlplug verify --all --table writes the READMEs' tables",
    "runs nowhere": "nowhere is neither a folder nor a recipe that has been run here. There are: lazy-moons.",
    "runs --where data.sise=3": "--where data.sise: no run here has this option. Did you mean data.size",
    "runs --metric nonsense": "--metric nonsense: no run here has measured it.",
    "report nowhere": "nowhere is neither a run folder",
    "report lazy-moons --out page.txt": "--out expects a path that ends in .html, or a folder, got page.txt",
    "report empty": "empty holds no run",
    "board nowhere": "no such folder: nowhere",
    "board runs --port 70000": "--port must be from 0 to 65535, got 70000",
    "sweep lazy-mons": "unknown recipe 'lazy-mons'. Did you mean lazy-moons",
    "sweep lazy-moons --no-such 1,2": "lazy-moons has no option --no-such.",
    "sweep lazy-moons --model.width 8,zero": "--model.width: expected a whole number",
    "sweep lazy-moons --search best": "--search cannot be 'best'. There are: grid, random, tpe.",
    "sweep lazy-moons --preset big": "recipe lazy-moons has no preset 'big'",
    "scores nowhere": "nowhere is neither a record, a run folder",
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What each of the commands said, of one process in which nothing heavy can be imported and a GPU is possible."""
    code = f"""
import contextlib, io, json, os, sys
from pathlib import Path
import yaml
from dlplug.cli.main import main
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.training import device_hint

class Refuse:
    def find_spec(self, name, *_):
        if name in {HEAVY!r}:
            raise AssertionError(f"{{name}} is imported")

sys.meta_path.insert(0, Refuse())
device_hint.may_have_gpu = lambda: True
run = Path("runs/lazy-moons/first")
run.mkdir(parents=True)
config = resolve(load_host([{str(HERE / "lazy.py")!r}]), "lazy-moons", [], "cpu")
(run / "config.yaml").write_text(yaml.safe_dump(config))
Path("empty").mkdir()
Path("wrong.yaml").write_text("recipe: lazy-moons\\ndata.sise: 3\\n")
said = {{}}
for line in {[*WRONG]!r}:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["-p", {str(HERE / "lazy.py")!r}, *line.split()])
    said[line] = code, err.getvalue()
print(json.dumps(said))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path_factory.mktemp("refusals"),
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_said_without_torch(refusals, line):
    code, said = refusals[line]
    if said.startswith("dlplug: unknown command"):
        pytest.skip("the verb's plugin is not installed")
    assert WRONG[line] in said
    assert code == 2
    assert said.splitlines()[-1].startswith("dlplug: ")
