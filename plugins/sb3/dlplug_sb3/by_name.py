"""The model `sb3`: any algorithm by name, with its constructor's hyperparameters."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Sequence
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

from dlplug import Spec, UserError, nearest
from dlplug_sb3.algorithms import build
from dlplug_sb3.model import Algorithm

LIBRARIES = ("stable_baselines3", "sb3_contrib")  # the libraries of plain names
OURS = {"self", "policy", "env", "seed", "device", "verbose", "tensorboard_log", "_init_setup_model"}


def any_algorithm(
    spec: Spec, *, algorithm: str, policy: str = "auto", hyperparameters: tuple[str, ...] = (), seed: int = 0
) -> Algorithm:
    """Any algorithm of Stable-Baselines3 or sb3-contrib by its name, or any class of their kind.

    algorithm: sac, td3, qrdqn, …, or module:Class
    policy: auto, or a policy's name, such as MlpLstmPolicy
    hyperparameters: as the algorithm's constructor names them: learning_rate=1e-4 policy_kwargs={'net_arch':[64,64]}
    """
    kind = find_algorithm(algorithm)
    return build(kind, spec, seed, policy, **read_hyperparameters(kind, hyperparameters))


def find_algorithm(name: str) -> type[BaseAlgorithm]:
    """The class of a name, ignoring case, or of `module:Class`. Raises UserError with the nearest names."""
    module, colon, attribute = name.rpartition(":")
    if colon:
        try:
            kind = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UserError(f"no algorithm {name}: {error}") from error
        if not (inspect.isclass(kind) and issubclass(kind, BaseAlgorithm)):
            raise UserError(f"{name} is not a subclass of Stable-Baselines3's BaseAlgorithm")
        return kind
    kinds = {kind.__name__.lower(): kind for kind in _installed()}
    if name.lower() not in kinds:
        raise UserError(f"no algorithm is called {name!r}.{nearest(name.lower(), kinds)}")
    return kinds[name.lower()]


def _installed() -> list[type[BaseAlgorithm]]:
    """The algorithms of Stable-Baselines3 and, if it is installed, of sb3-contrib."""
    kinds: list[type[BaseAlgorithm]] = []
    for library in LIBRARIES:
        try:
            values = vars(importlib.import_module(library)).values()
        except ModuleNotFoundError:
            continue
        kinds += [value for value in values if inspect.isclass(value) and issubclass(value, BaseAlgorithm)]
    return kinds


def read_hyperparameters(kind: type[BaseAlgorithm], pairs: Sequence[str]) -> dict[str, Any]:
    """Parses `name=value` for the constructor; a value is a Python literal, or else a string.

    Raises UserError for a text that is no pair, and for an unknown name, with the nearest names.
    """
    parameters = {name: p for name, p in inspect.signature(kind).parameters.items() if name not in OURS}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise UserError(f"--model.hyperparameters: expected name=value, got {pair!r}")
        if name not in parameters:
            raise UserError(f"{kind.__name__} has no hyperparameter {name!r}.{nearest(name, parameters)}")
        values[name] = _literal(text, isinstance(parameters[name].default, int))
    return values


def _literal(text: str, integer: bool) -> Any:
    """A Python literal, or the text itself. integer: convert 1e5 to 100000."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return int(value) if integer and isinstance(value, float) and value.is_integer() else value
