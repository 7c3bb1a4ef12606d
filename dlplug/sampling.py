"""The order of data as a pure function of (seed, epoch, index): its state is three integers and resuming is O(1)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dlplug import distributed


def epoch_order(length: int, seed: int, epoch: int) -> Tensor:
    """A permutation (length,) of the examples; the same for the same arguments, in every process."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(length, generator=generator)


def own_share(batch_size: int, seed: int, count: int) -> tuple[int, int]:
    """The number of rows of a global batch that this process draws, and a seed for them that differs between batches
    and between processes.

    count: number of examples drawn so far by all processes. Raises UserError where the processes' shares would differ.
    """
    # the factors are primes
    own = (seed * 1_000_003 + count * 7_919 + distributed.rank() * 104_729) % 2**63
    return distributed.share_of(batch_size), own


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copies a host tensor to a device. For a GPU it is pinned first: the copy of pageable memory would wait until the
    GPU has finished all queued work."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class Order:
    """Indices of the next batch, reshuffled each epoch; a last, smaller batch is dropped so that shapes are fixed.

    Under torchrun each process takes its own share of every batch; `batch_size` is the size over all processes.
    Raises ValueError for a batch size outside 1 to `length`.
    """

    def __init__(self, length: int, batch_size: int, seed: int) -> None:
        if not 0 < batch_size <= length:
            raise ValueError(f"batch_size must be between 1 and the {length} examples there are, got {batch_size}")
        distributed.share_of(batch_size)
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.epoch = self.index = 0
        self._order = torch.empty(0, dtype=torch.long)
        self._order_of = -1

    @property
    def steps_per_epoch(self) -> int:
        return self.length // self.batch_size

    def next(self) -> Tensor:
        """(batch_size / processes,) indices on the CPU."""
        if self.index + self.batch_size > self.length:
            self.epoch, self.index = self.epoch + 1, 0
        if self._order_of != self.epoch:
            self._order, self._order_of = epoch_order(self.length, self.seed, self.epoch), self.epoch
        batch = self._order[self.index : self.index + self.batch_size]
        self.index += self.batch_size
        return batch[distributed.rank() :: distributed.world_size()]

    def state_dict(self) -> dict[str, int]:
        return {"seed": self.seed, "epoch": self.epoch, "index": self.index}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.seed, self.epoch, self.index = state["seed"], state["epoch"], state["index"]
        self._order_of = -1
