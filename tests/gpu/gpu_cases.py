"""What is trained on the GPU, tiny: each loss, kind of data and optimizer, each recipe that has a preset for a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple

Options = dict[str, Any]


class Case(NamedTuple):
    """A recipe with options that make it small.

    samplers: shown once it is trained.
    refused: what is said of `--graph`, where a graph cannot hold the step; a part of the one line.
    quick: among the cases of every run of the tests; the others are slow.
    """

    recipe: str
    options: Options = {}
    preset: str = ""
    samplers: tuple[str, ...] = ()
    refused: str = ""
    quick: bool = False


TEXT = "@text"  # the path of a short text, written by train_cases.py; PAIRS and PICTURES likewise
PAIRS = "@pairs"
FOLDER = "@pictures"

IMAGES: Options = {"data.validation": 50, "data.batch_size": 20}
COLOURED: Options = {**IMAGES, "data": "fashion-mnist"}  # stands for CIFAR-10, which nobody has before a download
AUGMENTED: Options = {"data.cutout": 2, "loss.mixup": 0.2, "model.dropout": 0.1}
DIFFUSION: Options = {"data.batch_size": 8, "loss.timesteps": 10, "loss.steps": 5}
POINTS: Options = {**DIFFUSION, "model.width": 16, "model.depth": 1}
UNET: Options = {
    **DIFFUSION, "data": "digits", "model.width": 8, "model.depth": 1, "model.stages": 2, "model.patch": 1,
    "model.dropout": 0.1,
}  # fmt: skip
SCENES: Options = {
    "data.height": 32, "data.width": 32, "data.sizes": (12, 16), "data.objects": (1, 3), "data.batch_size": 2,
    "data.validation": 2, "data.test": 2,
}  # fmt: skip
CLIPS: Options = {"data.validation": 2, "data.testing": 2, "data.batch_size": 2}
VAE: Options = {"model.latents": 2, "model.hidden": 8, "data.batch_size": 16}
GAN: Options = {**IMAGES, "data": "mnist", "model.width": 4}
TAPE: Options = {"model.slots": 12, "model.word": 6, "model.width": 12, "data.batch_size": 2, "data.pad": True}
COPY: Options = {"data.batch_size": 2, "data.pad": True, "data.max_length": 4, "model.width": 8}
WORDS: Options = {"data": "text", "data.path": TEXT, "data.window": 12, "data.batch_size": 4}
GPT: Options = {**WORDS, "model.width": 8, "model.depth": 1, "model.heads": 2, "model.dropout": 0.1}
DATES: Options = {"data": "dates", "data.dates": 200, "data.batch_size": 8}
SELF_PLAY: Options = {
    "data.boards": 8, "data.batch_size": 16, "data.learning_starts": 30, "data.simulations": 2,
    "data.fast_simulations": 1, "model.channels": 4, "model.blocks": 1,
}  # fmt: skip
BOARD: Options = {
    "data.environments": 4,
    "data.replay": 400,
    "data.learning_starts": 40,
    "data.train_every": 4,
    "data.batch_size": 8,
    "frames": 200,
    "model.hidden": 16,
    "loss.target_every": 3,
}
SCREEN: Options = {
    "data.environments": 2,
    "data.threads": 1,
    "data.size": 42,
    "model.torso": "small",
    "model.hidden": 16,
    "frames": 360,
}
ATARI: Options = {
    **SCREEN,
    "data.replay": 300,
    "data.learning_starts": 20,
    "data.train_every": 4,
    "data.batch_size": 4,
    "loss.target_every": 5,
}
ROLLOUT: Options = {"data.environments": 4, "data.rollout": 8, "data.minibatches": 4, "data.epochs": 2}
POLICY: Options = {"data.environments": 4, "data.rollout": 8, "loss.epochs": 2, "model.hidden": 8, "frames": 100}
FRACTIONS: Options = {"loss.fractions": 4, "loss.goal_fractions": 4}
BF16: Options = {"precision": "bf16"}
LEAVE = "leave --graph out"

CASES: dict[str, Case] = {
    # basics
    "linear-regression": Case("linear-regression"),
    "logistic-regression": Case("logistic-regression"),
    "perceptron": Case("perceptron", quick=True),
    "mlp-moons": Case("mlp-moons", {"metrics": ["share-right"], "eval_every": 5}, samplers=("boundary",)),
    "sgd": Case("mlp-digits", {"model.batch_norm": True, "optimizer": "sgd", "optimizer.momentum": 0.9}),
    "rmsprop": Case("mlp-digits", {"optimizer": "rmsprop", "optimizer.schedule": "cosine", "optimizer.warmup": 0.3}),
    "radam": Case("mlp-digits", {"optimizer": "radam", "optimizer.schedule": "linear", "optimizer.clip_norm": 1.0}),
    "adamw": Case("mlp-digits", {**BF16, "optimizer": "adamw", "optimizer.schedule": "cosine"}, quick=True),
    "activations": Case("activations", {"loss.every": 2}, quick=True),
    "optimizer-race": Case("optimizer-race", quick=True),
    # vision
    "digits": Case("digits", {**AUGMENTED, "metrics": ["classification"], "eval_every": 5}, quick=True),
    "digits-shown": Case("digits", AUGMENTED, samplers=("mistakes", "filters", "maps", "saliency")),
    "mnist-cnn": Case("mnist-cnn", {**IMAGES, "model.width": 4}),
    "vit": Case("mnist-cnn", {**IMAGES, "model": "vit", "model.width": 16, "model.depth": 1, "model.heads": 2}),
    "image-folder": Case(
        "mnist-cnn", {"data": "image-folder", "data.path": FOLDER, "data.batch_size": 4, "model.width": 4}
    ),
    "cifar10-resnet": Case("cifar10-resnet", {**COLOURED, "model.width": 4}, "gpu"),
    "cifar10-jpeg-resnet": Case("cifar10-jpeg-resnet", {**COLOURED, "model.width": 4}, "gpu"),
    "noise-table": Case(
        "noise-table", {**IMAGES, "model.hidden": 8, "model.width": 8, "model.blocks": 1}, samplers=("noise-table",)
    ),
    "bovw-digits": Case(
        "bovw-digits",
        {"model.words": 20, "model.width": 4, "data.smaller": (80,), "data.flip": True},
        samplers=("visual-words",),
    ),
    "mnist-autoencoder": Case(
        "mnist-autoencoder", {**IMAGES, "model.code": 5}, samplers=("reconstructions", "between")
    ),
    "mnist-denoise": Case("mnist-denoise", {**IMAGES, "model.code": 5}),
    "mnist-adversarial": Case("mnist-adversarial", {**IMAGES, "loss.ramp": 6, "loss.steps": 2}, samplers=("attack",)),
    # detection
    "canvas-unet": Case(
        "canvas-unet", {**SCENES, "model.width": 4, "loss.balance": "median", "loss.dice": 0.5}, samplers=("masks",)
    ),
    # video
    "moving-digits": Case(
        "moving-digits", {**CLIPS, "data.frames": 2, "data.ahead": 2, "model.spatial": 4, "model.temporal": 8}
    ),
    # signals
    "spectra-gliadin": Case("spectra-gliadin", {"data.samples": 150, "data.batch_size": 4, "model.width": 2}),
    "forecast-seasons": Case(
        "forecast-seasons", {"data.length": 1000, "data.columns": 1, "data.input": 48, "data.batch_size": 4}
    ),
    # generative
    "ddpm-8gaussians": Case(
        "ddpm-8gaussians",
        {**POINTS, "model.labels": True, "loss.guidance": 1.0},
        samplers=("generated",),
        quick=True,
    ),
    "ddim": Case(
        "ddpm-8gaussians",
        {**POINTS, "data": "swiss-roll", "loss.sampler": "ddim", "loss.target": "clean", "loss.eta": 0.5},
        samplers=("generated", "denoising"),
    ),
    "ddpm-fashion": Case("ddpm-fashion", UNET, "gpu", samplers=("generated",)),
    "ddpm-fashion-bf16": Case("ddpm-fashion", {**UNET, **BF16}),
    "ddpm-cifar10": Case("ddpm-cifar10", UNET, "gpu"),
    "vae-8gaussians": Case("vae-8gaussians", {**VAE, "loss.warmup": 6}, samplers=("generated",), quick=True),
    "vae-moons": Case("vae-8gaussians", {**VAE, "data": "half-moons"}),
    "vae-mnist": Case(
        "vae-mnist", {**VAE, **IMAGES, "loss.binarisation": "dynamic"}, samplers=("generated", "reconstructed")
    ),
    "vae-mnist-conv": Case("vae-mnist-conv", {**VAE, **IMAGES}),
    "vae-fashion": Case("vae-fashion", {**VAE, **IMAGES}, samplers=("generated",)),
    "iwae-mnist": Case("iwae-mnist", {**VAE, **IMAGES, "loss.samples": 3}, "gpu"),
    "gan-8gaussians": Case(
        "gan-8gaussians", {"model.conditional": True, "model.spectral": True}, samplers=("generated",)
    ),
    "gan-fashion": Case("gan-fashion", GAN, samplers=("generated",)),
    "gan-fashion-r1": Case("gan-fashion", GAN, "r1"),
    "gan-fashion-clip": Case("gan-fashion", GAN, "clip"),
    "wgan-gp-8gaussians": Case("wgan-gp-8gaussians", {"steps": 27}, quick=True),
    "sngan-cifar10": Case("sngan-cifar10", {**GAN, "model.critic_width": 4, "steps": 27}, "gpu"),
    # memory
    "ntm-copy": Case("ntm-copy", {**TAPE, "data.max_length": 4}, samplers=("memory",)),
    "ntm-copy-bf16": Case("ntm-copy", {**TAPE, **BF16, "data.max_length": 2}),
    "ntm-recall": Case("ntm-recall", {**TAPE, "data.max_items": 2}),
    "ntm-repeat-copy": Case("ntm-repeat-copy", {**TAPE, "data.max_length": 2, "data.max_repeats": 2}),
    "ntm-sort": Case("ntm-sort", {**TAPE, "data.min_vectors": 2, "data.max_vectors": 3}),
    "n-grams": Case("lstm-copy", {"data": "n-grams", "data.batch_size": 2, "model.width": 8}),
    "dnc-copy": Case("dnc-copy", {**TAPE, "data.max_length": 2}, samplers=("memory",)),
    "dnc-copy-bf16": Case("dnc-copy", {**TAPE, **BF16, "data.max_length": 2}),
    "dnc-graph": Case("dnc-graph", {**TAPE, "data.max_nodes": 3, "data.curriculum": 0}),
    "lstm-copy": Case("lstm-copy", COPY),
    "transformer-copy": Case("transformer-copy", {**COPY, "model.heads": 2}, quick=True),
    # text
    "char-rnn": Case("char-rnn", {**WORDS, "model.units": 8}, samplers=("text",)),
    "char-lstm": Case("char-lstm", {**WORDS, "model.units": 8, "steps": 60}, samplers=("cells", "gradients")),
    "char-gru": Case("char-gru", {"data.window": 12, "data.batch_size": 4, "model.units": 8}),
    "char-gpt": Case("char-gpt", GPT, quick=True),
    "shakespeare-gpt": Case("shakespeare-gpt", GPT, "gpu", samplers=("text",)),
    "shakespeare-lstm": Case("shakespeare-lstm", {**WORDS, "model.units": 8}, "gpu"),
    "translate-dates": Case("translate-dates", {**DATES, "model.units": 8}, refused=LEAVE, quick=True),
    "translate-multi30k": Case(
        "translate-multi30k", {**DATES, "model.units": 8}, "gpu", samplers=("translate",), refused=LEAVE
    ),
    "translate-multi30k-transformer": Case(
        "translate-multi30k-transformer",
        {**DATES, "model.width": 8, "model.depth": 1, "model.heads": 2, "model.hidden": 8},
        "gpu",
        samplers=("translate",),
        refused=LEAVE,
    ),
    "pairs": Case(
        "translate-dates",
        {"data": "pairs", "data.path": PAIRS, "data.vocabulary": "characters", "data.batch_size": 4, "model.units": 8},
        refused=LEAVE,
    ),
    # rl
    "dqn-cartpole": Case("dqn-cartpole", {"data.learning_starts": 50, "data.batch_size": 8, "frames": 120}),
    "dqn-catch": Case("dqn-catch", BOARD, quick=True),
    "munchausen-mini": Case("munchausen-mini", BOARD),
    "double-dqn-mini": Case("double-dqn-mini", BOARD, samplers=("film",)),
    "c51-mini": Case("c51-mini", BOARD),
    "qr-dqn-mini": Case("qr-dqn-mini", BOARD),
    "iqn-mini": Case("iqn-mini", BOARD),
    "rainbow-mini": Case("rainbow-mini", BOARD),
    "gym-rollout": Case(
        "pqn-atari",
        {
            **ROLLOUT,
            "data": "gym-rollout",
            "data.id": "dlplug_envs:dlplug/Bricks-v0",
            "model.torso": "tiny",
            "model.hidden": 16,
            "frames": 200,
        },
    ),
    "dqn-atari": Case("dqn-atari", ATARI, "gpu"),
    "unreal": Case("dqn-atari", {**ATARI, "loss": "unreal", "model.auxiliary": True}, "gpu"),
    "double-dqn-atari": Case("double-dqn-atari", ATARI, "gpu"),
    "c51-atari": Case("c51-atari", ATARI, "gpu"),
    "qr-dqn-atari": Case("qr-dqn-atari", {**ATARI, "model.atoms": 5}, "gpu"),
    "iqn-atari": Case("iqn-atari", {**ATARI, **FRACTIONS, "model.atoms": 4}, "gpu"),
    "rainbow-atari": Case("rainbow-atari", {**ATARI, "data.replay_device": "ram"}, "gpu"),
    "btr-atari": Case(
        "btr-atari",
        {**ATARI, **FRACTIONS, "model.torso": "impala", "model.width": 1, "model.atoms": 4, "data.environments": 4},
        "gpu",
    ),
    "pqn-atari": Case("pqn-atari", {**SCREEN, **ROLLOUT}, "gpu"),
    "pqn-mini": Case("pqn-mini", {**ROLLOUT, "model.hidden": 16, "frames": 200}),
    "ppo-cartpole": Case("ppo-cartpole", {**POLICY, "loss.minibatches": 2}, samplers=("film",), quick=True),
    "ppo-cartpole-hidden": Case("ppo-cartpole-hidden", {**POLICY, "loss.minibatches": 2, "model.memory": 4}),
    "ppo-pendulum": Case("ppo-pendulum", {**POLICY, "loss.minibatches": 4}),
    "ppo-arena": Case("ppo-arena", {"data.games": 8, "data.past": 0.5, "data.rollout": 6}),
    "alphazero-tictactoe": Case("alphazero-tictactoe", SELF_PLAY),
    "ppo-atari": Case("ppo-atari", {**SCREEN, "data.rollout": 8, "loss.epochs": 2}),
    "a2c-atari": Case("a2c-atari", SCREEN),
    "reinforce-cartpole": Case("reinforce-cartpole", {"data.environments": 3, "frames": 300}, refused=LEAVE),
    "relax-cartpole": Case("relax-cartpole", {"steps": 5, "metrics": []}, refused=LEAVE),
    "gradient-race": Case("gradient-race", {"steps": 6}),
}

# Where it is stopped and resumed, with and without --graph, here and there: (recipe, options)
RESUMED: dict[str, tuple[str, Options]] = {
    **{name: ("mlp-digits", {"optimizer": name}) for name in ("adam", "adamw", "rmsprop", "radam")},
    "sgd": ("mlp-digits", {"optimizer": "sgd", "optimizer.momentum": 0.9}),
    "perceptron": ("perceptron", {}),
    "activations": ("activations", {"loss.every": 2}),
    "vae-8gaussians": ("vae-8gaussians", {**VAE, "loss.warmup": 12}),
    "wgan-gp-8gaussians": ("wgan-gp-8gaussians", {}),
    "char-lstm": ("char-lstm", {**WORDS, "model.units": 8}),
}
DRAWS_ON_THE_DEVICE = ("vae-8gaussians", "wgan-gp-8gaussians")  # a CPU draws other numbers
QUICKLY_RESUMED = ("rmsprop", "perceptron")

WITHOUT = {  # what is registered and not trained here, and why
    "data": {
        **dict.fromkeys(
            ("cifar10", "cifar10-jpeg", "cifar100", "kmnist", "multi30k", "tiny-shakespeare", "babi"),
            "a download; its class is another's, too",
        ),
        **dict.fromkeys(("etth1", "etth2", "m4-hourly", "m4-weekly"), "a download; its batches are those of seasons"),
        **dict.fromkeys(("camvid", "ucr", "ts-files", "articulation", "wheat-kernels"), "has no download"),
        "mask-folder": "no folder of images and masks is written here",
        **dict.fromkeys(
            ("canvas-boxes", "canvas-instances", "bccd", "voc-folder", "coco-file"),
            "for detectors, whose losses choose by value",
        ),
        "csv-series": "its batches are those of seasons",
        **dict.fromkeys(("lip-words", "grid"), "for the loss lip-ctc"),
        **dict.fromkeys(("sb3-atari", "sb3-gym"), "stable-baselines3 trains by itself"),
    },
    "losses": {
        "numpy-cross-entropy": "NumPy knows no GPU",
        "word-cross-entropy": "bAbI is a download",
        **dict.fromkeys(
            ("one-stage", "two-stage"), "they choose predictions or regions by value, and so wait for the device"
        ),
        "lip-ctc": "a GPU's CTC loss is cuDNN's, which a virtual GPU has not",
        "series-squared-error": "the mean square; its net is among those of spectra-gliadin",
        "series-cross-entropy": "cross entropy; its nets are among those of spectra-gliadin",
    },
    "optimizers": {"layer-update": "NumPy knows no GPU", "lbfgs": "takes a closure, which no graph can hold"},
}
