"""Data-parallel training in several processes: torchrun's (RANK, LOCAL_RANK, WORLD_SIZE), or an existing process group.

Every process trains on its own batches; gradients are averaged before each step, so that n processes with batches
of b examples train as one process with batches of n·b. Only rank 0 writes files.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dlplug.errors import UserError


def rank() -> int:
    return dist.get_rank() if _started() else int(os.environ.get("RANK", "0"))


def world_size() -> int:
    return dist.get_world_size() if _started() else 1


def start(device: torch.device) -> None:
    """Joins the process group that torchrun's environment describes, if there is one and it is not joined yet."""
    if dist.is_available() and not _started() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replaces each gradient by its mean over all processes."""
    if world_size() == 1:
        return
    gradients = [p.grad if p.grad is not None else _zero_gradient(p) for p in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def average(value: Tensor) -> Tensor:
    """The mean of a scalar over all processes, the same in each."""
    if world_size() > 1:
        dist.all_reduce(value)
        value /= world_size()
    return value


def share_weights(model: nn.Module) -> None:
    """Gives every process the weights of rank 0."""
    if world_size() > 1:
        for tensor in [*model.parameters(), *model.buffers()]:
            dist.broadcast(tensor.data, 0)


def wait() -> None:
    """Waits until every process has made this call."""
    if world_size() > 1:
        dist.barrier()


def share_of(batch_size: int) -> int:
    """The number of rows of a batch for each process. Raises UserError where the shares would differ, as their
    gradients are averaged with equal weight."""
    if batch_size % world_size():
        raise UserError(f"--data.batch-size {batch_size} does not divide among {world_size()} processes")
    return batch_size // world_size()


def of_all(value: Any) -> list[Any]:
    """The values of all processes, ordered by rank; the same list in every process."""
    values = [value] * world_size()
    if world_size() > 1:
        dist.all_gather_object(values, value)
    return values


def any_process(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process, so that all of them stop at the same step."""
    if world_size() == 1:
        return flag
    total = torch.tensor(float(flag), device=device)
    dist.all_reduce(total)
    return bool(total.item())


def _zero_gradient(parameter: nn.Parameter) -> Tensor:
    parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _started() -> bool:
    return dist.is_available() and dist.is_initialized()
