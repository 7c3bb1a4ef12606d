"""Visual words: k-means centres of descriptors, and images as pyramids of their words' frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from dlplug_images.images import scaled
from torch import Tensor, nn

from dlplug import PositiveFloat, PositiveInt, UserError
from dlplug.stop import stoppable
from dlplug_vision.bag_of_words.sift import CELLS, SIZE, dense_sift, grid

MOST = 100_000  # descriptors that words are fitted to
FROM = 2_000  # images that these are taken from, at most
QUADRANTS = 4
REGIONS = 1 + QUADRANTS  # the whole image, and its quadrants


@dataclass(frozen=True)
class Vocabulary:
    """words: number of visual words.
    cells: sides of a descriptor's 4x4 cells, in pixels of the enlarged image; each size has a grid of its own.
    step: pixels between descriptors.
    enlarge: factor by which images are enlarged for the descriptors, as SIFT's own first octave doubles them.
    sharpness: β of a descriptor's shares exp(-β |d - w|²) in the words w; a large β leaves the nearest word alone.
    """

    words: PositiveInt = 500
    cells: tuple[PositiveInt, ...] = (2, 4)
    step: PositiveInt = 3
    enlarge: PositiveInt = 1
    sharpness: PositiveFloat = 20.0


class Bag(nn.Module):
    """x (B, C, H, W) → (B, 5 · words): the square roots of the visual words' frequencies in the whole image and in each
    quadrant (Sivic & Zisserman 2003; Lazebnik et al. 2006, two levels), less their mean over training images.

    A descriptor counts for several words (van Gemert et al. 2008, a kernel codebook). Words and mean are fitted when it
    is built, to at most 100,000 descriptors of 2,000 training images (N, H, W, C) uint8, and never trained; they are
    saved with the weights.
    """

    words: Tensor
    mean: Tensor
    regions: Tensor

    def __init__(self, images: Tensor, vocabulary: Vocabulary, seed: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        height, width = (vocabulary.enlarge * length for length in images.shape[1:3])
        check_fits(height, width, vocabulary.cells)
        regions = F.one_hot(quadrants(height, width, vocabulary.cells, vocabulary.step), QUADRANTS)
        self.register_buffer("regions", regions.T.float(), persistent=False)
        generator = torch.Generator().manual_seed(seed)
        chosen = images[torch.randperm(len(images), generator=generator)[:FROM]].cpu().split(50)
        self.register_buffer("words", fitted_words(self.sampled(chosen, generator), vocabulary.words, seed))
        self.register_buffer("mean", torch.cat([self.roots(scaled(part)) for part in stoppable(chosen)]).mean(0))

    def enlarged(self, x: Tensor) -> Tensor:
        factor = self.vocabulary.enlarge
        return F.interpolate(x, scale_factor=factor, mode="bilinear") if factor > 1 else x

    def describe(self, x: Tensor) -> Tensor:
        """The RootSIFT descriptors (B, L, 128) of x (B, C, H, W)."""
        return dense_sift(self.enlarged(x), self.vocabulary.cells, self.vocabulary.step)

    def forward(self, x: Tensor) -> Tensor:
        return self.roots(x) - self.mean

    def roots(self, x: Tensor) -> Tensor:
        """The square roots (B, 5 · words) of the frequencies; their squares sum to 1."""
        counts = self.regions @ shares(self.describe(x), self.words, self.vocabulary.sharpness)
        frequencies = torch.cat([counts.sum(1, keepdim=True), counts], 1).flatten(1)
        # √(h / |h|₁): the dot product of two images is the Hellinger kernel of their frequencies
        return F.normalize(frequencies, p=1, dim=1).sqrt()

    @property
    def size(self) -> int:
        """The number of features."""
        return REGIONS * len(self.words)

    def sampled(self, images: Sequence[Tensor], generator: torch.Generator) -> Tensor:
        """At most 100,000 descriptors (M, 128), as many from each image; images (N, H, W, C) in parts."""
        most = -(-MOST // sum(map(len, images)))
        found = []
        for part in stoppable(images):
            descriptors = self.describe(scaled(part))
            place = torch.rand(descriptors.shape[:2], generator=generator).argsort(1)[:, :most, None]
            found.append(descriptors.gather(1, place.expand(-1, -1, SIZE)).flatten(0, 1))
        return torch.cat(found)[:MOST]


def fitted_words(descriptors: Tensor, count: int, seed: int) -> Tensor:
    """(count, 128): k-means centres of descriptors (M, 128). Raises UserError where there are fewer of these."""
    from sklearn.cluster import MiniBatchKMeans

    if len(descriptors) < count:
        raise UserError(
            f"--model.words {count} is more than the {len(descriptors)} descriptors of the training images: choose "
            "fewer words, a smaller --model.step or more images"
        )
    clusters = MiniBatchKMeans(count, batch_size=4096, random_state=seed).fit(descriptors.numpy())
    return torch.from_numpy(clusters.cluster_centers_).float()


def shares(descriptors: Tensor, words: Tensor, sharpness: float) -> Tensor:
    """(B, L, K): how much each descriptor (B, L, D) counts for each of words (K, D); its shares sum to 1."""
    # exp(-β |d - w|²) / Σ, without the factor exp(-β |d|²), which all words have
    return F.linear(descriptors, 2 * sharpness * words, -sharpness * words.square().sum(1)).softmax(2)


def quadrants(height: int, width: int, cells: Sequence[int], step: int) -> Tensor:
    """(L,): the quadrant of an image, 0 to 3, in which each descriptor's centre lies."""
    halves = [[(grid(length, cell, step) >= 0.5).long() for length in (height, width)] for cell in cells]
    return torch.cat([(2 * down[:, None] + across).flatten() for down, across in halves])


def check_fits(height: int, width: int, cells: Sequence[int]) -> None:
    """Raises UserError where an image is smaller than a descriptor."""
    if not cells:
        raise UserError("--model.cells needs at least one size, such as 4")
    largest = CELLS * max(cells)
    if min(height, width) < largest:
        raise UserError(
            f"a descriptor of 4x4 cells of {max(cells)} pixels needs {largest}x{largest} pixels, and the images have "
            f"{height}x{width}: choose smaller --model.cells, or a larger --model.enlarge"
        )
