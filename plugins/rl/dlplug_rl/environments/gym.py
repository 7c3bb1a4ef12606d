"""Vectorised Gymnasium environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gymnasium
import numpy as np
from dlplug_play.gymnasium_ids import building, find, one_line
from dlplug_play.specs import PlaySpec
from gymnasium.envs.registration import EnvSpec

from dlplug.errors import UserError
from dlplug.output import command
from dlplug_rl.environments.actions import action_space
from dlplug_rl.environments.interface import TimeStep


class GymEnvironments:
    """N copies of a Gymnasium environment with Box observations, and Discrete or Box actions.

    id: the registered id, `CartPole-v1`, or `module:id` for a module that registers it.
    count: N.
    seed: seed of the random starts.
    limit: actions after which an episode is truncated at the latest; None leaves it to the registration.
    continuous: whether actions may be vectors of real numbers (a Box of one axis). They are clipped to the box.
    hidden: indices of the numbers of an observation that are left out.

    Observations are uint8 where the environment's are uint8 or bool, else float32. Images (height, width, channels) are
    converted to channels first.

    Raises UserError for an unknown id and for other spaces; and, while playing, for a reward or an observation that is
    not finite.
    """

    frames_per_step = 1

    def __init__(
        self,
        id: str,
        *,
        count: int,
        seed: int = 0,
        limit: int | None = None,
        continuous: bool = False,
        hidden: Sequence[int] = (),
    ) -> None:
        self.id, self.count, self.seed = id, count, seed
        self._registration = find(id)
        _refuse_atari(self._registration)
        own = self._registration.max_episode_steps
        self.limit = limit if limit is not None and (own is None or own > limit) else None
        self._environments = self._make(count)
        observation, action = self._environments.single_observation_space, self._environments.single_action_space
        if not isinstance(observation, gymnasium.spaces.Box) or 0 in observation.shape:
            raise UserError(f"{id} has the observation space {observation}; a Box is needed")
        self._action_space = action_space(id, action, continuous=continuous)
        if self._environments.metadata.get("autoreset_mode") != gymnasium.vector.AutoresetMode.NEXT_STEP:
            raise UserError(f"{id} is a vector environment that does not reset in the next step (NEXT_STEP)")
        self._shown = _shown(id, observation.shape, hidden)
        self._channels_last = len(observation.shape) == 3 and observation.shape[2] < min(observation.shape[:2])
        self.fps = max(1, round(self._environments.metadata.get("render_fps") or 30))
        names = tuple(map(str, self._environments.metadata.get("actions", ())))
        actions = self._action_space.size
        names = names if len(names) == actions else ()
        empty = self._converted(np.zeros((1, *observation.shape), observation.dtype))
        continuous = self._action_space.continuous
        self.spec = PlaySpec(input=empty.shape[1:], output=actions, names=names, continuous=continuous)
        self.dtype = empty.dtype
        self._ended = np.ones(count, dtype=bool)
        self._false = np.zeros(count, dtype=bool)
        self._actions = np.zeros(count, dtype=np.int64)

    def _make(self, count: int, **options: Any) -> gymnasium.vector.VectorEnv:
        if self.limit is not None and self._registration.entry_point is not None:
            # not every vector environment accepts a limit, but every single environment does
            options |= {"max_episode_steps": self.limit, "vectorization_mode": "sync"}
        with building(self._registration.id):
            return gymnasium.make_vec(self._registration, num_envs=count, **options)

    def reset(self) -> TimeStep:
        obs, _ = self._environments.reset(seed=self.seed)
        self._ended = self._false
        reward = np.zeros(self.count, dtype=np.float32)
        return TimeStep(self._converted(obs), reward, self._false, self._false, ~self._false, self._false)

    def send(self, actions: np.ndarray) -> None:
        self._actions = self._action_space.sent(np.asarray(actions))

    def receive(self) -> TimeStep:
        obs, reward, terminated, truncated, _ = self._environments.step(self._actions)
        first, self._ended = self._ended, terminated | truncated
        reward = self._finite("a reward", reward.astype(np.float32))
        return TimeStep(self._converted(obs), reward, terminated, truncated, first, self._false)

    def _converted(self, obs: np.ndarray) -> np.ndarray:
        """Observations (N, ...), channels first, as uint8 or float32."""
        if obs.ndim == 1:
            obs = obs[:, None]
        if self._shown is not None:
            obs = obs[:, self._shown]
        if self._channels_last:
            obs = np.moveaxis(obs, -1, 1)
        if obs.dtype in (np.uint8, np.bool_):
            return obs.astype(np.uint8, copy=False)
        return self._finite("an observation", obs.astype(np.float32, copy=False))

    def _finite(self, kind: str, values: np.ndarray) -> np.ndarray:
        if np.isfinite(values).all():
            return values
        invalid = values[~np.isfinite(values)][0]
        raise UserError(
            f"the environment {self.id} returned {kind} of {invalid}; rewards and observations must be finite"
        )

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Replays a single environment; in a vector, the start of an episode may depend on when others ended.

        Raises UserError where the library that renders it is not installed.
        """
        if self.count > 1 or "rgb_array" not in self._environments.metadata.get("render_modes", ()):
            return None
        try:
            camera = self._make(1, render_mode="rgb_array")
            camera.reset(seed=self.seed)
            return self._filmed(camera, _picture(camera), actions)
        except gymnasium.error.DependencyNotInstalled as error:
            raise UserError(f"{self.id} cannot be rendered: {one_line(error)}") from error

    def _filmed(
        self, camera: gymnasium.vector.VectorEnv, first: np.ndarray, actions: np.ndarray
    ) -> Iterator[np.ndarray]:
        yield first
        for action in actions:
            camera.step(self._action_space.sent(np.array([action])))
            yield _picture(camera)
        camera.close()

    def close(self) -> None:
        self._environments.close()


def _shown(id: str, shape: tuple[int, ...], hidden: Sequence[int]) -> np.ndarray | None:
    """The indices of the numbers of an observation that are not hidden; None for all of them. Raises UserError."""
    if not hidden:
        return None
    if len(shape) != 1 or not {*hidden} < {*range(shape[0])}:
        raise UserError(f"{id} has observations of the shape {shape}, in which {tuple(hidden)} cannot be hidden")
    return np.array([index for index in range(shape[0]) if index not in hidden])


def _picture(camera: gymnasium.vector.VectorEnv) -> np.ndarray:
    """The rendered image of a vector's only environment, (height, width, 3) uint8."""
    pictures = camera.render()
    assert pictures is not None
    return np.asarray(pictures[0], dtype=np.uint8)


def _refuse_atari(registration: EnvSpec) -> None:
    """Raises UserError for an Atari game: `make_vec` takes ale-py's vector environment, which clips rewards by default,
    so that the reported returns would not be scores."""
    if not str(registration.entry_point).startswith("ale_py"):
        return
    game = registration.kwargs.get("game", "pong")
    raise UserError(
        f"{registration.id} is an Atari game: use the data `atari`, which plays it under a published protocol"
        f" and reports raw scores: {command('run', 'dqn-atari', '--data.game', game)}"
    )
