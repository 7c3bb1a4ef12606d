"""What CUDA's operators would have computed, computed by the CPU's on the same memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten
CPU = torch.device("cpu")

# Operators that make or change no numbers, beside those whose schema says that they are views.
WITHOUT_NUMBERS = {
    "set_", "resize_", "resize_as_", "record_stream", "as_strided_", "t_", "transpose_", "squeeze_", "unsqueeze_",
    "detach_", "swapaxes_", "swapdims_", "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided",
}  # fmt: skip
# Operators whose CUDA code reads a size or a check back from the device.
READING = {
    "nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "unique_consecutive", "bincount", "equal", "histc",
    "_linalg_eigh", "_linalg_svd", "_linalg_eigvals", "linalg_eig", "linalg_cholesky_ex", "_linalg_solve_ex",
    "linalg_qr", "linalg_lu_factor_ex", "linalg_inv_ex", "linalg_lstsq", "_linalg_det", "_linalg_slogdet",
}  # fmt: skip
INDEXING = {"index", "_unsafe_index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index_put"}


def name_of(operator: Any) -> str:
    return operator._schema.name.split("::")[1]


def has_numbers(operator: Any) -> bool:
    view = any(r.alias_info is not None and not r.alias_info.is_write for r in operator._schema.returns)
    return not view and name_of(operator) not in WITHOUT_NUMBERS


def reads_the_device(operator: Any, args: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether CUDA's code would wait for numbers of the device to know what it makes."""
    name = name_of(operator)
    if name == "repeat_interleave":
        return operator._overloadname in ("Tensor", "self_Tensor") and kwargs.get("output_size") is None
    if name in INDEXING:
        masks = any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
        return masks and not ("put" in name and args[2].numel() == 1)  # that is a masked_fill
    return name in READING


def on_host(tensor: Tensor) -> Tensor:
    """A CPU tensor that is the memory of a tensor on the device."""
    storage = tensor.untyped_storage()
    if not storage.nbytes():
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    same = torch._C._construct_storage_from_data_pointer(storage.data_ptr(), CPU, storage.nbytes())
    return torch.empty(0, dtype=tensor.dtype).set_(same, tensor.storage_offset(), tensor.shape, tensor.stride())


def hosted(tree: Any) -> Any:
    """Arguments or results, with tensors on the device and the device itself replaced by the host's."""

    def leaf(x: Any) -> Any:
        if isinstance(x, Tensor) and x.is_cuda:
            return on_host(x)
        return CPU if isinstance(x, torch.device) and x.type == "cuda" else x

    return tree_map(leaf, tree)


def compute(operator: Any, args: Any, kwargs: Mapping[str, Any], seed: int | None) -> Any:
    """The operator by the CPU; what it draws at random is a function of the seed."""
    run: Callable[..., Any] = INSTEAD.get(operator, operator)
    kwargs = {name: value for name, value in kwargs.items() if name != "pin_memory"}
    if seed is None:
        return run(*args, **kwargs)
    generator, before = torch.Generator().manual_seed(seed), torch.get_rng_state()
    args, kwargs = tree_map(lambda x: generator if isinstance(x, torch.Generator) else x, (args, kwargs))
    torch.default_generator.manual_seed(seed)
    try:
        return run(*args, **kwargs)
    finally:
        torch.set_rng_state(before)


def write(operator: Any, results: Any, computed: Any) -> None:
    """Puts what was computed where the kernel would have put it."""
    pairs = zip(
        *(tree_leaves(list(x) if isinstance(x, (tuple, list)) else [x]) for x in (results, computed)), strict=False
    )
    for result, number in pairs:
        if not (isinstance(result, Tensor) and isinstance(number, Tensor)):
            continue
        target = on_host(result) if result.is_cuda else result
        if target.shape == number.shape:
            if target.data_ptr() != number.data_ptr():
                target.copy_(number)
        elif target.numel() and number.numel():  # a buffer for the backward pass may be there on one of the two only
            raise RuntimeError(f"{operator}: {tuple(target.shape)} on the device, {tuple(number.shape)} on the host")


# Cells that are one kernel on CUDA, and that the CPU has not


def lstm_cell(x, hidden, c, x_bias=None, hidden_bias=None):
    gates = x + hidden if x_bias is None else x + hidden + x_bias + hidden_bias
    i, f, g, o = gates.chunk(4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    after = f * c + i * g
    return o * after.tanh(), after, torch.cat([i, f, g, o], 1)


def lstm_cell_backward(of_h, of_c, c, after, workspace, bias):
    i, f, g, o = workspace.chunk(4, 1)
    t = after.tanh()
    of_h = torch.zeros_like(after) if of_h is None else of_h
    d = of_h * o * (1 - t * t) + (0 if of_c is None else of_c)
    gates = torch.cat([d * g * i * (1 - i), d * c * f * (1 - f), d * i * (1 - g * g), of_h * t * o * (1 - o)], 1)
    return gates, d * f, gates.sum(0) if bias else None


def gru_cell(x, hidden, h, x_bias=None, hidden_bias=None):
    if x_bias is not None:
        x, hidden = x + x_bias, hidden + hidden_bias
    (r1, z1, n1), (r2, z2, n2) = x.chunk(3, 1), hidden.chunk(3, 1)
    r, z = (r1 + r2).sigmoid(), (z1 + z2).sigmoid()
    n = (n1 + r * n2).tanh()
    return n + z * (h - n), torch.cat([r, z, n, h, n2], 1)


def gru_cell_backward(of_h, workspace, bias):
    r, z, n, h, n2 = workspace.chunk(5, 1)
    dz, dn = of_h * (h - n) * z * (1 - z), of_h * (1 - z) * (1 - n * n)
    dr = dn * n2 * r * (1 - r)
    x, hidden = torch.cat([dr, dz, dn], 1), torch.cat([dr, dz, dn * r], 1)
    return x, hidden, of_h * z, *((x.sum(0), hidden.sum(0)) if bias else (None, None))


INSTEAD: dict[Any, Callable[..., Any]] = {
    aten._thnn_fused_lstm_cell.default: lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: lstm_cell_backward,
    aten._thnn_fused_gru_cell.default: gru_cell,
    aten._thnn_fused_gru_cell_backward.default: gru_cell_backward,
    aten.log_sigmoid_backward.default: lambda gradient, x, buffer: gradient * torch.sigmoid(-x),
}
