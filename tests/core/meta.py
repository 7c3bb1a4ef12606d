"""Steps on torch's "meta" device, whose tensors have no values: what would wait for a GPU's numbers fails there."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dlplug import Loss


def placed(batch: Any) -> Any:
    """The batch with its tensors on "meta"."""
    return type(batch)(*(value.to("meta") if isinstance(value, Tensor) else value for value in batch))


def step(loss: Loss, batch: Any) -> None:
    """The loss of a model on "meta", forward and backward. Raises where a number goes between host and device."""
    batch = placed(batch)
    with NoCopies():
        for update in loss.updates(batch):
            update.loss.backward()


class NoCopies(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        wide = [x for x in tree_leaves((args, kwargs, out)) if isinstance(x, Tensor) and x.numel() > 1]
        devices = {tensor.device.type for tensor in wide}
        if len(devices) > 1:
            raise AssertionError(f"{func} copies between {' and '.join(sorted(devices))}: on a GPU the host may wait")
        return out
