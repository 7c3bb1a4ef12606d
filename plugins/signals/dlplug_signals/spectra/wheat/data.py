"""Near-infrared spectra of single wheat kernels (Pedersen et al. 2002; Nielsen et al. 2002), and their protein."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlplug import Range, UserError, data_folder
from dlplug_signals.spectra.series import Examples, Series, Training
from dlplug_signals.spectra.wheat.scatter import detrended, standard_normal_variate

FILE = "wheat_kernels/NITSingleSeed.MAT"
SHAPES = {"Calibration_X": (415, 100), "Calibration_Y": (415, 1), "Validation_X": (108, 100), "Validation_Y": (108, 1)}
WITHOUT = "--data gliadin needs no download"


class Measured(NamedTuple):
    """A held-out split: preprocessed spectra x (N, 1, 100), their protein y (N,) in percent, the mean and the standard
    deviation of the training kernels' protein, by which models' outputs are scaled, and the training examples, whose y
    is in percent, too."""

    x: Tensor
    y: Tensor
    mean: float
    deviation: float
    train: Examples


class WheatKernels(Series):
    """Near-infrared transmission of single wheat kernels, 850 to 1,048 nm, and their protein: 415 calibration kernels
    train, 108 kernels that were measured two months later are the test.

    Each spectrum is detrended by a parabola and standardised by itself (SNV), as in Cui & Fearn 2018; then each
    wavelength is standardised by the training kernels, and so is the protein in batches.

    Read from wheat_kernels/NITSingleSeed.MAT in the data folder.

    validation: share of the calibration kernels that is held out: every k-th by protein, by which the file is sorted; 0
        trains on all of them, and then watches the training set.
    """

    protocol = "108 kernels measured two months after the 415"

    def __init__(
        self,
        *,
        validation: Annotated[float, Range(ge=0, le=0.5)] = 0.0,
        training: Training = Training(batch_size=32),
        seed: int,
    ) -> None:
        content = read_kernels()
        x = standard_normal_variate(detrended(content["Calibration_X"]))
        y = content["Calibration_Y"][:, 0]
        held = np.zeros(len(y), dtype=bool)
        if validation:
            every = round(1 / validation)
            held[every // 2 :: every] = True
        mean, deviation = x[~held].mean(0), x[~held].std(0)

        def examples(x: NDArray[np.float64], y: NDArray[np.float64]) -> Examples:
            standardised = (x - mean) / deviation
            return Examples(torch.from_numpy(standardised).float()[:, None], torch.from_numpy(y).float())

        test = standard_normal_variate(detrended(content["Validation_X"]))
        self.measured = {"train": examples(x[~held], y[~held]), "val": examples(x[held], y[held]),
                         "test": examples(test, content["Validation_Y"][:, 0])}  # fmt: skip
        if not validation:
            self.splits = ("train", "test")
        protein = self.measured["train"].y
        self.mean, self.deviation = protein.mean().item(), protein.std(correction=0).item()
        parts = {name: part._replace(y=(part.y - self.mean) / self.deviation) for name, part in self.measured.items()}
        super().__init__(parts, 1, training, seed=seed)

    def split(self, name: str) -> Measured:
        return Measured(*self.measured[name], self.mean, self.deviation, self.measured["train"])


def read_kernels() -> dict[str, NDArray[np.float64]]:
    """The arrays of the file by name, checked. Raises UserError where it is missing or another."""
    path = data_folder() / FILE
    if not path.is_file():
        raise UserError(
            f"{path.name} is missing in {path.parent}: it was published at models.kvl.dk/wheat_kernels, and is in "
            "github.com/dario-passos/DeepLearning_for_VIS-NIR_Spectra, notebooks/CuiFearn2018_CNN (no licence is "
            f"stated); put it there or set DLPLUG_DATA to a folder that has it; {WITHOUT}"
        )
    content = load(path)
    for name, shape in SHAPES.items():
        if getattr(content.get(name), "shape", None) != shape:
            raise UserError(f"{path} has no {name} of shape {shape}: expected the wheat kernels of models.kvl.dk")
    return {name: np.asarray(content[name], dtype=np.float64) for name in SHAPES}


def load(path: Path) -> dict[str, Any]:
    """The content of a MATLAB file. Raises UserError where it is none."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path)
    except (MatReadError, ValueError, OSError, TypeError, NotImplementedError) as error:
        raise UserError(f"{path} cannot be read as a MATLAB file: {error}") from None
