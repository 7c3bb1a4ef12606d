"""Atari games with Stable-Baselines3's own wrappers."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import NamedTuple

import gymnasium
import numpy as np
from dlplug_play import atari_names
from dlplug_play.atari_names import ProtocolName
from stable_baselines3.common.atari_wrappers import AtariWrapper, ClipRewardEnv, MaxAndSkipEnv, WarpFrame
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecTransposeImage

from dlplug import PositiveInt, UserError
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.environments.wrappers import NoOps

STACK = 4  # frames in an observation, as in Mnih et al. 2015


class AtariRules(NamedTuple):
    """sticky: probability that a frame repeats the last action. wrapper: the environment wrapper. text: in words."""

    sticky: float
    wrapper: Callable[[gymnasium.Env], gymnasium.Env]
    text: str


def starts_and_lives(environment: gymnasium.Env) -> gymnasium.Env:
    """Stable-Baselines3's AtariWrapper. It cannot wrap backgammon and video_checkers: their actions have no NOOP, and
    FIRE, which moves a piece, must be left to the agent. They have no lives either."""
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


class Atari(Sb3Data):
    """An Atari game with Stable-Baselines3's preprocessing: the newest four frames, 84x84, grey; rewards clipped to
    their sign.

    game: a game of ale-py, by its plain name: pong, breakout, space-invaders, …
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
                frameskip=1,  # the wrapper skips frames, and takes the maximum of the last two
                repeat_action_probability=self.rules.sticky,
                render_mode="rgb_array" if pictures else None,
                disable_env_checker=True,
            )

        environments = make_vec_env(start, count, seed, wrapper_class=self.rules.wrapper)
        return VecTransposeImage(VecFrameStack(environments, STACK))

    def as_displayed(self, picture: np.ndarray) -> np.ndarray:
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
