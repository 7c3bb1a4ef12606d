"""What a metric cannot measure is refused in one line before the first step, and nothing is left of the run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

OFF = ("--console.show", "off", "--tensorboard.write", "off", "--wandb", "off", "--device", "cpu", "--threads", "1")
GAN = ("gan-fashion", "--data", "digits", "--data.size", "16", "--model.width", "4", "--model.noise", "4")
TEXT = ("char-lstm", "--data", "text", "--data.path", "verses.txt", "--data.window", "12", "--model.units", "8")
DATES = ("translate-dates", "--data.dates", "200", "--model.units", "8")
VAE = ("vae-mnist", "--data", "digits", "--model.hidden", "8", "--model.latents", "2")
DIFFUSION = ("ddpm-8gaussians", "--loss.timesteps", "10", "--loss.steps", "5", "--model.width", "8")
FIDELITY, INCEPTION = "--metrics.fidelity.weights", "--metrics.inception-fid.weights"
CASES = [
    # what was typed, and what the line must name
    (GAN, ("fidelity", "--metrics.fidelity.features", "fasion"), "fashion"),
    (GAN, ("fidelity", FIDELITY, "featurs.safetensors"), f"{FIDELITY}.*mean features.safetensors"),
    (GAN, ("fidelity", FIDELITY, "other.safetensors"), f"{FIDELITY}.*another model"),
    (GAN, ("fidelity", FIDELITY, "flat.safetensors"), f"{FIDELITY}.*another model"),
    (GAN, ("fidelity", FIDELITY, "no-such-run"), "no-such-run"),
    (GAN, ("fidelity", "--metrics.fidelity.count", "3"), "fidelity.neighbours must be"),
    (GAN, ("fidelity", "--metrics.fidelity.steps", "5"), "--steps"),
    (GAN, ("inception-fid", INCEPTION, "inceptoin.pth"), f"{INCEPTION}.*mean inception.pth"),
    (GAN, ("inception-fid", INCEPTION, "inception.pth"), f"{INCEPTION}.*not of Inception"),
    (GAN, ("inception-fid", INCEPTION, "verses.txt"), f"{INCEPTION}.*damaged"),
    (GAN, ("generated", "--metrics.generated.label", "3"), "--label 3"),
    (GAN, ("memorisation", "--metrics.memorisation.count", "9000"), "memorisation.count must be at most"),
    (GAN, ("modes",), "points in a plane"),
    (GAN, ("diffusion-bound",), "diffusion"),
    (DIFFUSION, ("generated", "--metrics.generated.steps", "11"), "--steps must be between 1 and the schedule's 10"),
    (DIFFUSION, ("diffusion-bound",), "for images"),
    (DIFFUSION, ("modes", "--metrics.modes.count", "2"), "modes.neighbours must be"),
    (VAE, ("evidence", "--metrics.evidence.likelihood-of", "9000"), "likelihood-of must be at most"),
    (TEXT, ("sample", "--metrics.sample.prompt", "xyz"), "sample.prompt.*lacks 'x', 'y', 'z'"),
    (DATES, ("exact-match", "--metrics.exact-match.count", "900"), "exact-match.count must be at most"),
    (DATES, ("bleu", "--metrics.bleu.count", "900"), "bleu.count must be at most"),
    (("digits", "--model.width", "4"),
     ("attack", "--metrics.attack.method", "fgsm", "--metrics.attack.attack-count", "9000"), "attack-count is at most"),
    (("digits", "--model.width", "4"), ("reconstructions",), "not an autoencoder"),
    (("digits", "--model.width", "4"), ("noise-table",), "three-nets"),
    (("digits", "--model.width", "4"), ("bag-of-words",), "--model bag-of-words"),
    (("digits", "--model.width", "4"), ("share-right",), "share-right takes held-out data.*train_x.*digits"),
    (("mlp-moons",), ("classification",), "classification takes held-out data.*images.*two-moons"),
    (("mlp-moons",), ("questions",), "HeldOutStories"),
    (("mlp-moons",), ("activation-accuracies",), "SideBySide"),
    (("mlp-moons",), ("fidelity",), "not a generative model"),
    (("mlp-moons",), ("evidence",), "needs a VAE"),
    (("mlp-moons",), ("line-fit",), "one input"),
    (("mlp-digits",), ("boundary",), "in a plane"),
    (("mlp-moons",), ("computation-graph", "--metrics.computation-graph.x3", "0"), "x3 must not be 0"),
    (("mlp-moons",), ("computation-graph", "--metrics.computation-graph.x1", "999"), "x1 999"),
    (("dqn-catch", "--data.environments", "2", "--model.hidden", "8"),
     ("episodes", "--metrics.episodes.protocol", "machado"), "--metrics.episodes.protocol machado"),
    (("dqn-catch",), ("episodes", "--metrics.episodes.epsilon", "5"), "--metrics.episodes.epsilon"),
    (("sb3-ppo-cartpole", "--data.environments", "2"),
     ("sb3-episodes", "--metrics.sb3-episodes.protocol", "classic"), "--metrics.sb3-episodes.protocol classic"),
    (("lstm-copy",), ("n-grams-optimum",), "n-grams"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def files(in_tmp_path):
    Path("verses.txt").write_text("abc def\n" * 40)
    save_file({"weight": torch.zeros(2)}, "other.safetensors")
    save_file({"weight": torch.zeros(2)}, "features.safetensors")
    flat = {"mean": torch.zeros(1), "classify.weight": torch.zeros(3), "stages.0.weight": torch.zeros(4)}
    save_file(flat, "flat.safetensors")
    torch.save({"weight": torch.zeros(2)}, "inception.pth")


@pytest.mark.parametrize(
    ("recipe", "metric", "named"),
    [
        pytest.param(
            *case,
            marks=[pytest.mark.slow] * (case[0][0] in ("gan-fashion", "sb3-ppo-cartpole") and number > 1),
            id=f"{case[0][0]}-{'-'.join(case[1][::2])}",
        )
        for number, case in enumerate(CASES)
    ],
)
def test_it_is_refused_in_one_line_that_names_it(cli, recipe, metric, named):
    length = ("--frames", "50") if recipe[0] == "dqn-catch" else ("--steps", "1")
    said = cli("run", *recipe, "--metrics", *metric, *length, *OFF, "--out", "run")
    assert said.code == 2
    (line,) = [line for line in said.err.splitlines() if line.startswith("dlplug: ")]
    assert re.search(named, line), line
    assert "Traceback" not in said.err
    assert not Path("run").exists()
