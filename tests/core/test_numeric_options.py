"""Numeric options of what is registered: a number that one cannot be is refused, in one line that names it."""

from __future__ import annotations

from math import nan

import pytest
from layers import complaint

from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve
from dlplug.options.parsing import flag

HOST = load_host()


@pytest.mark.parametrize(
    ("recipe", "option", "value"),
    [
        ("dqn-cartpole", "data.gamma", 1.5),
        ("dqn-cartpole", "data.priority", -1),
        ("dqn-cartpole", "data.epsilon_steps", -5),
        ("dqn-cartpole", "metrics.episodes.epsilon", 5),
        ("dqn-cartpole", "metrics.episodes.count", 0),
        ("dqn-cartpole", "frames", -1),
        ("mlp-moons", "optimizer.clip_norm", 0),
        ("mlp-moons", "optimizer.clip_norm", -1),
        ("mlp-moons", "optimizer.final", -1),
        ("mlp-moons", "optimizer.learning_rate", nan),
        ("mlp-moons", "log_every", 0),
        ("mlp-moons", "keep", 0),
        ("mlp-moons", "seed", -1),
        ("mlp-moons", "seed", 10**30),
        ("mlp-moons", "optimizer.beta2", 1),
        ("mlp-moons", "eval_every", -5),
        ("mlp-moons", "threads", -1),
        ("mlp-moons", "console.seconds", -1),
        ("mlp-moons", "data.noise", "inf"),
        ("digits", "model.dropout", 1),
        ("ddpm-8gaussians", "loss.decay", 1),
    ],
)
def test_what_taught_nothing_is_refused(recipe, option, value):
    assert complaint(lambda: resolve(HOST, recipe, [{option: value}])).startswith(f"{flag(option)} must be ")


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["verify", "digits", "--seeds", "0"], "--seeds"),
        (["verify", "digits", "--seeds", "²"], "--seeds"),
        (["sweep", "digits", "--seeds", "²"], "--seeds"),
        (["sweep", "digits", "--jobs", "-1"], "--jobs"),
        (["board", "--port", "70000"], "--port"),
    ],
)
def test_flags_of_commands(cli, words, flag):
    said = cli(*words)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert flag in said.err
