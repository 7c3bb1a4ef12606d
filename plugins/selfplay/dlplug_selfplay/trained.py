"""A run's network as a player."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlplug import UserError
from dlplug.runs.runner import open_run
from dlplug_selfplay.evaluation.held_out import HeldOut
from dlplug_selfplay.playing.players import NetworkPlayer
from dlplug_selfplay.playing.self_play import SelfPlay

if TYPE_CHECKING:
    from dlplug.host.plugins import Host


def player_of(name: str, simulations: int, host: Host) -> tuple[HeldOut, NetworkPlayer]:
    """The game and the network of a run folder, or of a recipe's newest run. Raises UserError where it plays none."""
    run = open_run(name, host=host)
    job = run.make("trainer").load(run)
    if not isinstance(job.data, SelfPlay):
        raise UserError(f"{run.folder} is a run of {run.recipe}, which plays no board game")
    held_out = job.data.split(job.data.splits[-1])
    player = held_out.player(job.model, simulations)
    job.model.eval().requires_grad_(False)
    player.name = f"{run.recipe} ({run.folder.name})"
    return held_out, player
