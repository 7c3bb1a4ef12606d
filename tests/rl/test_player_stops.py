"""Ctrl-C while a player fills its replay buffer or its rollout."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from dlplug_rl.environments.interface import TimeStep
from dlplug_rl.players.replaying import Gym
from dlplug_rl.players.rollout import GymRollout
from made import made
from test_player import network

from dlplug.stop import Stopped, ask_to_stop, withdraw


@pytest.mark.parametrize("make", [lambda: made(Gym, learning_starts=10**9), lambda: made(GymRollout, rollout=10**5)])
def test_a_stop_is_heard_before_the_first_batch(make: Any) -> None:
    player = make()
    note, calls = player.note, itertools.count()

    def noted(seen: TimeStep) -> None:
        note(seen)
        if next(calls) == 20:
            ask_to_stop()
        assert next(calls) < 100, "nobody heard"

    player.note = noted
    try:
        with pytest.raises(Stopped):
            next(player.batches(network(player)))
    finally:
        withdraw()
    assert player.state_dict()["count"] == player.count > 0
