"""The protocol of a generative model, and how metrics and samplers read held-out examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from dlplug_images.images import scaled
from torch import Generator, Tensor, nn

from dlplug import Labelled, UserError
from dlplug.stop import stoppable

AT_ONCE = 500  # samples per chunk: fixed, so that samples depend on the seed alone


class Generating(Protocol):
    """Generates `count` samples (count, *spec.input): images in [0, 1], or points in the data's coordinates.

    `generate` is a pure function of the weights and its arguments, on the weights' device, without gradients. `check`,
    which it calls first, raises UserError for a label or steps that the model does not use, a label out of range, and
    more steps than its schedule has.
    """

    def check(self, count: int, label: int | None, steps: int | None) -> None: ...

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor: ...


def generating(product: Any) -> Generating:
    """The product itself. Raises UserError if it is not a generative model."""
    if not callable(getattr(product, "generate", None)):
        raise UserError(
            f"a {type(product).__name__} is not a generative model; the recipes of dlplug-generative train one"
        )
    return product


def device_of(product: Any) -> torch.device:
    assert isinstance(product, nn.Module)
    return next(product.parameters()).device


def check_count(count: int) -> None:
    if count < 1:
        raise UserError(f"--count must be at least 1, got {count}")


def check_label(label: int | None, classes: int, conditional: bool) -> None:
    """classes: the number of classes in the data. conditional: whether the model is conditioned on them."""
    if label is None:
        return
    if not conditional:
        raise UserError(f"this model is not conditional: leave out --label {label}")
    if not 0 <= label < classes:
        raise UserError(f"--label must be between 0 and {classes - 1}, got {label}")


def check_no_steps(steps: int | None, model: str) -> None:
    if steps is not None:
        raise UserError(f"a {model} generates its samples in one pass: leave out --steps {steps}")


def in_chunks(make: Callable[[int, Generator], Tensor], count: int, seed: int, device: torch.device) -> Tensor:
    """Samples (count, ...) from calls of make(chunk size, generator); the random generator is on the device."""
    check_count(count)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        chunks = [make(min(AT_ONCE, count - start), generator) for start in stoppable(range(0, count, AT_ONCE))]
    return torch.cat(chunks)


def examples_of(data: Any) -> Labelled:
    """A held-out split as model inputs: images (N, C, H, W) in [0, 1], or points (N, 2), and classes (N,).

    data: a NamedTuple with uint8 `images` (N, H, W, C), or with points `x` (N, 2).
    """
    return Labelled(as_seen(data.images) if hasattr(data, "images") else data.x, data.y)


def trained_on(data: Any) -> Tensor:
    """The training examples that come with a split, in the form of `examples_of`."""
    return as_seen(data.train)


def as_seen(x: Tensor) -> Tensor:
    """uint8 images (N, H, W, C) as floats (N, C, H, W) in [0, 1]; points unchanged."""
    return scaled(x).contiguous() if x.dtype == torch.uint8 else x
