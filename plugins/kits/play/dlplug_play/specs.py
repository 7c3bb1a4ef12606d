"""What a policy needs to know about an environment."""

from __future__ import annotations

from dataclasses import dataclass

from dlplug import Spec


@dataclass(frozen=True)
class PlaySpec(Spec):
    """The shapes of an environment's observations and actions.

    continuous: whether an action is a vector of `output` real numbers; otherwise it is one of `output` choices.
    """

    continuous: bool = False
