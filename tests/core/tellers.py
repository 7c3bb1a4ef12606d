"""Samplers of every kind, for a run of the toy classifier and of a recipe that names them."""

import time

import numpy as np
import torch

from dlplug import Image, Recipe, Text, Video, hookimpl, use


def grid(product, data, *, count: int = 4, label: int | None = None, note: bool = False):
    """Noise as a picture, and numbers.

    count: pictures in the grid.
    label: of the pictures.
    note: give a text, too.
    """
    assert not product.training
    assert not torch.is_grad_enabled()
    assert len(data.x) == 512  # the test split
    pixels = (torch.rand(4, 4 * count, 3) * 255).byte().numpy()
    given = {"grid": Image(pixels, f"{count} pictures"), "count": count, "mean": torch.tensor(0.25)}
    return given | ({"a/note": Text("written")} if note else {})


def tale(product, data, *, prompt: str, tokens: int = 3, pause: float = 0.0, seed: int = 0):
    """A text, piece by piece.

    prompt: its beginning.
    tokens: how many pieces.
    pause: seconds between them.
    """
    from dlplug import UserError

    if "#" in prompt:
        raise UserError("--prompt: '#' is not in the vocabulary")
    yield prompt
    for number in range(tokens):
        time.sleep(pause)
        yield f" {number}{'é' if seed == 7 else ''}"
    return {"tokens": tokens, "square": Image(np.full((2, 2, 3), 9, np.uint8))}


def word(product, data):
    """One word."""
    return "parameters"


def clip(product, data, *, frames: int = 5):
    """A video whose pictures are drawn while it is written.

    frames: how many.
    """

    def drawn():
        for number in range(frames):
            if number == 7:
                raise KeyboardInterrupt
            yield np.full((32, 48, 3), 40 * number, np.uint8)

    return {"clip": Video(drawn(), fps=5, caption="a ramp")}


def slopes(model, data):
    """A gradient, which the sampler asks for itself."""
    with torch.enable_grad():
        x = data.x[:4].clone().requires_grad_()
        (slope,) = torch.autograd.grad(model(x).sum(), x)
    return {"slope": slope.abs().max()}


def fickle(product, data):
    """The time, which no seed chooses."""
    return str(time.time_ns())


def wrong(product, data):
    """Gives what no sampler may."""
    return 5


@hookimpl
def register_samplers():
    return {
        "grid": grid,
        "tale": tale,
        "word": word,
        "clip": clip,
        "slopes": slopes,
        "fickle": fickle,
        "wrong": wrong,
    }


@hookimpl
def register_recipes():
    return {
        "toy-shown": Recipe(
            summary="moons to look at",
            data="moons",
            model="mlp-toy",
            loss="cross-entropy-toy",
            optimizer="adam",
            length="3 steps",
            source="none",
            trainer=use("torch", threads=1),
            samplers=[use("grid", count=2), "tale", "word", "clip", "slopes"],
        )
    }
