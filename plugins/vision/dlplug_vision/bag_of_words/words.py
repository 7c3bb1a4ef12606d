"""Visual words: k-means centres of descriptors, and images as pyramids of their words' frequencies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from dlplug_images.images import scaled
from torch import Tensor, nn

from dlplug import UserError
from dlplug.stop import stoppable
from dlplug_vision.bag_of_words.sift import CELLS, SIZE, dense_sift, grid

MOST = 200_000  # descriptors that words are fitted to
FROM = 2_000  # images that these are taken from, at most
QUADRANTS = 4
REGIONS = 1 + QUADRANTS  # the whole image, and its quadrants


class Bag(nn.Module):
    """x (B, C, H, W) → (B, 5 · words): the square roots of the visual words' frequencies in the whole image and in each
    quadrant (Sivic & Zisserman 2003; Lazebnik et al. 2006, two levels), of unit length.

    The words are fitted when it is built, and never trained; they are saved with the weights.

    images: training images (N, H, W, C) uint8, of which at most 200,000 descriptors are clustered. enlarge: factor by
    which images are enlarged first. cells, step: see `dense_sift`; every size of cell has its own grid.
    """

    words: Tensor
    quadrants: Tensor

    def __init__(self, images: Tensor, words: int, cells: tuple[int, ...], step: int, enlarge: int, seed: int) -> None:
        super().__init__()
        self.cells, self.step, self.enlarge = cells, step, enlarge
        height, width = (enlarge * length for length in images.shape[1:3])
        check_fits(height, width, cells)
        self.register_buffer("quadrants", quadrants(height, width, cells, step), persistent=False)
        self.register_buffer("words", fitted_words(self.sampled(images, seed), words, seed))

    def describe(self, x: Tensor) -> Tensor:
        """The RootSIFT descriptors (B, L, 128) of x (B, C, H, W), size after size of the cells."""
        x = self.enlarged(x)
        return torch.cat([dense_sift(x, cell, self.step) for cell in self.cells], 1)

    def enlarged(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=self.enlarge, mode="bilinear") if self.enlarge > 1 else x

    def forward(self, x: Tensor) -> Tensor:
        counts = word_counts(nearest(self.describe(x), self.words), self.quadrants, len(self.words))
        frequencies = torch.cat([counts.sum(1, keepdim=True), counts], 1).flatten(1)
        # √(h / |h|₁): the dot product of two images is the Hellinger kernel of their frequencies
        return F.normalize(frequencies, p=1, dim=1).sqrt()

    @property
    def size(self) -> int:
        """The number of features."""
        return REGIONS * len(self.words)

    def sampled(self, images: Tensor, seed: int) -> Tensor:
        """At most 200,000 descriptors (M, 128), as many from each of at most 2,000 images."""
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(len(images), generator=generator)[:FROM]
        most = -(-MOST // len(chosen))
        parts = []
        for index in stoppable(chosen.split(100)):
            descriptors = self.describe(scaled(images[index].cpu()))
            place = torch.rand(descriptors.shape[:2], generator=generator).argsort(1)[:, :most, None]
            parts.append(descriptors.gather(1, place.expand(-1, -1, SIZE)).flatten(0, 1))
        return torch.cat(parts)[:MOST]


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


def nearest(descriptors: Tensor, words: Tensor) -> Tensor:
    """(B, L): the index of the nearest of words (K, D) to each descriptor (B, L, D)."""
    # argmin |d - w|² = argmax d · w - |w|² / 2
    return torch.matmul(descriptors, words.T).sub_(words.square().sum(1) / 2).argmax(2)


def word_counts(word: Tensor, quadrant: Tensor, words: int) -> Tensor:
    """(B, 4, words): how often each word occurs in each quadrant; word (B, L), quadrant (L,)."""
    counts = torch.zeros(len(word), QUADRANTS * words, device=word.device)
    counts.scatter_add_(1, quadrant * words + word, torch.ones_like(word, dtype=counts.dtype))
    return counts.view(len(word), QUADRANTS, words)


def quadrants(height: int, width: int, cells: tuple[int, ...], step: int) -> Tensor:
    """(L,): the quadrant of an image, 0 to 3, in which each descriptor's centre lies."""
    halves = [[(grid(length, cell, step) >= 0.5).long() for length in (height, width)] for cell in cells]
    return torch.cat([(2 * down[:, None] + across).flatten() for down, across in halves])


def check_fits(height: int, width: int, cells: tuple[int, ...]) -> None:
    """Raises UserError where an image is smaller than a descriptor."""
    largest = CELLS * max(cells)
    if min(height, width) < largest:
        raise UserError(
            f"a descriptor of 4x4 cells of {max(cells)} pixels needs {largest}x{largest} pixels, and the images have "
            f"{height}x{width}: choose smaller --model.cells, or a larger --model.enlarge"
        )
