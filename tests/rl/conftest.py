"""Environments that several files learn in."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import pytest


@pytest.fixture
def small_catch() -> Iterator[str]:
    name, catch = "SmallCatch-v0", "dlplug_envs.catch:Catch"
    gymnasium.register(name, catch, vector_entry_point=f"{catch}Vector", kwargs={"rows": 4, "columns": 5})
    yield name
    del gymnasium.registry[name]
