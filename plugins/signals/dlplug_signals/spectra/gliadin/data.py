"""Generated spectra of gliadin as data: three splits by sample."""

from __future__ import annotations

import numpy as np
import torch

from dlplug import NonNegativeInt, UserError
from dlplug_signals.spectra.gliadin.generator import VARIETIES, Disturbances, Spectra, generate
from dlplug_signals.spectra.series import Examples, LabelledSeries, Training

PARTS = ("train", "train", "train", "val", "test")  # of the samples of a variety, in turn


class Gliadin(LabelledSeries):
    """3,225 generated spectra of 4,096 points, three of each of 1,075 samples of 30 varieties of wheat; no download.

    All spectra of a sample are in one split: 60 % train, 20 % val, 20 % test of each variety's samples.

    generator_seed: seed of the generated spectra, the same in every run.
    """

    def __init__(
        self,
        *,
        disturbances: Disturbances = Disturbances(),
        generator_seed: NonNegativeInt = 0,
        training: Training = Training(batch_size=64),
        seed: int,
    ) -> None:
        if disturbances.samples < len(PARTS) * VARIETIES:
            least = len(PARTS) * VARIETIES
            raise UserError(f"--data.samples must be at least {least}, 5 of each variety, got {disturbances.samples}")
        names = tuple(f"variety {number}" for number in range(1, VARIETIES + 1))
        super().__init__(split_by_sample(generate(disturbances, generator_seed)), names, training, seed=seed)


def split_by_sample(spectra: Spectra) -> dict[str, Examples]:
    """train, val and test, with all spectra of a sample in one of them."""
    part = np.array(PARTS)[spectra.sample // VARIETIES % len(PARTS)]
    everything = Examples(torch.from_numpy(spectra.x)[:, None], torch.from_numpy(spectra.y))
    return {name: everything.take(torch.from_numpy(np.flatnonzero(part == name))) for name in ("train", "val", "test")}
