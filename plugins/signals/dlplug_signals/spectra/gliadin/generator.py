"""Generates spectra of gliadin: each variety of wheat has its own bands, drawn from the alleles of six gene loci.

Gliadin is inherited in blocks: an allele of a locus is a fixed group of bands, and a variety is a choice of one allele
for each of six loci (Metakovsky 1991). Half the varieties differ from an older one at one or two loci alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlplug import NonNegativeFloat, PositiveInt

POINTS = 4096
VARIETIES = 30
REPLICATES = 3  # spectra of one sample
LOCI = ((5, 400, 1500), (6, 700, 1900), (5, 1000, 2300), (7, 1800, 3200), (7, 2200, 3500), (6, 2600, 3800))
"""Number of alleles of each locus, and the first and last point at which its bands may lie."""
BANDS = (3, 6)  # of an allele, from 3 to 6
WIDTH = (7.0, 14.0)  # standard deviation of a band, in points
REACH = 4  # standard deviations beyond which a band is left out


@dataclass(frozen=True)
class Disturbances:
    """samples: number of samples, spread evenly over the 30 varieties; each is measured three times.
    height: standard deviation of a band's log height between the samples of a variety.
    warp: standard deviation of the axis's smooth distortion, in points.
    baseline: height of the smooth background, where the mean band is 1.
    noise: standard deviation of the white noise.
    """

    samples: PositiveInt = 1075
    height: NonNegativeFloat = 0.5
    warp: NonNegativeFloat = 30.0
    baseline: NonNegativeFloat = 0.5
    noise: NonNegativeFloat = 0.1


class Spectra(NamedTuple):
    """Spectra x (N, 4096) float32, their varieties y (N,), and the number of the sample that each is of (N,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    sample: NDArray[np.int64]


class Bands(NamedTuple):
    """Positions and widths in points, and heights, of the bands of several spectra: (N, bands) each, or (bands,) of an
    allele. A band of height 0 is none."""

    position: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]


def generate(disturbances: Disturbances, seed: int) -> Spectra:
    """The spectra of `samples` samples, three of each, a pure function of its arguments."""
    rng = np.random.default_rng(seed)
    varieties = varieties_of(rng)
    sample = np.arange(disturbances.samples).repeat(REPLICATES)
    y = sample % VARIETIES
    bands = Bands(*(values[y] for values in varieties))
    growth = rng.lognormal(0, disturbances.height, (disturbances.samples, bands.height.shape[1]))
    shift = disturbances.warp * smooth(bands.position, rng)
    x = drawn(bands._replace(position=bands.position + shift, height=bands.height * growth[sample]))
    x += disturbances.baseline * (1 + smooth(np.arange(POINTS)[None], rng, len(y))).astype(np.float32)
    x *= rng.lognormal(0, 0.2, (len(y), 1)).astype(np.float32)  # how much protein the lane received
    x += np.float32(disturbances.noise) * rng.standard_normal(x.shape, dtype=np.float32)
    return Spectra(x, y, sample)


def varieties_of(rng: np.random.Generator) -> Bands:
    """The bands of each variety, (30, bands); no two have the same alleles."""
    alleles = [[allele(first, last, rng) for _ in range(count)] for count, first, last in LOCI]
    chosen: list[tuple[int, ...]] = []
    while len(chosen) < VARIETIES:
        if len(chosen) < VARIETIES // 2:
            genes = [int(rng.integers(count)) for count, _, _ in LOCI]
        else:
            genes = list(chosen[rng.integers(len(chosen))])
            for locus in rng.choice(len(LOCI), rng.integers(1, 3), replace=False):
                genes[locus] = int(rng.integers(LOCI[locus][0]))
        if tuple(genes) not in chosen:
            chosen.append(tuple(genes))
    rows = [[alleles[locus][gene] for locus, gene in enumerate(genes)] for genes in chosen]
    return padded([Bands(*(np.concatenate(values) for values in zip(*row, strict=True))) for row in rows])


def allele(first: int, last: int, rng: np.random.Generator) -> Bands:
    count = rng.integers(BANDS[0], BANDS[1] + 1)
    return Bands(rng.uniform(first, last, count), rng.uniform(*WIDTH, count), rng.lognormal(-0.1, 0.5, count))


def padded(rows: list[Bands]) -> Bands:
    """Bands (bands,) of several spectra as one (N, bands), with bands of height 0 at the end."""
    most = max(len(row.height) for row in rows)
    fill = Bands(*(np.array(value) for value in (0.0, 1.0, 0.0)))
    return Bands(*(
        np.stack([np.append(values, np.full(most - len(values), blank)) for values in column])
        for column, blank in zip(zip(*rows, strict=True), fill, strict=True)
    ))  # fmt: skip


def drawn(bands: Bands) -> NDArray[np.float32]:
    """The sums of the Gaussian bands of N spectra, (N, 4096)."""
    margin = int(REACH * WIDTH[1])
    reach = np.arange(-margin, margin + 1)
    x = np.zeros((len(bands.height), POINTS + 2 * margin), dtype=np.float32)
    rows = np.arange(len(x))[:, None]
    for position, width, height in zip(*(values.T[..., None] for values in bands), strict=True):
        place = np.rint(position).astype(int) + reach
        value = height * np.exp(-0.5 * ((place - position) / width) ** 2)
        x[rows, place.clip(-margin, POINTS + margin - 1) + margin] += value
    return x[:, margin:-margin]


def smooth(position: NDArray[np.number], rng: np.random.Generator, count: int = 0) -> NDArray[np.float64]:
    """N random smooth functions of mean 0 and variance 1, sums of a constant and four waves, each at its own positions
    (N, P), or `count` of them at the same (1, P)."""
    count = count or len(position)
    size = np.array([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    size = size / np.sqrt((size**2).sum())
    sine, cosine = size[:, None] * rng.standard_normal((2, count, 5, 1))
    total = np.zeros((count, position.shape[1]))
    for wave in range(5):
        angle = np.pi * wave * position / POINTS
        # E (a sin + b cos)² = 1 for independent standard normal a and b
        total += sine[:, wave] * np.sin(angle) + cosine[:, wave] * np.cos(angle)
    return total
