"""What a player plays in: N environments that step together, behind one small interface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import gymnasium
import numpy as np

from dlplug.contracts import Spec
from dlplug.errors import UserError, nearest


class Seen(NamedTuple):
    """What N environments show after a step.

    Rows where `first` is set begin an episode: their reward and ends are void, and the action sent was ignored.

    obs: (N, *spec.input), what a policy sees now. For frames the newest is obs[:, -1], and what lies before an
        episode's start is zeros.
    reward: (N,) float32, raw.
    terminated: (N,) bool, the game ended: the bootstrap stops.
    truncated: (N,) bool, a time limit ended it: obs is the true last observation, to bootstrap from.
    first: (N,) bool.
    life_lost: (N,) bool, a life was lost in this step and the game goes on; nowhere in games without lives.
    """

    obs: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    first: np.ndarray
    life_lost: np.ndarray


class Environments(Protocol):
    """N environments that step together and begin again by themselves.

    After a row ends (terminated or truncated), the next `receive` shows its next episode's beginning and marks it
    `first`. Every `send` is followed by one `receive`; between the two the caller may do other work.

    count: N.
    spec: shape of an observation, number of actions and their names; mean and deviation where they were estimated.
    frames_per_step: frames of the game that one action lasts.
    fps: pictures a second of a film that shows the game as it is played, one picture an action.
    """

    count: int
    spec: Spec
    frames_per_step: int
    fps: int

    def reset(self) -> Seen:
        """Begins new episodes everywhere, the same ones at every call."""
        ...

    def send(self, actions: np.ndarray) -> None:
        """Hands over one action for each environment, (N,) integers, and returns at once where the environments have
        threads of their own."""
        ...

    def receive(self) -> Seen: ...

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Plays what environment `lane` played since its reset again, given the actions it was sent: one picture,
        (height, width, 3) uint8, of the reset and one after each action. None where there is nothing to see."""
        ...

    def close(self) -> None: ...


class GymEnvironments:
    """Any Gymnasium environment with one vector to see and a list of actions to choose from, N times.

    id: as registered, `CartPole-v1`, or `module:id` where a module registers it. Its time limit truncates.
    count: how many.
    seed: of their random starts.

    Raises UserError for an id nobody registered and for spaces that a Q-network cannot serve.
    """

    frames_per_step = 1

    def __init__(self, id: str, *, count: int, seed: int = 0) -> None:
        self.id, self.count, self.seed = id, count, seed
        try:
            self._environments = gymnasium.make_vec(id, num_envs=count)
        except gymnasium.error.UnregisteredEnv as error:
            known = nearest(id, gymnasium.registry.keys())
            raise UserError(f"no Gymnasium environment is called {id!r}.{known}") from error
        except (gymnasium.error.DependencyNotInstalled, ModuleNotFoundError) as error:
            raise UserError(f"{id} needs what is not installed: {str(error).splitlines()[0]}") from error
        self._refuse_what_cannot_be_played(id)
        observation, action = self._environments.single_observation_space, self._environments.single_action_space
        assert isinstance(action, gymnasium.spaces.Discrete)
        self._lowest = int(action.start)
        self.fps = int(self._environments.metadata.get("render_fps", 30))
        self.spec = Spec(input=tuple(observation.shape or ()), output=int(action.n))
        self._ended = np.ones(count, dtype=bool)
        self._nothing = np.zeros(count, dtype=bool)
        self._actions = np.zeros(count, dtype=np.int64)

    def _refuse_what_cannot_be_played(self, id: str) -> None:
        observation, action = self._environments.single_observation_space, self._environments.single_action_space
        if not isinstance(observation, gymnasium.spaces.Box):
            raise UserError(f"{id} shows {observation}; a space of numbers (Box) is needed")
        if not isinstance(action, gymnasium.spaces.Discrete):
            raise UserError(f"{id} takes {action}; a list of actions (Discrete) is needed")
        if self._environments.metadata.get("autoreset_mode") != gymnasium.vector.AutoresetMode.NEXT_STEP:
            raise UserError(f"{id} is not a vector environment that begins again at the next step (NEXT_STEP)")

    def reset(self) -> Seen:
        obs, _ = self._environments.reset(seed=self.seed)
        self._ended = self._nothing
        reward = np.zeros(self.count, dtype=np.float32)
        return Seen(obs, reward, self._nothing, self._nothing, ~self._nothing, self._nothing)

    def send(self, actions: np.ndarray) -> None:
        self._actions = np.asarray(actions) + self._lowest

    def receive(self) -> Seen:
        obs, reward, terminated, truncated, _ = self._environments.step(self._actions)
        first, self._ended = self._ended, terminated | truncated
        return Seen(obs, reward.astype(np.float32), terminated, truncated, first, self._nothing)

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Of an environment that is alone: in a vector, how one begins may depend on when the others end.

        Raises UserError where what draws it is not installed.
        """
        if self.count > 1 or "rgb_array" not in self._environments.metadata.get("render_modes", ()):
            return None
        camera = gymnasium.make_vec(self.id, num_envs=1, render_mode="rgb_array")
        try:
            camera.reset(seed=self.seed)
            return self._filmed(camera, _picture(camera), actions)
        except gymnasium.error.DependencyNotInstalled as error:
            raise UserError(f"{self.id} cannot be shown: {str(error).splitlines()[0]}") from error

    def _filmed(
        self, camera: gymnasium.vector.VectorEnv, first: np.ndarray, actions: np.ndarray
    ) -> Iterator[np.ndarray]:
        yield first
        for action in actions:
            camera.step(np.array([action]) + self._lowest)
            yield _picture(camera)
        camera.close()

    def close(self) -> None:
        self._environments.close()


def _picture(camera: gymnasium.vector.VectorEnv) -> np.ndarray:
    """What the one environment of a vector shows, (height, width, 3) uint8."""
    pictures = camera.render()
    assert pictures is not None
    return np.asarray(pictures[0], dtype=np.uint8)
