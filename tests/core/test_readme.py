"""What the README shows works as it is printed."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def block(language, containing):
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return next(text for text in blocks if containing in text)


def test_the_plugin_of_ones_own_learns(cli, in_tmp_path):
    (in_tmp_path / "moons.py").write_text(block("python", "# moons.py"))
    arguments = re.search(r"uv run dlplug (run moons .*)", README.read_text(encoding="utf-8"))[1].split()
    said = cli(*arguments, "--wandb", "off", "--tensorboard", "off", "--out", "run", "--device", "cpu")
    assert said.code == 0, said.err
    losses = re.findall(r"train/loss ([\d.]+)", said.out)
    assert "finished after 500 steps" in said.out
    assert float(losses[-1]) < 0.5


def test_ci_calls_the_readmes_test_command():
    script = README.with_name(".ci") / "run"
    commands = [line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert "uv run pytest" in commands
    assert "pip install uv && uv run pytest" in README.read_text(encoding="utf-8")
