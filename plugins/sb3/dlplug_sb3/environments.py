"""What Stable-Baselines3 plays, as a data: Atari games as its own wrapper shows them, and Gymnasium's environments."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from dlplug_play import atari_names
from dlplug_play.atari_names import ProtocolName
from dlplug_play.episodes import EPISODE_LIMIT, STARTS, training_means
from dlplug_play.gymnasium_ids import building, find
from gymnasium import spaces
from stable_baselines3.common.atari_wrappers import AtariWrapper, ClipRewardEnv, MaxAndSkipEnv, WarpFrame
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecTransposeImage
from torch import nn

from dlplug import Data, PositiveInt, Spec, UserError
from dlplug_sb3.model import Memory
from dlplug_sb3.wrappers import NoOps, prepared

STACK = 4  # frames in an observation, as in Mnih et al. 2015


@dataclass(frozen=True, kw_only=True)
class Stage(Spec):
    """A spec with the environments themselves: an algorithm of Stable-Baselines3 plays while it learns.

    environments: N, stepping together. device: where the algorithm is to be.
    """

    environments: VecEnv
    device: str = "auto"


class Played(Data):
    """Environments that an algorithm plays by itself, and what came of their episodes.

    name: what is played.
    frames_per_step: frames of the game that one action lasts.
    pictures_per_second: of its film, one picture for each action.
    starts: what the split that this is adds to the run's seed, for the environments and the algorithm's random actions.
    episode_limit: actions after which an episode that is measured is cut; None where the environment's own limit does.
    memory: the replay of the algorithm that plays, to be saved with the data; the trainer puts it here.
    """

    name: str
    exact = False
    splits = ("eval", "test")
    starts = STARTS["eval"]
    training_options = ("environments",)
    frames_per_step = 1
    pictures_per_second = 30
    episode_limit: int | None = None

    def __init__(self, count: int, seed: int) -> None:
        if count < 1:
            raise UserError(f"environments must be at least 1, got {count}")
        self.environments = self.make(count, seed)
        seen, chosen = self.environments.observation_space, self.environments.action_space
        actions = chosen.n if isinstance(chosen, spaces.Discrete) else np.prod(chosen.shape or (1,))
        self.spec = Stage(input=tuple(seen.shape or ()), output=int(actions), environments=self.environments)
        self.memory: Memory | None = None
        self.lengths = np.zeros(count, dtype=np.int64)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        """Fresh environments, environment i seeded with seed + i; with `pictures` they can be seen by
        `get_images`.

        limit: actions after which an episode is truncated at the latest, where the environment sets no shorter one."""
        raise NotImplementedError

    def split(self, name: str) -> Played:
        held_out = copy.copy(self)
        held_out.starts = STARTS[name]
        return held_out

    def under(self, protocol: ProtocolName) -> Played:
        """The same under another protocol, for a measurement. Raises UserError where there is but one."""
        raise UserError(f"{self.name} has one protocol only: leave --metrics.sb3-episodes.protocol {protocol} out")

    def as_shown(self, picture: np.ndarray) -> np.ndarray:
        """A picture (height, width, 3) in the shape of its screen."""
        return picture

    def remember(self, infos: list[dict[str, Any]]) -> None:
        """Takes down the episodes that ended in a step. A lost life ends none, and rewards are raw: the monitor that
        tells of them sits below every wrapper."""
        self.lengths += 1
        for lane, info in enumerate(infos):
            if "episode" in info:
                self.finished.append((float(info["episode"]["r"]), int(self.lengths[lane])))
                self.lengths[lane] = 0

    def values(self) -> Mapping[str, float]:
        """Mean return and length (in actions) of the episodes that ended since the last call, where any did."""
        finished, self.finished = self.finished, []
        return training_means(finished)

    def batches(self, model: nn.Module) -> Iterator[Any]:
        raise UserError("sb3-atari and sb3-gym are played by the trainer sb3: add --trainer sb3")

    def close(self) -> None:
        self.environments.close()


class AtariRules(NamedTuple):
    """sticky: probability that a frame repeats the last action. wrapper: what an agent is shown. text: for a reader."""

    sticky: float
    wrapper: Callable[[gymnasium.Env], gymnasium.Env]
    text: str


def starts_and_lives(environment: gymnasium.Env) -> gymnasium.Env:
    """Stable-Baselines3's AtariWrapper. It cannot wrap backgammon and video_checkers: their actions have no NOOP, and
    FIRE, which moves a piece there, is the agent's to press. They have no lives to lose either."""
    if "NOOP" in environment.unwrapped.get_action_meanings():  # pyright: ignore[reportAttributeAccessIssue]
        return AtariWrapper(environment)
    return full_games(NoOps(environment))


