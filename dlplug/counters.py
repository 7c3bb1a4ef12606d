"""What a loss or data count on the host, in a way that a trainer can see: whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping


class Turn:
    """True at every n-th call. A counter on the host, saved with the run; `peek` tells without counting, so that a
    trainer that captures steps as graphs can choose the right one before it runs.

    It finds those among a loss's attributes, in lists and dicts of them, and in modules. A loss that counts on the host
    in any other way cannot be captured: count by a Turn, or by a tensor on the device that is changed in place.
    """

    def __init__(self, every: int) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.every, self.calls = every, 0

    def peek(self) -> bool:
        return (self.calls + 1) % self.every == 0

    def __call__(self) -> bool:
        due = self.peek()
        self.calls += 1
        return due

    def state_dict(self) -> dict[str, int]:
        return {"calls": self.calls}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.calls = state["calls"]
