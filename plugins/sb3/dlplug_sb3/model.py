"""An algorithm of Stable-Baselines3 in dlplug's terms: a model (its policy), a loss (the rest of its training
state) and a memory (its replay buffer), each of which can be saved and restored. Checkpoints are never unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.save_util import recursive_getattr, recursive_setattr
from torch import Tensor, nn

from dlplug import Loss, UserError

# The algorithms' counters; not every algorithm has all of them.
COUNTERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",
    "_current_progress_remaining",
    "exploration_rate",
)


class Algorithm(nn.Module):
    """An algorithm as a model that acts by dlplug_play's protocol; the weights are its policy's and target networks'.

    sb3: the algorithm itself, with its environments, optimizers and replay buffer.
    """

    def __init__(self, sb3: BaseAlgorithm) -> None:
        super().__init__()
        self.sb3, self.policy = sb3, sb3.policy
        self.eval()  # for acting; the algorithm sets its policy's mode by itself during updates

    def forward(self, obs: Tensor) -> Any:
        """The policy's forward pass for (N, ...) observations on its device."""
        return self.policy(obs)

    def start(self, count: int) -> None: ...

    def act(self, obs: Any, state: Any, first: np.ndarray, *, greedy: bool) -> tuple[np.ndarray, Any, dict[str, Any]]:
        """Calls Stable-Baselines3's `predict`; the initial state of recurrent policies is None."""
        actions, state = self.sb3.predict(obs, state, first, deterministic=greedy)
        return actions, state, {}

    def train(self, mode: bool = True) -> Algorithm:
        """Sets the mode through the policy, which keeps target networks in eval mode."""
        self.training = mode
        self.policy.set_training_mode(mode)
        return self


class Learner(Loss):
    """The training state of an algorithm besides its policy's weights: optimizers, counters, the generator of random
    actions.

    It yields no updates: the algorithm has its own loop.
    """

    model: Algorithm
    parts = ()

    def __init__(self, model: Algorithm) -> None:
        super().__init__(model)

    def state_dict(self) -> dict[str, Any]:
        sb3 = self.model.sb3
        _, variables = sb3._get_torch_save_params()
        return {
            "optimizers": {name: state for name, state in sb3.get_parameters().items() if name != "policy"},
            "variables": {name: recursive_getattr(sb3, name).detach() for name in variables},
            "counters": {name: getattr(sb3, name) for name in COUNTERS if hasattr(sb3, name)},
            "actions": sb3.action_space.np_random.bit_generator.state,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Expects that the policy's weights have been restored."""
        sb3 = self.model.sb3
        parameters: dict[str, Any] = {"policy": sb3.policy.state_dict(), **state["optimizers"]}
        sb3.set_parameters(parameters, device=sb3.device)
        for name, value in state["variables"].items():
            recursive_setattr(sb3, f"{name}.data", value.to(sb3.device))
        for name, value in state["counters"].items():
            setattr(sb3, name, value)
        sb3.action_space.np_random.bit_generator.state = state["actions"]


class Memory:
    """The filled part of an off-policy algorithm's replay buffer."""

    def __init__(self, buffer: ReplayBuffer) -> None:
        self.buffer = buffer

    def state_dict(self) -> dict[str, Any]:
        buffer = self.buffer
        # one row more: with optimize_memory_usage it holds the last next observation
        filled = buffer.buffer_size if buffer.full else min(buffer.pos + 1, buffer.buffer_size)
        arrays = {name: array[:filled] for name, array in self._arrays().items()}
        return {"pos": buffer.pos, "full": buffer.full, "size": buffer.buffer_size, "arrays": arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises UserError for a replay buffer of another size or of other environments."""
        arrays, saved = self._arrays(), state["arrays"]
        if state["size"] != self.buffer.buffer_size or any(
            arrays[n].shape[1:] != a.shape[1:] for n, a in saved.items()
        ):
            raise UserError(
                f"the checkpoint's replay buffer holds {state['size']:,} steps of its environments, this one"
                f" {self.buffer.buffer_size:,}: resume with the run's original data and buffer_size"
            )
        for name, array in saved.items():
            arrays[name][: len(array)] = array.numpy()
        self.buffer.pos, self.buffer.full = state["pos"], state["full"]

    def end_episodes(self) -> None:
        """Marks the newest transition as the end of an episode by a time limit, because the environments reset after a
        resume: no n-step window may continue from it into later transitions."""
        buffer = self.buffer
        if not buffer.full and buffer.pos == 0:
            return
        newest = buffer.pos - 1
        if buffer.handle_timeout_termination:
            buffer.timeouts[newest] = 1 - buffer.dones[newest]
        else:
            buffer.dones[newest] = 1

    def _arrays(self) -> dict[str, np.ndarray]:
        """The buffer's arrays by name; those of a Dict observation as `observations.part`."""
        arrays: dict[str, np.ndarray] = {}
        for name, value in vars(self.buffer).items():
            if isinstance(value, np.ndarray):
                arrays[name] = value
            elif isinstance(value, dict):
                arrays |= {f"{name}.{part}": array for part, array in value.items() if isinstance(array, np.ndarray)}
        return arrays


def export(sb3: BaseAlgorithm, path: Path) -> None:
    """Writes Stable-Baselines3's own zip file, for its `load`, atomically."""
    partial = path.with_name(f".{path.name}")
    sb3.save(partial)
    partial.replace(path)
