"""Data-parallel training in several processes: torchrun's (RANK, LOCAL_RANK, WORLD_SIZE), or an existing process group.

Every process trains on its own batches; gradients are averaged before each step, so that n processes with batches
of b examples train as one process with batches of n·b. Only rank 0 writes files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dlplug.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def rank() -> int:
    group = _group()
    return int(os.environ.get("RANK", "0")) if group is None else group.get_rank()


def world_size() -> int:
    group = _group()
    return 1 if group is None else group.get_world_size()


def start(device: torch.device) -> None:
    """Joins the process group that torchrun's environment describes, if there is one and it is not joined yet."""
    import torch.distributed as dist

    if dist.is_available() and not dist.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Replaces each gradient by its mean over all processes."""
    if (group := _group()) is None:
        return
    import torch

    gradients = [p.grad if p.grad is not None else _zero_gradient(p) for p in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    group.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def average(value: Tensor) -> Tensor:
    """The mean of a scalar over all processes, the same in each."""
    if (group := _group()) is not None:
        group.all_reduce(value)
        value /= world_size()
    return value


def share_weights(model: nn.Module) -> None:
    """Gives every process the weights of rank 0."""
    if (group := _group()) is not None:
        for tensor in [*model.parameters(), *model.buffers()]:
            group.broadcast(tensor.data, 0)


def wait() -> None:
    """Waits until every process has made this call."""
    if (group := _group()) is not None:
        group.barrier()


def share_of(batch_size: int) -> int:
    """The number of rows of a batch for each process. Raises UserError where the shares would differ, as their
    gradients are averaged with equal weight."""
    if batch_size % world_size():
        raise UserError(f"--data.batch-size {batch_size} does not divide among {world_size()} processes")
    return batch_size // world_size()


def of_all(value: Any) -> list[Any]:
    """The values of all processes, ordered by rank; the same list in every process."""
    if (group := _group()) is None:
        return [value]
    values = [None] * world_size()
    group.all_gather_object(values, value)
    return values


def any_process(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set in any process, so that all of them stop at the same step."""
    if (group := _group()) is None:
        return flag
    import torch

    total = torch.tensor(float(flag), device=device)
    group.all_reduce(total)
    return bool(total.item())


def _zero_gradient(parameter: nn.Parameter) -> Tensor:
    parameter.grad = parameter.new_zeros(parameter.shape)
    return parameter.grad


def _group() -> Any:
    """torch.distributed in a process that is one of several, else None; without importing torch to know."""
    dist = sys.modules.get("torch.distributed")
    if dist is None or not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return None
    return dist
