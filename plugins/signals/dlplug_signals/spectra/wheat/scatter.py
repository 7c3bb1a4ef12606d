"""Preprocessing that removes from spectra what comes from the scattering of light, not from its absorption."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Spectra = NDArray[np.float64]


def detrended(x: Spectra, degree: int = 2) -> Spectra:
    """Spectra (N, L), each less its least-squares polynomial (Barnes et al. 1989)."""
    basis = np.linalg.qr(np.vander(np.linspace(-1, 1, x.shape[1]), degree + 1))[0]
    return x - x @ basis @ basis.T


def standard_normal_variate(x: Spectra) -> Spectra:
    """Spectra (N, L), each standardised by its own mean and standard deviation (SNV, Barnes et al. 1989)."""
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
