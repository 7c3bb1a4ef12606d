"""The plugin's recipes. Each trains in seconds on one thread, and none downloads anything."""

from __future__ import annotations

from dlplug import Recipe, Target, use

TORCH = use("torch", threads=1)
DIGITS = "scikit-learn's digits, the fixed 20 % test split"
SUPPORT_VECTORS = "scikit-learn's example 'Recognizing hand-written digits': 0.97 by a support vector machine"

RECIPES = {
    "linear-regression": Recipe(
        summary="A line through noisy points, against the normal equations",
        data="noisy-line",
        model="affine",
        loss="squared-error",
        optimizer=use("sgd", learning_rate=0.1),
        length="300 steps",
        source="Gauss 1809; Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 3.2",
        metrics=["closed-form", "line-fit"],
        samplers=["line-fit"],
        trainer=TORCH,
        targets=[
            Target(
                "test/distance_to_closed_form",
                "largest difference of any weight from the solution of (XᵀX) w = Xᵀy",
                "the closed form; Hastie, Tibshirani & Friedman, equation 3.6",
                at_most=1e-4,
            )
        ],
        watch=["train/loss"],
    ),
    "logistic-regression": Recipe(
        summary="Softmax regression on digits, against scikit-learn's",
        data=use("flat-digits", batch_size=0),
        model="affine",
        loss=use("ridge-cross-entropy", ridge=1e-3),
        optimizer=use("sgd", learning_rate=0.1, momentum=0.99, nesterov=True),
        length="3000 steps",
        source="Cox 1958 (doi:10.1111/j.2517-6161.1958.tb00292.x)",
        metrics=["share-right", "digit-confusion", use("scikit-logistic", ridge=1e-3)],
        samplers=["digit-confusion"],
        trainer=TORCH,
        targets=[
            Target(
                "test/probability_difference",
                f"largest difference of any class's probability from LogisticRegression's; {DIGITS}",
                "scikit-learn's LogisticRegression with the same penalty, trained in the same run",
                at_most=1e-3,
                where={"loss.ridge": 1e-3},
            )
        ],
        watch=["train/loss", "train/accuracy"],
    ),
    "perceptron": Recipe(
        summary="Rosenblatt's perceptron on points that a line separates",
        data="separable",
        model="affine",
        loss="perceptron-rule",
        optimizer=use("sgd", learning_rate=1.0),
        length="10k steps",
        source="Rosenblatt 1958 (doi:10.1037/h0042519)",
        metrics=["share-right", "boundary"],
        samplers=["boundary"],
        trainer=TORCH,
        targets=[
            Target(
                "train/mistakes",
                "mistakes until none is left; R² ≤ 2 with the bias, margin γ = 0.1/√(1 + 0.05²)",
                "Novikoff 1962: at most (R/γ)² mistakes",
                at_most=200,
            ),
            Target(
                "test/accuracy",
                "200 points that were not trained on, at least the margin from the line",
                "this project's own bar",
                at_least=0.97,
            ),
        ],
        watch=["train/mistakes"],
    ),
    "mlp-moons": Recipe(
        summary="A multilayer perceptron bends around two moons",
        data="two-moons",
        model=use("perceptron-layers", width=32),
        loss="ridge-cross-entropy",
        optimizer=use("adam", learning_rate=0.01),
        length="1000 steps",
        source="Rumelhart, Hinton & Williams 1986 (doi:10.1038/323533a0)",
        metrics=["share-right", "boundary"],
        samplers=["boundary"],
        trainer=TORCH,
        watch=["train/loss", "train/accuracy"],
    ),
    "mlp-digits": Recipe(
        summary="A multilayer perceptron reads digits; any activation of the course",
        data="flat-digits",
        model="perceptron-layers",
        loss=use("ridge-cross-entropy", ridge=1e-3),
        optimizer=use("adam", learning_rate=2e-3, schedule="linear"),
        length="2000 steps",
        source="Rumelhart, Hinton & Williams 1986 (doi:10.1038/323533a0)",
        metrics=["share-right", "digit-confusion"],
        samplers=["digit-confusion"],
        trainer=TORCH,
        targets=[Target("test/accuracy", DIGITS, SUPPORT_VECTORS, at_least=0.97)],
        watch=["train/loss", "train/accuracy"],
    ),
    "numpy-mlp": Recipe(
        summary="A network in plain NumPy reads digits: forward, backward, update",
        data="flat-digits",
        model="numpy-network",
        loss="numpy-cross-entropy",
        optimizer=use("layer-update", learning_rate=0.1),
        length="3000 steps",
        source="Rumelhart, Hinton & Williams 1986 (doi:10.1038/323533a0)",
        metrics=["share-right", "digit-confusion", "computation-graph"],
        samplers=["digit-confusion", "computation-graph"],
        trainer=use("torch", threads=1, device="cpu"),
        targets=[Target("test/accuracy", DIGITS, SUPPORT_VECTORS, at_least=0.97)],
        watch=["train/loss", "train/accuracy"],
    ),
    "optimizer-race": Recipe(
        summary="Gradient descent, SGD and momentum race down one valley; too small and too large a step",
        data="valley",
        model="racers",
        loss="race",
        optimizer={
            "descent": use("sgd", learning_rate=0.1),
            "sgd": use("sgd", learning_rate=0.1),
            "momentum": use("sgd", learning_rate=0.1, momentum=0.8),
            "too_small": use("sgd", learning_rate=0.01),
            "too_large": use("sgd", learning_rate=2.02),
        },
        length="150 steps",
        source="Polyak 1964 (doi:10.1016/0041-5553(64)90137-5); Goh 2017, Why Momentum Really Works (distill.pub)",
        metrics=["race-excess", "race-picture"],
        samplers=["race-picture"],
        trainer=use("torch", threads=1, log_every=10),
        targets=[
            Target(
                "val/theory_error",
                "largest distance of gradient descent from w* + Q (1 - ηΛ)ᵗ Qᵀ (w₀ - w*) at any step",
                "Goh 2017, Why Momentum Really Works, first steps: gradient descent",
                at_most=1e-4,
                where={"optimizer.descent": "sgd", "optimizer.descent.learning_rate": 0.1},
            )
        ],
        watch=["train/descent_loss", "train/sgd_loss", "train/momentum_loss"],
    ),
    "activations": Recipe(
        summary="Seven activations: the functions, their derivatives, the same deep perceptron with each",
        data="flat-digits",
        model="one-for-each-activation",
        loss="side-by-side",
        optimizer=use("sgd", learning_rate=0.03),
        length="2000 steps",
        source="Glorot & Bengio 2010 (AISTATS); Maas et al. 2013; Goodfellow et al. 2013; Clevert et al. 2016",
        metrics=["activation-accuracies", "activation-pictures"],
        samplers=["activation-pictures"],
        trainer=TORCH,
        watch=["train/relu_loss", "train/sigmoid_loss"],
    ),
}
