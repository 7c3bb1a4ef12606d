"""Stable-Baselines3's algorithms as models: PPO, A2C and DQN, with the names and defaults of Stable-Baselines3's
hyperparameters, which are documented at https://stable-baselines3.readthedocs.io."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from stable_baselines3.common.utils import LinearSchedule

from dlplug import Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Range, Spec, UserError
from dlplug_sb3.environments.base import Stage
from dlplug_sb3.model import Algorithm

Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class ActorCritic:
    """The loss of an actor-critic algorithm.

    normalize_advantage: normalise advantages to mean 0 and standard deviation 1 in each minibatch
    ent_coef: weight of the entropy bonus
    vf_coef: weight of the value loss
    max_grad_norm: largest norm of the gradient; larger ones are scaled down
    """

    normalize_advantage: bool = True
    ent_coef: NonNegativeFloat = 0.0
    vf_coef: NonNegativeFloat = 0.5
    max_grad_norm: PositiveFloat = 0.5


def ppo(
    spec: Spec,
    *,
    learning_rate: PositiveFloat = 3e-4,
    schedule: Schedule = "constant",
    n_steps: PositiveInt = 2048,
    batch_size: PositiveInt = 64,
    n_epochs: PositiveInt = 10,
    gamma: Fraction = 0.99,
    gae_lambda: Fraction = 0.95,
    clip_range: PositiveFloat = 0.2,
    actor_critic: ActorCritic = ActorCritic(),
    target_kl: PositiveFloat | None = None,
    seed: int = 0,
) -> Algorithm:
    """Stable-Baselines3's PPO; Schulman et al. 2017 (arXiv:1707.06347).

    learning_rate: learning rate of Adam
    schedule: linear: the learning rate and the clip range fall to 0 over the run
    n_steps: steps per environment and rollout
    batch_size: minibatch size in steps
    n_epochs: epochs over each rollout
    gamma: discount γ per step
    gae_lambda: λ of generalised advantage estimation
    clip_range: clip range ε of the probability ratio
    target_kl: end an update early if its mean KL divergence exceeds 1.5 times this; none never does
    """
    return build(
        PPO,
        spec,
        seed,
        learning_rate=scheduled(learning_rate, schedule),
        n_steps=n_steps,
        batch_size=batch_size,
        n_epochs=n_epochs,
        gamma=gamma,
        gae_lambda=gae_lambda,
        clip_range=scheduled(clip_range, schedule),
        target_kl=target_kl,
        **dataclasses.asdict(actor_critic),
    )


def a2c(
    spec: Spec,
    *,
    learning_rate: PositiveFloat = 7e-4,
    schedule: Schedule = "constant",
    optimizer: Literal["rmsprop", "rmsprop-tensorflow", "adam"] = "rmsprop",
    n_steps: PositiveInt = 5,
    gamma: Fraction = 0.99,
    gae_lambda: Fraction = 1.0,
    actor_critic: ActorCritic = ActorCritic(normalize_advantage=False),
    seed: int = 0,
) -> Algorithm:
    """Stable-Baselines3's A2C, the synchronous form of A3C; Mnih et al. 2016 (arXiv:1602.01783).

    learning_rate: learning rate of the optimizer
    schedule: linear: the learning rate falls to 0 over the run
    optimizer: rmsprop is torch's; TensorFlow's, used for the published results, adds epsilon inside the root
    n_steps: steps per environment and update
    gamma: discount γ per step
    gae_lambda: λ of generalised advantage estimation; 1 is the plain n-step advantage
    """
    tensorflow_options = {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"eps": 1e-5}}
    return build(
        A2C,
        spec,
        seed,
        learning_rate=scheduled(learning_rate, schedule),
        n_steps=n_steps,
        gamma=gamma,
        gae_lambda=gae_lambda,
        use_rms_prop=optimizer == "rmsprop",
        policy_kwargs=tensorflow_options if optimizer == "rmsprop-tensorflow" else None,
        **dataclasses.asdict(actor_critic),
    )


def dqn(
    spec: Spec,
    *,
    learning_rate: PositiveFloat = 1e-4,
    schedule: Schedule = "constant",
    buffer_size: PositiveInt = 1_000_000,
    learning_starts: NonNegativeInt = 100,
    batch_size: PositiveInt = 32,
    tau: Annotated[float, Range(gt=0, le=1)] = 1.0,
    gamma: Fraction = 0.99,
    train_freq: PositiveInt = 4,
    gradient_steps: Annotated[int, Range(ge=-1)] = 1,
    n_steps: PositiveInt = 1,
    target_update_interval: PositiveInt = 10_000,
    exploration_fraction: Annotated[float, Range(gt=0, le=1)] = 0.1,
    exploration_initial_eps: Fraction = 1.0,
    exploration_final_eps: Fraction = 0.05,
    max_grad_norm: PositiveFloat = 10.0,
    optimize_memory_usage: bool = False,
    seed: int = 0,
) -> Algorithm:
    """Stable-Baselines3's DQN, without double Q-learning; Mnih et al. 2015 (doi:10.1038/nature14236).

    learning_rate: learning rate of Adam
    schedule: linear: the learning rate falls to 0 over the run
    buffer_size: size of the replay buffer in transitions; a million Atari transitions take 56 GB
    learning_starts: steps before the first update
    batch_size: transitions per batch
    tau: τ of the target network's update θ' ← τ θ + (1 - τ) θ'; 1 copies the network
    gamma: discount γ per step
    train_freq: steps per environment between updates
    gradient_steps: gradient steps per update; -1 for as many as there were environment steps
    n_steps: n of n-step returns
    target_update_interval: steps between two updates of the target network
    exploration_fraction: fraction of the run over which ε falls
    exploration_initial_eps: initial ε, the probability of a random action
    exploration_final_eps: final ε
    max_grad_norm: largest norm of the gradient; larger ones are scaled down
    optimize_memory_usage: store each observation once, not twice; episodes cut by a time limit then count as terminated
    """
    if gradient_steps == 0:
        raise UserError("--model.gradient-steps must be above 0, or -1 for as many as there were steps, got 0")
    without_timeouts = {"handle_timeout_termination": False}
    return build(
        DQN,
        spec,
        seed,
        learning_rate=scheduled(learning_rate, schedule),
        buffer_size=buffer_size,
        learning_starts=learning_starts,
        batch_size=batch_size,
        tau=tau,
        gamma=gamma,
        train_freq=train_freq,
        gradient_steps=gradient_steps,
        n_steps=n_steps,
        target_update_interval=target_update_interval,
        exploration_fraction=exploration_fraction,
        exploration_initial_eps=exploration_initial_eps,
        exploration_final_eps=exploration_final_eps,
        max_grad_norm=max_grad_norm,
        optimize_memory_usage=optimize_memory_usage,
        replay_buffer_kwargs=without_timeouts if optimize_memory_usage else None,
    )


def build(kind: type[BaseAlgorithm], spec: Spec, seed: int, policy: str = "auto", **hyperparameters: Any) -> Algorithm:
    """The algorithm over the spec's environments.

    policy: auto is CnnPolicy for images of 36 pixels or more, MultiInputPolicy for Dict observations, else MlpPolicy.
    Raises UserError where the algorithm refuses its hyperparameters, and for data of another trainer.
    """
    if not isinstance(spec, Stage):
        raise UserError(f"{kind.__name__} collects its own data: use --trainer sb3 with --data sb3-atari or sb3-gym")
    policy = policy_for(spec.environments.observation_space) if policy == "auto" else policy
    make = functools.partial(kind, policy, spec.environments, device=spec.device, seed=seed)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "This system does not have apparently enough memory")
            return Algorithm(make(**hyperparameters))
    except (AssertionError, ValueError, TypeError, NotImplementedError, UserWarning, MemoryError) as error:
        raise UserError(f"{kind.__name__} refuses these options: {error}") from error
    except RuntimeError as error:
        space = spec.environments.observation_space
        raise UserError(f"{kind.__name__} cannot build a network for observations {space}: {error}") from error


SMALLEST = 36  # pixels: least height and width for the convolutions of Mnih et al. 2015


def policy_for(observations: spaces.Space) -> str:
    if isinstance(observations, spaces.Dict):
        return "MultiInputPolicy"
    images = is_image_space(observations) and sorted(observations.shape or ())[1] >= SMALLEST
    return "CnnPolicy" if images else "MlpPolicy"


def scheduled(value: float, schedule: Schedule) -> float | LinearSchedule:
    """A constant, or a schedule that falls linearly to 0 over the run."""
    return LinearSchedule(value, 0.0, 1.0) if schedule == "linear" else value
