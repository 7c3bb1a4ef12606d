"""Losses computed in bfloat16, where that is asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from dlplug.contracts import Update


def in_bf16(device: torch.device) -> Callable[[Iterable[Update]], Iterator[Update]]:
    """Computes losses under bf16 autocast, and leaves it before each is minimised."""
    if device.type == "cpu":
        mend_cpu_autocast()

    def mixed(updates: Iterable[Update]) -> Iterator[Update]:
        iterator = iter(updates)
        while True:
            with torch.autocast(device.type, torch.bfloat16):
                update = next(iterator, None)
            if update is None:
                return
            if update.closure is not None:
                update.closure = torch.autocast(device.type, torch.bfloat16)(update.closure)
            yield update

    return mixed


@functools.cache
def mend_cpu_autocast() -> torch.library.Library:
    """Makes CPU autocast compute some operators in fp32, for every caller: modules, functions and compiled code.

    Layer norms, as CUDA's autocast does by itself: the CPU's bf16 kernel sums the gradients of weight and bias over the
    rows in bf16, so that at 4,096 rows they are 7 to 20 % off. (Batch, group, instance and RMS norms sum in fp32.)
    LSTMs where the CPU lacks AVX-512: autocast hands them to oneDNN, which has none in bf16 for it.
    """
    operators = ["layer_norm.default"]
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        operators += ["lstm.input", "lstm.data"]
    library = torch.library.Library("aten", "IMPL", "AutocastCPU")  # lasts as long as it is referenced
    for name in operators:
        operator, _, overload = name.partition(".")
        library.impl(name.removesuffix(".default"), _in_fp32(getattr(getattr(torch.ops.aten, operator), overload)))
    return library


def _in_fp32(operator: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(*arguments: Any) -> Any:
        with torch.autocast("cpu", enabled=False):
            return operator(*map(_fp32, arguments))

    return kernel


def _fp32(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_fp32(member) for member in value]
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.bfloat16 else value