def full_games(environment: gymnasium.Env) -> gymnasium.Env:
    """Frames and rewards as in Stable-Baselines3's AtariWrapper, without no-ops, FIRE and lives."""
    return ClipRewardEnv(WarpFrame(MaxAndSkipEnv(environment, skip=Atari.frames_per_step)))


PROTOCOLS = {
    "classic": AtariRules(
        0.0,
        starts_and_lives,
        "classic: no sticky actions, up to 30 no-ops, FIRE is pressed after a lost life, which ends the bootstrap,"
        " 108k frames at most",
    ),
    # Machado et al. 2018, arXiv:1709.06009.
    "machado": AtariRules(
        0.25, full_games, "machado: sticky actions 0.25, no no-ops, full episodes, 108k frames at most"
    ),
}


class Atari(Played):
    """An Atari game as Stable-Baselines3 shows it: the newest four frames, 84x84, grey; rewards clipped to their sign.

    game: any of ale-py's, by its plain name: pong, breakout, space-invaders, …
    protocol: classic (AtariWrapper: no sticky actions, a lost life ends the bootstrap) or machado (sticky actions,
        full episodes)
    environments: number of parallel environments
    """

    unit = "frames"
    frames_per_step = 4
    pictures_per_second = 15

    def __init__(
        self,
        *,
        game: str = "pong",
        protocol: ProtocolName = "classic",
        environments: PositiveInt = 8,
        seed: int = 0,
    ) -> None:
        self.name, self.id = find_game(game)
        self.play_by(protocol)
        super().__init__(environments, seed)

    def play_by(self, protocol: ProtocolName) -> None:
        self.rules = PROTOCOLS[protocol]
        self.protocol = f"{self.name} {self.rules.text}"

    def under(self, protocol: ProtocolName) -> Atari:
        other = copy.copy(self)
        other.play_by(protocol)
        return other

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        def start() -> gymnasium.Env:
            return gymnasium.make(
                self.id,
                frameskip=1,  # the wrapper skips, to see the last two frames
                repeat_action_probability=self.rules.sticky,
                render_mode="rgb_array" if pictures else None,
                disable_env_checker=True,
            )

        environments = make_vec_env(start, count, seed, wrapper_class=self.rules.wrapper)
        return VecTransposeImage(VecFrameStack(environments, STACK))

    def as_shown(self, picture: np.ndarray) -> np.ndarray:
        return picture.repeat(2, axis=1)  # Atari's 160 pixels are twice as wide as high


def find_game(name: str) -> tuple[str, str]:
    """A game's plain name and its id: "Space Invaders" is space_invaders, ALE/SpaceInvaders-v5.

    Raises UserError for a game that ale-py does not have, and where ale-py or OpenCV is not installed.
    """
    try:
        import ale_py
        import cv2  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"sb3-atari needs {error.name}, which is not installed: pip install ale-py opencv-python (ale-py: GPL-2.0)"
        ) from None
    gymnasium.register_envs(ale_py)
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)  # no banner for each emulator
    ids = [id for id in gymnasium.registry if re.fullmatch(r"ALE/\w+-v5", id)]
    games = {re.sub(r"(?<=.)(?=[A-Z])", "_", id[len("ALE/") : -len("-v5")]).lower(): id for id in ids}
    game = atari_names.find_game(name, games)
    return game, games[game]


class Gym(Played):
    """Any Gymnasium environment, with the time limit that it was registered with.

    id: as registered with Gymnasium; `module:id` imports a module first, of this folder or installed
    environments: number of parallel environments
    """

    episode_limit = EPISODE_LIMIT

    def __init__(self, *, id: str = "CartPole-v1", environments: PositiveInt = 1, seed: int = 0) -> None:
        self.name = self.protocol = id
        self.registration = find(id)
        super().__init__(environments, seed)

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        def start() -> gymnasium.Env:
            environment = gymnasium.make(self.registration, render_mode="rgb_array" if pictures else None)
            return prepared(environment, self.name, limit)

        with building(self.name):
            environments = make_vec_env(start, count, seed)
        metadata: dict[str, Any] = environments.metadata
        self.pictures_per_second = max(1, round(metadata.get("render_fps") or 30))
        return environments
