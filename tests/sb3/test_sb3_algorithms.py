"""The algorithms: options with Stable-Baselines3's names and defaults, any other by name, refusals in one line."""

from __future__ import annotations

import inspect

import pytest
import stable_baselines3
from dlplug_sb3 import algorithms
from dlplug_sb3.algorithms import build
from dlplug_sb3.by_name import any_algorithm, find_algorithm, read_hyperparameters
from dlplug_sb3.environments.gym import Gym
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

from dlplug import Spec, UserError
from dlplug.host.plugins import load_host
from dlplug.host.signatures import read_signature
from dlplug.options.layers import resolve

OURS = {"schedule", "optimizer"}  # options that stand for what cannot be given as a number


@pytest.mark.parametrize("name", ["ppo", "a2c", "dqn"])
def test_options_have_stable_baselines3_s_names_and_defaults(name):
    theirs = inspect.signature(getattr(stable_baselines3, name.upper())).parameters
    options = read_signature(f"dlplug_sb3.algorithms:{name}").options
    assert len(options) > 8
    for option in options:
        assert option.help, f"{option.name} has no help"
        if option.name not in OURS:
            assert option.default == theirs[option.name].default, option.name


@pytest.mark.parametrize("name", ["ppo", "a2c", "dqn"])
def test_every_option_reaches_the_algorithm(name, monkeypatch):
    given = {}
    monkeypatch.setattr(algorithms, "build", lambda kind, spec, seed, **options: given.update(options))
    make, signature = getattr(algorithms, name), read_signature(f"dlplug_sb3.algorithms:{name}")
    numbers = {option.name: option.default + 1 for option in signature.options if type(option.default) in (int, float)}
    make(Gym().spec, **signature.arguments(numbers))
    assert {name: given[name] for name in numbers} == numbers


