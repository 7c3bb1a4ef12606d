"""The sampler that shows what visual words stand for: the patches whose descriptors are nearest to them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import show, tiled
from dlplug_images.images import HeldOut, scaled
from torch import Tensor, nn

from dlplug import Image, PositiveInt
from dlplug_vision.bag_of_words.curve import check_model
from dlplug_vision.bag_of_words.model import BagOfWords
from dlplug_vision.bag_of_words.sift import CELLS
from dlplug_vision.bag_of_words.words import Bag


def visual_words(
    model: nn.Module,
    data: HeldOut,
    *,
    count: PositiveInt = 12,
    patches: PositiveInt = 12,
    images: PositiveInt = 200,
    seed: int,
) -> dict[str, Image]:
    """A row for each of some visual words: the patches of random images whose descriptors are nearest to it.

    count: number of words, drawn by the seed. patches: patches for each word. images: images that the patches are from.
    """
    check_model(model, data)
    assert isinstance(model, BagOfWords)
    bag, generator = model.bags[-1], torch.Generator().manual_seed(seed)
    assert isinstance(bag, Bag)
    chosen = torch.randperm(len(data.images), generator=generator)[:images]
    words = torch.randperm(len(bag.words), generator=generator)[:count].to(bag.words.device)
    x = scaled(data.images[chosen].to(bag.words.device))
    distance = torch.cdist(bag.words[words], bag.describe(x).flatten(0, 1))
    nearest = distance.topk(min(patches, distance.shape[1]), largest=False).indices
    shown = patches_of(bag, x)[nearest.flatten().cpu()]
    figure = new_figure(0.5 * nearest.shape[1] + 0.2, 0.5 * len(words) + 0.4)
    axes = figure.subplots()
    show(axes, tiled(shown[..., None], nearest.shape[1]))
    axes.set_title("a visual word in each row: the patches nearest to it", fontsize=8)
    return {"words": to_image(figure, f"patches nearest to {len(words)} of {len(bag.words)} visual words")}


def patches_of(bag: Bag, x: Tensor) -> Tensor:
    """The grey patches (B · L, P, P) that the descriptors of x (B, C, H, W) describe, in their order; smaller ones are
    enlarged to the largest."""
    grey, side = bag.enlarged(x).mean(1, keepdim=True), CELLS * max(bag.vocabulary.cells)
    found = []
    for cell in bag.vocabulary.cells:
        patches = F.unfold(grey, CELLS * cell, stride=bag.vocabulary.step).mT  # (B, L of this cell, pixels)
        drawn = F.interpolate(patches.unflatten(2, (CELLS * cell, CELLS * cell)), (side, side), mode="nearest")
        found.append(drawn)
    return torch.cat(found, 1).flatten(0, 1).cpu()
