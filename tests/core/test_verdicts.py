"""What a person is told of the recipe's target: before training, after it, and by `eval`."""

from __future__ import annotations

import json
from pathlib import Path

QUIET = ("--tensorboard", "off", "--device", "cpu", "-p", "no:wandb")


def test_the_header_and_the_end_of_a_run_on_other_data_claim_nothing(cli, toys):
    line = ("-p", toys, "run", "toy-moons", "--steps", "5", *QUIET)
    said = cli(*line, "--data.noise", "0.4").out
    assert "target: none is stated for --data.noise 0.4" in said
    assert "reached" not in said
    assert "target: test/accuracy ≥ 0.9 (test split)" in cli(*line, "--data.batch-size", "16").out


def test_a_run_that_learns_without_a_test_says_how_to_get_the_verdict_and_eval_gives_it(cli, toys):
    said = cli("-p", toys, "run", "toy-moons", "--steps", "5", "--out", "here", *QUIET)
    assert "whether the target is reached (test/accuracy): dlplug eval here" in said.out
    said = cli("-p", toys, "eval", "here", "-p", "no:wandb")
    verdict = said.out.splitlines()[-1]
    value = json.loads(Path("here/evaluation.json").read_text())["metrics"]["test/accuracy"]
    state = "reached" if value >= 0.9 else "not reached"
    assert verdict == f"test/accuracy {value:.4g}: target {state} (≥ 0.9; test split)"
    said = cli("-p", toys, "eval", "here", "--data.noise", "0.4", "-p", "no:wandb")
    assert said.out.splitlines()[-1] == "no target is stated for --data.noise 0.4"
