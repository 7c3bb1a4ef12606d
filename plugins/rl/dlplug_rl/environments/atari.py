"""Atari games in the Arcade Learning Environment, with workarounds for its vector environment (ale-py 0.12.1):

- `episodic_life=True` resets the whole game when a life is lost, which no published protocol does. Here the game
  continues, and lost lives are found by comparing the lives of successive steps.
- `reward_clipping=True` loses the raw score. Here rewards are raw; the learner clips.
- After an episode's end the next step ignores its action and returns the next game's first observation: `first`.
  (In SAME_STEP mode, `final_obs` has uninitialised memory in the rows that have not ended.)
- At the frame limit the emulator stops before it reads the screen, so its last observation is wrong. Here steps are
  counted to enforce the limit, and the emulator's own limit is one frame later.
- It does not check actions. Here `send` does.
- By default it starts a thread for every processor of the machine, even if this process may use only a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ale_py import roms
from ale_py.vector_env import AtariVectorEnv
from dlplug_play import atari_names
from dlplug_play.atari_names import ProtocolName
from dlplug_play.specs import PlaySpec

from dlplug.errors import UserError
from dlplug.stop import stop_if_asked
from dlplug_rl.environments.cpus import usable_cpus
from dlplug_rl.environments.interface import Environments, TimeStep

FRAME_SKIP = 4
FOR_TWO_PLAYERS = {"combat", "joust", "maze_craze", "warlords"}  # the emulator ends the process when it loads them
FRAME_LIMIT = 108_000  # 30 minutes at 60 frames a second: the limit of both protocols


@dataclass(frozen=True)
class AtariProtocol:
    """An evaluation protocol; scores under different protocols cannot be compared.

    sticky: probability that a frame repeats the last action instead of the one sent.
    no_ops: largest number of no-op frames at an episode's start, drawn at random from 0.
    fire: whether FIRE is pressed in one of those frames, in games that have it. (The wrappers of CleanRL and SB3 also
        press it after a lost life; here the agent must.)
    life_loss_terminates: whether the learner's bootstrap stops at a lost life. The game continues in any case.
    text: the protocol in words.
    """

    sticky: float
    no_ops: int
    fire: bool
    life_loss_terminates: bool
    text: str


PROTOCOLS = {
    # Mnih et al. 2015 as played by CleanRL, Stable-Baselines3 and Tianshou.
    "classic": AtariProtocol(
        sticky=0.0,
        no_ops=30,
        fire=True,
        life_loss_terminates=True,
        text="classic: no sticky actions, up to 30 no-ops, a lost life ends the bootstrap, 108k frames at most",
    ),
    # Machado et al. 2018, arXiv 1709.06009, as played by Dopamine.
    "machado": AtariProtocol(
        sticky=0.25,
        no_ops=0,
        fire=False,
        life_loss_terminates=False,
        text="machado: sticky actions 0.25, no no-ops, full episodes, 108k frames at most",
    ),
}


def find_game(name: str) -> str:
    """The name of a game's ROM.

    Raises UserError for a game that ale-py does not have or that needs two players.
    """
    return atari_names.find_game(name, (rom for rom in roms.get_all_rom_ids() if rom not in FOR_TWO_PLAYERS))


class AtariEnvironments:
    """N copies of a game, stepped by the emulator's own threads while the caller does other work.

    game: a plain name, such as "pong" or "space-invaders".
    count: N.
    size: height and width of the grey frames in pixels; 84 in Mnih et al. 2015.
    stack: frames in an observation.
    protocol: "classic" or "machado", see PROTOCOLS.
    threads: threads of the emulator, at most one per environment; 0 takes one per processor that this process may use.
    seed: seed of the no-ops and the sticky actions; every environment's own seed is derived from it.
    frame_limit: frames after which an episode is truncated, a multiple of 4.

    Raises UserError for an unknown game.
    """

    frames_per_step = FRAME_SKIP
    fps = 60 // FRAME_SKIP
    dtype = np.dtype(np.uint8)
    limit: int | None = None  # its protocol has one

    def __init__(
        self,
        game: str,
        *,
        count: int,
        size: int = 84,
        stack: int = 4,
        protocol: ProtocolName = "classic",
        threads: int = 0,
        seed: int = 0,
        frame_limit: int = FRAME_LIMIT,
    ) -> None:
        for name, value in {"count": count, "size": size, "stack": stack}.items():
            if value < 1:
                raise UserError(f"{name} must be at least 1, got {value}")
        if threads < 0:
            raise UserError(f"threads must be 0 (as many as there are processors) or more, got {threads}")
        if frame_limit < FRAME_SKIP or frame_limit % FRAME_SKIP:
            raise UserError(f"frame_limit must be a multiple of {FRAME_SKIP}, got {frame_limit}")
        self.game, self.protocol = find_game(game), PROTOCOLS[protocol]
        self.count = count
        self.threads = min(threads or usable_cpus(), count)
        self._step_limit = frame_limit // FRAME_SKIP
        self._emulator: AtariVectorEnv | None = self._start(
            count, self.threads, img_height=size, img_width=size, stack_num=stack
        )
        actions = tuple(action.name for action in self._emulator.ale.get_action_set())
        self.spec = PlaySpec(input=(stack, size, size), output=len(actions), names=actions)
        # Distinct seeds: no two environments play the same no-ops and sticky actions.
        self._seeds = np.random.default_rng(seed).choice(2**31 - 1, size=count, replace=False)
        self._waiting = False

    def _start(self, count: int, threads: int, **picture: Any) -> AtariVectorEnv:
        return AtariVectorEnv(
            self.game,
            count,
            num_threads=threads,
            max_num_frames_per_episode=self._step_limit * FRAME_SKIP + 1,
            repeat_action_probability=self.protocol.sticky,
            autoreset_mode="NextStep",
            frameskip=FRAME_SKIP,
            noop_max=self.protocol.no_ops + 1,
            episodic_life=False,
            life_loss_info=False,
            reward_clipping=False,
            use_fire_reset=self.protocol.fire,
            **picture,
        )

    def reset(self) -> TimeStep:
        if self._waiting:
            self.receive()
        obs, info = self._open().reset(seed=self._seeds)
        self._lives: np.ndarray = info["lives"]
        self._steps = np.zeros(self.count, dtype=np.int64)
        false = np.zeros(self.count, dtype=bool)
        self._over = false  # rows that the emulator resets at the next step
        self._cut = false  # rows at the step limit; the emulator's own limit is one step later
        return TimeStep(obs, np.zeros(self.count, dtype=np.float32), false, false, ~false, false)

    def send(self, actions: np.ndarray) -> None:
        actions = np.ascontiguousarray(actions, dtype=np.int64)
        if actions.shape != (self.count,) or actions.min() < 0 or actions.max() >= self.spec.output:
            raise ValueError(f"expected {self.count} actions from 0 to {self.spec.output - 1}, got {actions}")
        if self._waiting:
            raise RuntimeError("send was called twice without receive")
        self._open().send(actions)
        self._waiting = True

    def receive(self) -> TimeStep:
        if not self._waiting:
            raise RuntimeError("receive was called without send: the emulator would wait forever")
        obs, reward, over, over_limit, info = self._open().recv()
        self._waiting = False
        over = over | over_limit
        # A truncated row plays one more frame before its reset: zeros, and `first` in two steps.
        first = self._over | self._cut
        obs[self._cut] = 0
        self._steps = np.where(first, 0, self._steps + 1)
        terminated = over & ~first
        truncated = (self._steps >= self._step_limit) & ~terminated
        life_lost = (info["lives"] < self._lives) & ~terminated & ~first
        self._lives, self._over, self._cut = info["lives"], over, truncated
        return TimeStep(obs, np.where(first, 0, reward).astype(np.float32), terminated, truncated, first, life_lost)

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray]:
        """Replays in colour, 210x320: Atari's 160 pixels per row are twice as wide as high."""
        camera = self._start(1, 1, img_height=210, img_width=160, stack_num=1, grayscale=False)
        obs, _ = camera.reset(seed=self._seeds[lane : lane + 1])
        yield obs[0, -1].repeat(2, axis=1)
        for action in actions:
            obs, *_ = camera.step(np.array([action]))
            yield obs[0, -1].repeat(2, axis=1)

    def close(self) -> None:
        self._emulator = None

    def _open(self) -> AtariVectorEnv:
        if self._emulator is None:
            raise RuntimeError("these environments are closed")
        return self._emulator


def frame_statistics(environments: Environments, steps: int = 250, seed: int = 0) -> tuple[np.ndarray, float]:
    """The mean frame (height, width), and the standard deviation of all pixels from it, over the newest frames of
    `steps` random steps of every environment. Resets the environments first, and not afterwards.

    The mean per pixel removes the static background: in Pong, the ball and the paddles remain.
    """
    generator = np.random.default_rng(seed)
    timestep = environments.reset()
    total, squares = np.zeros(timestep.obs.shape[2:]), np.zeros(timestep.obs.shape[2:])
    for _ in range(steps):
        stop_if_asked()
        environments.send(generator.integers(environments.spec.output, size=environments.count))
        newest = timestep.obs[:, -1].astype(np.float64)
        total, squares = total + newest.sum(0), squares + np.square(newest).sum(0)
        timestep = environments.receive()
    mean, squares = total / (steps * environments.count), squares / (steps * environments.count)
    deviation = np.sqrt((squares - np.square(mean)).mean())
    return mean.astype(np.float32), max(1.0, float(deviation))  # at least 1, for a static screen
