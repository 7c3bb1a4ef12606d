"""Activations and gradients of language models: one unit's activation per token, and how far back gradients reach."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from dlplug_words.vocabularies import encode_checked
from torch import Tensor, nn

from dlplug import Image, NonNegativeInt, PositiveInt, Range, Spec, UserError, trained
from dlplug_text import drawing
from dlplug_text.data.streams import HeldOut
from dlplug_text.language.gpt import GPT
from dlplug_text.language.model import LanguageModel
from dlplug_text.language.recurrent import Recurrent

log = logging.getLogger("dlplug")

KINDS: dict[str, type[LanguageModel]] = {"recurrent": Recurrent, "gpt": GPT}


def cells(
    model: LanguageModel,
    data: HeldOut,
    *,
    unit: Annotated[int, Range(ge=-1)] = -1,
    layer: Annotated[int, Range(ge=-1)] = -1,
    prompt: str = "",
    tokens: Annotated[int, Range(ge=2)] = 800,
) -> Generator[str, None, dict[str, Any]]:
    """A text coloured by one unit's activation: blue is -1, white 0, red 1 (Karpathy et al. 2016, arXiv:1506.02078).

    unit: index of the unit; -1 takes the one whose activation changes most slowly, which is often interpretable.
    layer: index of the layer; -1 takes the last.
    prompt: text to show; "" takes the beginning of the held-out text.
    tokens: number of tokens of the held-out text to show.
    """
    if not isinstance(model, Recurrent):
        raise UserError(f"the sampler cells needs a recurrent model; {type(model).__name__} is not recurrent")
    depth, units = len(model.layers), model.head.in_features
    if not (-depth <= layer < depth and -1 <= unit < units and tokens >= 2):
        raise UserError(
            f"--layer must be below {depth}, --unit below {units}, --tokens at least 2; got {layer}, {unit}, {tokens}"
        )
    read = torch.from_numpy(encode_checked(data.vocabulary, prompt)) if prompt else data.tokens[:tokens]
    layer %= depth
    activations = unit_activations(model, read, layer)
    unit = slowest_unit(activations) if unit < 0 else unit
    values = activations[:, unit].tolist()
    pieces = [data.vocabulary.decode([token]) for token in read.tolist()]
    for piece, value in zip(pieces, values, strict=True):
        yield drawing.ansi_coloured(piece, value)
    title = f"unit {unit} of layer {layer + 1}: blue -1, white 0, red 1"
    return {"cells": drawing.coloured_text(pieces, values, title, title), "unit": unit, "layer": layer}


@torch.no_grad()
def unit_activations(model: Recurrent, tokens: Tensor, layer: int) -> Tensor:
    """The activations (T, H) of a layer's units after each of the tokens (T,), on the CPU."""
    device, state, activations = next(model.parameters()).device, model.start(1), []
    for token in tokens.to(device):
        _, state = model(token.view(1, 1), state)
        activations.append(model.activations(state, layer)[0].float().cpu())
    return torch.stack(activations)


def slowest_unit(activations: Tensor) -> int:
    """The unit whose activation (T, H) changes least between steps relative to its variance. Units with a standard
    deviation below 0.1 are ignored unless all are that low."""
    variance = activations.var(0)
    change = activations.diff(dim=0).square().mean(0)
    roughness = change / variance.clamp(min=1e-9)
    moving = variance > 0.1**2
    return int((roughness.where(moving, torch.inf) if moving.any() else roughness).argmin())


def gradients(
    model: LanguageModel,
    data: HeldOut,
    *,
    length: NonNegativeInt = 0,
    count: PositiveInt = 64,
    against: str = "",
    seed: int,
) -> dict[str, Any]:
    """How far back the gradient of one prediction reaches, compared with an untrained RNN and LSTM of the same size
    (Bengio et al. 1994; Hochreiter & Schmidhuber 1997).

    length: tokens per text window; 0 takes the data's window.
    count: number of windows, drawn from the held-out text by --seed.
    against: another run to compare with, or a recipe for its newest run.
    """
    length = length or data.window
    if model.context and length > model.context:
        raise UserError(f"--length must be at most the model's context of {model.context}, got {length}")
    if not 2 <= length < len(data.tokens) or count < 1:
        raise UserError(
            f"--length must be between 2 and {len(data.tokens) - 1}, --count at least 1; got {length}, {count}"
        )
    begin = torch.randint(len(data.tokens) - length, (count, 1), generator=torch.Generator().manual_seed(seed))
    windows = data.tokens[begin + torch.arange(length + 1)].to(next(model.parameters()).device)
    nets: dict[str, nn.Module] = {"this run": model}
    if against:
        nets[against] = other_model(against, data)
    spec, units = Spec((data.window,), data.vocabulary.size), model.head.in_features
    depth = len(model.layers) if isinstance(model, Recurrent) else 1
    nets |= {f"{cell}, untrained": Recurrent(spec, cell=cell, units=units, depth=depth) for cell in ("rnn", "lstm")}
    norms = {name: gradient_norms(net.to(windows.device).eval(), windows) for name, net in nets.items()}
    caption = "norm of the last token's loss gradient with respect to earlier token embeddings"
    picture: Image = drawing.curves(
        norms, "steps back", "‖∂L_T / ∂x_{T-k}‖", f"mean over {count} text windows", caption
    )
    own = norms["this run"]
    below = (own < own[0] / 100).nonzero()
    # number of steps over which the gradient stays above 1 % of the nearest token's
    return {"gradients": picture, "reach": int(below[0]) if len(below) else length}


def gradient_norms(model: Any, windows: Tensor) -> Tensor:
    """‖∂L_T / ∂x_{T-k}‖ (T,) for k = 0, 1, …, T - 1, averaged over windows (B, T + 1): L_T is the last token's loss, x
    are the embeddings of the others."""
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # cuDNN has no gradient in eval mode
        x = model.embed(windows[:, :-1]).detach().requires_grad_()
        logits, _ = model.read(x)
        # windows are independent, so one backward pass through the sum gives the gradient of each
        loss = F.cross_entropy(logits[:, -1], windows[:, -1], reduction="sum")
        (gradient,) = torch.autograd.grad(loss, x)
    return gradient.norm(dim=2).mean(0).flip(0).cpu()


def other_model(run: str, data: HeldOut) -> LanguageModel:
    """The trained model of another run. Raises UserError if its vocabulary size differs."""
    other = trained(run)
    if other.model not in KINDS:
        raise UserError(f"--against must be a run of {' or '.join(KINDS)}; {other.folder} is a run of {other.model}")
    vocabulary_size = len(
        other.weights["head.weight"] if "head.weight" in other.weights else other.weights["embedding.weight"]
    )
    if vocabulary_size != data.vocabulary.size:
        raise UserError(
            f"--against {run} has a vocabulary of {vocabulary_size} tokens, this run has {data.vocabulary.size}"
        )
    context = len(other.weights["position.weight"]) if other.model == "gpt" else data.window
    model = KINDS[other.model](Spec((context,), vocabulary_size), **other.options)
    model.load_state_dict(other.weights, strict=False)
    return model
