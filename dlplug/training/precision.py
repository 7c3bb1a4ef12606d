"""The choice of the precision, and bf16 autocast for losses and for data that act with the model."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from dlplug.contracts import Update
from dlplug.training.device import computes_bf16

Asked = Literal["auto", "fp32", "bf16"]


class Precision(NamedTuple):
    """What a run computes in, and why, for the line that says so; "" where there is nothing to explain."""

    name: Literal["fp32", "bf16"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})" if self.reason else self.name


def choose_precision(asked: Asked, device: torch.device, gains: Mapping[str, str]) -> Precision:
    """`auto` takes bf16 where the recipe states a gain on this type of device and the device computes it itself.

    gains: a recipe's `bf16`.
    """
    if asked == "fp32":
        return Precision("fp32")
    native = computes_bf16(device)
    if asked == "bf16":
        return Precision("bf16", "" if native else f"emulated on this {device.type.upper()}, and slower than fp32")
    if device.type not in gains:
        return Precision("fp32", f"auto: the recipe states no gain from bf16 on {device.type}")
    if not native:
        return Precision("fp32", f"auto: this {device.type.upper()} does not compute bf16")
    return Precision("bf16", f"auto: {gains[device.type]}")


_mixed_on: ContextVar[torch.device | None] = ContextVar("mixed_on", default=None)  # the device of a run in bf16


def in_bf16(device: torch.device) -> Callable[[Iterable[Update]], Iterator[Update]]:
    """Returns a wrapper of `loss.updates(batch)` that computes losses under bf16 autocast, and leaves autocast at every
    yield."""
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


@contextlib.contextmanager
def acting_in_bf16(device: torch.device) -> Iterator[None]:
    """The context of a run with --precision bf16, in which `acting` uses bf16 too."""
    token = _mixed_on.set(device)
    try:
        yield
    finally:
        _mixed_on.reset(token)


@contextlib.contextmanager
def acting(model: nn.Module, *, full_precision: bool = False) -> Iterator[None]:
    """A context for acting with a model: eval mode, no gradients, and the run's precision, so that a policy's
    log-probabilities equal those that the loss computes. Each module's mode is restored afterwards.

    Never `yield` a batch inside it: the modes would leak into the trainer.

    full_precision: fp32 whatever the run's precision; for evaluation.
    """
    modes = [(module, module.training) for module in model.modules()]
    device = None if full_precision else _mixed_on.get()
    model.eval()
    try:
        with torch.no_grad(), torch.autocast(device.type if device else "cpu", torch.bfloat16, device is not None):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


# Operators that CUDA's autocast computes in fp32 and the CPU's in bf16 (torch 2.15, aten/src/ATen/autocast_mode.h).
IN_FP32_ON_CUDA = [
    "acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log1p", "log2", "pow.Scalar",
    "pow.Tensor_Scalar", "pow.Tensor_Tensor", "reciprocal", "rsqrt", "sinh", "tan", "softplus", "softmax.int",
    "log_softmax.int", "logsumexp", "cumprod", "cumsum", "sum", "sum.dim_IntList", "layer_norm",
    "native_layer_norm", "group_norm", "rms_norm", "renorm", "norm.Scalar", "norm.ScalarOpt_dim",
    "linalg_vector_norm", "linalg_matrix_norm", "frobenius_norm.dim", "nuclear_norm", "nuclear_norm.dim",
    "cosine_similarity", "dist", "pdist",
]  # fmt: skip


@functools.cache
def mend_cpu_autocast() -> torch.library.Library:
    """Makes CPU autocast compute some operators in fp32, for every caller: modules, functions and compiled code.

    These are the operators of IN_FP32_ON_CUDA, so that both devices use the same types. A layer norm's bf16 kernel on
    the CPU sums the gradients of weight and bias over the rows in bf16: at 4,096 rows they are 7 to 20 % off.
    log_softmax in bf16 makes the gradient of c51-atari's last bias 3 % wrong, where rounding the operands gives 0.3 %.
    On CPUs without AVX-512 LSTMs are included: autocast calls oneDNN, which has no bf16 LSTM there.
    """
    operators = list(IN_FP32_ON_CUDA)
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        operators += ["lstm.input", "lstm.data"]
    library = torch.library.Library("aten", "IMPL", "AutocastCPU")  # lasts as long as it is referenced
    for name in operators:
        operator, _, overload = name.partition(".")
        library.impl(name, _in_fp32(getattr(getattr(torch.ops.aten, operator), overload or "default")))
    return library


def _in_fp32(operator: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(*arguments: Any, **options: Any) -> Any:
        with torch.autocast("cpu", enabled=False):
            return operator(*map(_fp32, arguments), **options)

    return kernel


def _fp32(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_fp32(member) for member in value]
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.bfloat16 else value
