"""Features of the pipelines before deep learning: zones, Fourier, wavelets, ranked peaks. Each maps spectra (N, L) to
features (N, F) and learns nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def zones(x: Array, count: int = 200) -> Array:
    """The mean of each of `count` equal zones of the axis; of each point where there are no more points than that."""
    edges = np.linspace(0, x.shape[1], min(count, x.shape[1]) + 1).astype(int)
    return np.add.reduceat(x, edges[:-1], axis=1) / np.diff(edges)


def fourier(x: Array, count: int = 400) -> Array:
    """The magnitudes of the lowest frequencies, without the mean: they do not change when the whole axis is shifted."""
    return np.abs(np.fft.rfft(x, axis=1)[:, 1 : count + 1]).astype(np.float32)


def wavelets(x: Array, wavelet: str = "db4", most: int = 400) -> Array:
    """Approximation and detail coefficients of the coarsest levels that have about `most` coefficients."""
    import pywt

    level = pywt.dwt_max_level(x.shape[1], wavelet)
    coarse_first = pywt.wavedec(x, wavelet, level=max(1, level), axis=1)
    kept, total = [], 0
    for coefficients in coarse_first:
        if kept and total + coefficients.shape[1] > most:
            break
        kept.append(coefficients)
        total += coefficients.shape[1]
    return np.concatenate(kept, axis=1)


def ranked_peaks(x: Array, count: int = 24) -> Array:
    """The most prominent peaks of the smoothed spectrum in order of position: the position of each as a fraction of the
    axis, then the prominence of each as a fraction of the largest. Absent peaks have position 1 and prominence 0."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    features = np.zeros((len(x), 2, count), dtype=np.float32)
    features[:, 0] = 1
    for row, spectrum in zip(features, gaussian_filter1d(x, x.shape[1] / 800, axis=1), strict=True):
        found, about = find_peaks(spectrum, prominence=0)
        ranked = np.sort(np.argsort(-about["prominences"], kind="stable")[:count])
        row[0, : len(ranked)] = found[ranked] / x.shape[1]
        row[1, : len(ranked)] = about["prominences"][ranked] / about["prominences"].max(initial=1e-9)
    return features.reshape(len(x), -1)
