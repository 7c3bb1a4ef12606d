"""Gymnasium's environments by id, with one-line errors."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import gymnasium
from gymnasium.envs.registration import EnvSpec, find_highest_version, get_env_id, parse_env_id

from dlplug.errors import UserError, nearest
from dlplug.host.local_modules import modules_of_this_folder


def find(id: str) -> EnvSpec:
    """The registration of an id such as `CartPole-v1`, or of `module:id`, whose module, installed or in the current
    folder, is imported first. Raises UserError for an unknown id."""
    module, _, name = id.rpartition(":")
    if module:
        _import(id, module)
    try:
        namespace, plain, version = parse_env_id(name)
        if version is None:
            name = get_env_id(namespace, plain, find_highest_version(namespace, plain))
    except gymnasium.error.Error as error:
        raise UserError(f"{id!r} is not a Gymnasium id such as CartPole-v1: {one_line(error)}") from error
    if name not in gymnasium.registry:
        raise _unknown(id, module, namespace)
    return gymnasium.registry[name]


@contextlib.contextmanager
def building(id: str) -> Iterator[None]:
    """A context for building environments, in which modules of the current folder can be imported. Raises UserError if
    a dependency of the environment is not installed."""
    try:
        with modules_of_this_folder():
            yield
    except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise UserError(f"{id} needs what is not installed: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _import(id: str, module: str) -> None:
    try:
        with modules_of_this_folder():
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module.partition(".")[0]:
            raise UserError(
                f"{id}: no module {module!r} is installed, and the folder {Path.cwd()} has no {module}.py"
            ) from error
        raise UserError(f"{id} needs what is not installed: {one_line(error)}") from error


def _unknown(id: str, module: str, namespace: str | None) -> UserError:
    """The error with the nearest ids of the same namespace: `Walker2d-v5` would not help for `my/Walk-v0`."""
    name = id.rpartition(":")[2]
    ids = [id for id in gymnasium.registry if parse_env_id(id)[0] == namespace]
    if module:
        return UserError(f"the module {module} registers no environment {name!r}.{nearest(name, ids)}")
    return UserError(
        f"no Gymnasium environment is called {name!r}.{nearest(name, ids)} If your own module registers it,"
        f" use MODULE:{name}"
    )
