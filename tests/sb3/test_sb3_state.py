"""What a run counts, logs and saves, without a run."""

from __future__ import annotations

import numpy as np
import pytest
from dlplug_sb3.model import Memory
from dlplug_sb3.trainer import Scalars, passed
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.buffers import ReplayBuffer

from dlplug import testing


@given(every=st.integers(0, 20), before=st.integers(0, 100), steps=st.integers(0, 50))
def test_passed_is_whether_a_multiple_lies_between(every, before, steps):
    assert passed(every, before, before + steps) == any(
        every and k % every == 0 for k in range(before + 1, before + steps + 1)
    )


@pytest.mark.parametrize("halved", [False, True])
@given(added=st.integers(0, 12))
def test_a_memory_samples_the_same_after_a_file(halved, added):
    def empty() -> ReplayBuffer:
        box = spaces.Box(-1, 1, (2,), np.float32)
        settings = {"optimize_memory_usage": True, "handle_timeout_termination": False} if halved else {}
        return ReplayBuffer(5, box, spaces.Discrete(3), device="cpu", n_envs=1, **settings)

    buffer, restored, generator = empty(), empty(), np.random.default_rng(added)
    for _ in range(added):
        row = generator.random((2, 1, 2), dtype=np.float32)
        buffer.add(row[0], row[1], np.array([1]), np.array([0.5]), np.array([False]), [{}])
    Memory(restored).load_state_dict(testing.through_a_file(Memory(buffer).state_dict()))
    assert (restored.pos, restored.full) == (buffer.pos, buffer.full)
    if added > 1:
        np.random.seed(0)
        expected = buffer.sample(20)
        np.random.seed(0)
        testing.assert_same(list(restored.sample(20)), list(expected), "samples")


def test_what_the_logger_records_keeps_its_numbers():
    scalars = Scalars()
    recorded = {"train/loss": np.float32(2), "rollout/exploration_rate": 0.5, "time/fps": 9, "train/note": "words"}
    scalars.write(recorded, {}, 1)
    assert scalars.take() == {"loss": 2.0, "epsilon": 0.5}
    assert scalars.take() == {}
