"""The classical classifiers, by scikit-learn, and their accuracies on a held-out split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlplug.stop import stoppable
from dlplug_signals.spectra.baselines.features import Array, fourier, ranked_peaks, wavelets, zones
from dlplug_signals.spectra.baselines.rocket import rocket_features
from dlplug_signals.spectra.series import HeldOut

COMPONENTS = 64  # of PCA, as many as the autoencoder's code has dimensions
Method = Callable[[Array, NDArray[np.int64], Array], NDArray[np.int64]]
"""(training features, their classes, other features) → the predicted classes of the others."""


def spectra_accuracies(data: HeldOut) -> dict[str, float]:
    """The old pipeline on spectra (N, 1, L): zones, Fourier, wavelets, each reduced to 64 principal components, and
    ranked peaks; then linear discriminant analysis or a linear support vector machine."""
    accuracies: dict[str, float] = {}
    features = {"zones_pca": zones, "fourier_pca": fourier, "wavelets_pca": wavelets, "peaks": ranked_peaks}
    for name, feature in stoppable(features.items()):
        train, others = (feature(flat(x)) for x in (data.train.x, data.x))
        if name.endswith("pca"):
            train, others = through_pca(train, others)
        for classifier, method in (("lda", lda), ("svm", linear_svm)):
            accuracies[f"{name}_{classifier}"] = accuracy_of(method, train, others, data)
    return accuracies


def series_accuracies(data: HeldOut) -> dict[str, float]:
    """1-nearest neighbour, PCA + LDA, a linear support vector machine, and MiniROCKET-like features with ridge
    regression. Components and penalties are chosen by cross-validation of the training series."""
    train, others = flat(data.train.x), flat(data.x)
    methods = {"1nn": nearest_neighbour, "pca_lda": pca_lda, "svm": searched_svm}
    accuracies = {name: accuracy_of(method, train, others, data) for name, method in stoppable(methods.items())}
    train, others = (features.numpy() for features in rocket_features(data.train.x, data.x))
    accuracies["rocket"] = accuracy_of(ridge, train, others, data)
    return accuracies


def flat(x: Any) -> Array:
    """Series (N, C, L) as rows (N, C·L)."""
    return x.flatten(1).cpu().numpy()


def accuracy_of(method: Method, train: Array, others: Array, data: HeldOut) -> float:
    return float((method(train, data.train.y.numpy(), others) == data.y.numpy()).mean())


def compared(accuracies: Mapping[str, float], nets: Mapping[str, float]) -> dict[str, float]:
    """The accuracies by the names of metrics, and each net's lead over the best classical method on this split."""
    best = max(accuracies.values())
    return {
        **nets,
        **{f"{name}_accuracy": value for name, value in accuracies.items()},
        "best_classical_accuracy": best,
        **{f"{name}_gap": value - best for name, value in nets.items()},
    }


def through_pca(train: Array, others: Array) -> tuple[Array, Array]:
    """Standardised features on the training set's first principal components, at most half as many as examples."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    components = min(COMPONENTS, len(train) // 2, train.shape[1])
    reduce = make_pipeline(StandardScaler(), PCA(components, random_state=0)).fit(train)
    return reduce.transform(train), reduce.transform(others)


def lda(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return np.asarray(LinearDiscriminantAnalysis().fit(x, y).predict(others))


def linear_svm(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    return make_pipeline(StandardScaler(), LinearSVC(C=0.1, random_state=0)).fit(x, y).predict(others)


def nearest_neighbour(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(1).fit(x, y).predict(others)


def pca_lda(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline

    most = min(x.shape[1], len(x) * 2 // 3 - len(np.unique(y)) - 1)
    components = [count for count in (5, 10, 15, 20, 30, 40, 60) if count <= most] or [1]
    classify = make_pipeline(PCA(random_state=0), LinearDiscriminantAnalysis())
    return searched(classify, {"pca__n_components": components}, x, y).predict(others)


def searched_svm(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.svm import SVC

    return searched(SVC(kernel="linear"), {"C": [0.1, 1, 10, 100]}, x, y).predict(others)


def searched(classify: Any, grid: Mapping[str, Any], x: Array, y: NDArray[np.int64]) -> Any:
    """The classifier with the options that are best in a three-fold cross-validation, fitted to all of x; with the
    first options where a class has fewer than three examples."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    if np.bincount(y).min() < 3:
        return classify.set_params(**{name: values[0] for name, values in grid.items()}).fit(x, y)
    return GridSearchCV(classify, dict(grid), cv=StratifiedKFold(3, shuffle=True, random_state=0)).fit(x, y)


def ridge(x: Array, y: NDArray[np.int64], others: Array) -> NDArray[np.int64]:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classify = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-1, 5, 13)))
    return classify.fit(x, y).predict(others)