def test_what_stands_for_more_than_a_number():
    falling = algorithms.ppo(Gym().spec, learning_rate=0.5, clip_range=0.25, schedule="linear").sb3
    assert [falling.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == [0.5, 0.25, 0.0]
    assert [falling.clip_range(left) for left in (1.0, 0.5, 0.0)] == [0.25, 0.125, 0.0]
    steady = algorithms.ppo(Gym().spec, learning_rate=0.5).sb3
    assert [steady.lr_schedule(left) for left in (1.0, 0.0)] == [0.5, 0.5]
    kinds = {
        name: algorithms.a2c(Gym().spec, optimizer=name).sb3.policy.optimizer
        for name in ("rmsprop", "rmsprop-tensorflow", "adam")
    }
    assert [type(optimizer).__name__ for optimizer in kinds.values()] == ["RMSprop", RMSpropTFLike.__name__, "Adam"]
    memory = algorithms.dqn(Gym().spec, buffer_size=10, optimize_memory_usage=True).sb3.replay_buffer
    assert not hasattr(memory, "next_observations")


def test_the_recipes_are_the_zoo_s():
    """Against hyperparams/{ppo,a2c,dqn}.yml; 10M steps of four frames."""
    host = load_host()
    ppo, a2c, dqn = (resolve(host, name, []) for name in ("sb3-ppo-atari", "sb3-a2c-atari", "sb3-dqn-atari"))
    assert ppo["frames"] == a2c["frames"] == dqn["frames"] == 4 * 10**7
    assert (ppo["data.environments"], a2c["data.environments"], dqn["data.environments"]) == (8, 16, 1)
    assert (ppo["model.n_steps"], ppo["model.n_epochs"], ppo["model.batch_size"]) == (128, 4, 256)
    assert (ppo["model.learning_rate"], ppo["model.clip_range"], ppo["model.schedule"]) == (2.5e-4, 0.1, "linear")
    assert (ppo["model.vf_coef"], ppo["model.ent_coef"]) == (0.5, 0.01)
    assert (a2c["model.ent_coef"], a2c["model.vf_coef"], a2c["model.optimizer"]) == (0.01, 0.25, "rmsprop-tensorflow")
    assert (dqn["model.buffer_size"], dqn["model.learning_starts"], dqn["model.batch_size"]) == (100_000, 100_000, 32)
    assert (dqn["model.target_update_interval"], dqn["model.train_freq"], dqn["model.gradient_steps"]) == (1000, 4, 1)
    assert (dqn["model.exploration_fraction"], dqn["model.exploration_final_eps"]) == (0.1, 0.01)
    assert (dqn["model.learning_rate"], dqn["model.optimize_memory_usage"]) == (1e-4, False)


def test_a_wrong_hyperparameter_is_one_line_with_the_nearest():
    with pytest.raises(UserError, match=r"has no option --model.n-step. Did you mean .*--model.n-steps"):
        resolve(load_host(), "sb3-ppo-cartpole", [{"model.n_step": 5}])
    with pytest.raises(UserError, match=r"no option --model.buffer-size"):
        resolve(load_host(), "sb3-ppo-cartpole", [{"model.buffer_size": 5}])
    with pytest.raises(UserError, match=r"DQN has no hyperparameter 'buffersize'. Did you mean buffer_size"):
        read_hyperparameters(stable_baselines3.DQN, ["buffersize=5"])
    with pytest.raises(UserError, match="expected name=value, got 'gamma'"):
        read_hyperparameters(stable_baselines3.DQN, ["gamma"])
    with pytest.raises(UserError, match="DQN has no hyperparameter 'env'"):
        read_hyperparameters(stable_baselines3.DQN, ["env=CartPole-v1"])


def test_hyperparameters_are_python_s_literals_or_words():
    pairs = ["learning_rate=1e-4", "buffer_size=1e5", "policy_kwargs={'net_arch':[8,8]}", "optimize_memory_usage=False"]
    assert read_hyperparameters(stable_baselines3.DQN, pairs) == {
        "learning_rate": 1e-4,
        "buffer_size": 100_000,
        "policy_kwargs": {"net_arch": [8, 8]},
        "optimize_memory_usage": False,
    }
    assert read_hyperparameters(stable_baselines3.SAC, ["ent_coef=auto"]) == {"ent_coef": "auto"}


def test_algorithms_are_found_by_name_and_by_class():
    assert find_algorithm("sac") is find_algorithm("SAC") is stable_baselines3.SAC
    assert find_algorithm("stable_baselines3.td3:TD3") is stable_baselines3.TD3
    with pytest.raises(UserError, match=r"no algorithm is called 'popo'\. Did you mean ppo"):
        find_algorithm("popo")
    with pytest.raises(UserError, match="no algorithm nowhere:PPO: No module named 'nowhere'"):
        find_algorithm("nowhere:PPO")
    with pytest.raises(UserError, match="pathlib:Path is not a subclass"):
        find_algorithm("pathlib:Path")


def test_what_an_algorithm_refuses_is_one_line():
    with pytest.raises(UserError, match="SAC refuses these options: The algorithm only supports"):
        any_algorithm(Gym().spec, algorithm="sac")
    with pytest.raises(UserError, match="PPO refuses these options: "):
        algorithms.ppo(Gym().spec, n_steps=1)
    with pytest.raises(UserError, match="PPO collects its own data: use --trainer sb3"):
        algorithms.ppo(Spec(input=(4,), output=2))
    with pytest.raises(UserError, match=r"DQN refuses these options: .*(enough memory|Unable to allocate)"):
        algorithms.dqn(Gym().spec, buffer_size=10**10)


def test_the_policy_fits_what_is_seen():
    assert type(algorithms.ppo(Gym().spec).policy).__name__ == "ActorCriticPolicy"
    pendulum = any_algorithm(Gym(id="Pendulum-v1").spec, algorithm="sac", hyperparameters=("buffer_size=10",))
    assert type(pendulum.policy).__name__ == "SACPolicy"
    small = build(stable_baselines3.PPO, Gym().spec, 0, policy_kwargs={"net_arch": [3]})
    assert small.policy.action_net.in_features == 3
