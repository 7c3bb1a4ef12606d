"""The recipes of frame prediction. Their hyperparameters were chosen on the validation sequences."""

from __future__ import annotations

from dlplug import Preset, Recipe, Target, use

PROTOCOL = "1,000 generated sequences of MNIST's test digits, 10 frames from 10, sum over pixels, mean over frames"
SHI = "ConvLSTM's 103.3 on the published test file (Shi et al. 2015, arXiv:1506.04214, as reported since)"
HERE = {"data": "moving-digits", "data.glyphs": "mnist", "data.frames": 10, "data.ahead": 10, "data.speed": 3.6,
        "data.testing": 1000}  # fmt: skip
SSIM = Target("test/ssim", "the same frames, Gaussian window of 11x11", at_least=float("-inf"))

PREDICTION_RECIPES = {
    "moving-digits": Recipe(
        summary="Ten frames of two moving digits predicted from the ten before, no download",
        data=use("moving-digits", glyphs="digits"),
        model="simvp",
        loss="frame-error",
        optimizer=use("adam", learning_rate=3e-3, schedule="cosine", warmup=0.05),
        length="6k sequences",
        source="Srivastava et al. 2015 (arXiv:1502.04681), Gao et al. 2022 (arXiv:2206.05099)",
        metrics=["predicted-frames"],
        samplers=["predicted-frames"],
        trainer=use("torch", threads=1),
        watch=["train/mse_sum"],
        level=2,
    ),
    "moving-mnist": Recipe(
        summary="Moving MNIST: ten frames predicted from ten by a direct, SimVP-like net; ConvLSTM by preset",
        data="moving-digits",
        model="simvp",
        loss="frame-error",
        optimizer=use("adam", learning_rate=3e-3, schedule="cosine", warmup=0.05),
        length="80k sequences",
        source="Srivastava et al. 2015 (arXiv:1502.04681), Gao et al. 2022 (arXiv:2206.05099)",
        metrics=["predicted-frames"],
        samplers=["predicted-frames"],
        targets=[Target("test/mse_sum_generated", PROTOCOL, SHI, at_most=100.0, where=HERE), SSIM],
        presets={
            "convlstm": Preset(
                "two ConvLSTM layers (Shi et al. 2015) on the same sequences",
                {"model": "convlstm", "sequences": 20_000},
                [Target("test/mse_sum_generated", PROTOCOL, SHI, at_most=float("inf"), where=HERE), SSIM],
            )
        },
        watch=["train/mse_sum"],
        needs="MNIST, 12 MB",
        level=3,
    ),
}
