"""Errors of predicted protein beside those of linear regressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from dlplug_figures.figure import COLOURS, new_figure, to_image
from numpy.typing import NDArray
from torch import nn

from dlplug import Image
from dlplug_signals.spectra.baselines.features import Array
from dlplug_signals.spectra.baselines.methods import flat
from dlplug_signals.spectra.wheat.data import Measured

MOST = 20  # components of partial least squares, of which cross-validation chooses as many as are best
PUBLISHED = 8  # components of Cui & Fearn 2018


def protein_error(model: nn.Module, data: Measured) -> Mapping[str, Any]:
    """Root mean squared error of predicted protein (RMSEP), in percent of the kernel, and that of linear regressions
    fitted to the same training spectra: partial least squares with the published eight components (`pls8_rmse`) and
    with as many as ten-fold cross-validation chooses (`pls_rmse`), and ridge regression (`ridge_rmse`), whose penalty
    leave-one-out chooses; and a picture of predicted over measured protein."""
    device = next(model.parameters()).device
    predicted = model(data.x.to(device))[:, 0].float().cpu().numpy() * data.deviation + data.mean
    measured = data.y.numpy()
    linear = linear_predictions(flat(data.train.x), data.train.y.numpy(), flat(data.x))
    return {
        "rmse": rmse(predicted, measured),
        **{f"{name}_rmse": rmse(values, measured) for name, values in linear.items()},
        "predicted": predicted_picture(measured, {"this model": predicted, "ridge regression": linear["ridge"]}),
    }


def rmse(predicted: Array, measured: Array) -> float:
    return float(np.sqrt(((predicted - measured) ** 2).mean()))


def linear_predictions(x: Array, y: Array, others: Array) -> dict[str, Array]:
    """The predictions (M,) of three linear regressions, fitted to x (N, L) and y (N,), for others (M, L)."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GridSearchCV, KFold

    components = list(range(1, min(MOST, x.shape[1]) + 1))
    folds = KFold(10, shuffle=True, random_state=0)
    scored = "neg_mean_squared_error"
    regressions = {
        "pls8": PLSRegression(PUBLISHED),
        "pls": GridSearchCV(PLSRegression(), {"n_components": components}, scoring=scored, cv=folds),
        "ridge": RidgeCV(np.logspace(-3, 4, 22)),
    }
    return {name: np.ravel(regression.fit(x, y).predict(others)) for name, regression in regressions.items()}


def predicted_picture(measured: NDArray[np.float32], predicted: Mapping[str, Array]) -> Image:
    """Predicted over measured values; the diagonal is without error."""
    figure = new_figure(5, 5)
    axes = figure.subplots()
    for (name, values), colour in zip(predicted.items(), COLOURS, strict=False):
        axes.scatter(measured, values, s=12, color=colour, label=f"{name}: RMSE {rmse(values, measured):.3f}")
    ends = [min(measured.min(), *(values.min() for values in predicted.values())),
            max(measured.max(), *(values.max() for values in predicted.values()))]  # fmt: skip
    axes.plot(ends, ends, color="#999999", linewidth=0.8)
    axes.set(xlabel="measured protein, %", ylabel="predicted protein, %", aspect="equal")
    axes.legend(fontsize=8)
    return to_image(figure, "predicted over measured protein of the held-out kernels")
