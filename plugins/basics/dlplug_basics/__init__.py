"""A first lecture on deep learning: regression, perceptrons, a network in plain NumPy, and optimizers compared."""

from dlplug import hookimpl
from dlplug_basics.recipes import RECIPES


@hookimpl
def register_data():
    return {
        "flat-digits": "dlplug_basics.data:FlatDigits",
        "two-moons": "dlplug_basics.data:TwoMoons",
        "noisy-line": "dlplug_basics.data:NoisyLine",
        "separable": "dlplug_basics.data:Separable",
        "valley": "dlplug_basics.race:Valley",
    }


@hookimpl
def register_models():
    return {
        "affine": "dlplug_basics.networks:Affine",
        "perceptron-layers": "dlplug_basics.networks:MultilayerPerceptron",
        "one-for-each-activation": "dlplug_basics.networks:OneForEachActivation",
        "numpy-network": "dlplug_basics.in_numpy.bridge:NumpyNetwork",
        "racers": "dlplug_basics.race:Racers",
    }


@hookimpl
def register_losses():
    return {
        "squared-error": "dlplug_basics.losses:squared_error",
        "ridge-cross-entropy": "dlplug_basics.losses:cross_entropy",
        "perceptron-rule": "dlplug_basics.losses:PerceptronRule",
        "side-by-side": "dlplug_basics.losses:SideBySide",
        "numpy-cross-entropy": "dlplug_basics.in_numpy.bridge:NumpyCrossEntropy",
        "race": "dlplug_basics.race:RaceLoss",
    }


@hookimpl
def register_optimizers():
    return {"layer-update": "dlplug_basics.in_numpy.bridge:layer_update"}


@hookimpl
def register_metrics():
    return {
        "share-right": "dlplug_basics.metrics:accuracy",
        "closed-form": "dlplug_basics.metrics:closed_form",
        "scikit-logistic": "dlplug_basics.metrics:scikit_logistic",
        "race-excess": "dlplug_basics.metrics:race",
        "activation-accuracies": "dlplug_basics.metrics:activations",
        "line-fit": "dlplug_basics.samplers:line_fit",
        "digit-confusion": "dlplug_basics.samplers:confusion",
        "boundary": "dlplug_basics.samplers:boundary",
        "race-picture": "dlplug_basics.samplers:race",
        "activation-pictures": "dlplug_basics.samplers:activations",
        "computation-graph": "dlplug_basics.samplers:computation_graph",
    }


@hookimpl
def register_samplers():
    return {
        "line-fit": "dlplug_basics.samplers:line_fit",
        "digit-confusion": "dlplug_basics.samplers:confusion",
        "boundary": "dlplug_basics.samplers:boundary",
        "race-picture": "dlplug_basics.samplers:race",
        "activation-pictures": "dlplug_basics.samplers:activations",
        "computation-graph": "dlplug_basics.samplers:computation_graph",
    }


@hookimpl
def register_recipes():
    return RECIPES


@hookimpl
def register_exercises():
    return "dlplug_basics.exercises:EXERCISES"
