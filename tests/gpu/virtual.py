"""Gives numbers to the GPU that computes nothing, and hears what the host waits for.

After each of torch's CUDA operators the same is computed on the same memory (operators.py). While a graph is captured
nothing is computed, as on a GPU: what would be is noted, and each replay computes it again on that memory. Random
numbers are a function of the generator's seed and offset: a replay draws what an eager step would have drawn.
"""

from __future__ import annotations

import ctypes
import os
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from operators import compute, has_numbers, hosted, name_of, on_host, reads_the_device, write
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

# In the order of runtime.c
WHAT = (
    "waits for a stream", "waits for the device", "waits for an event", "asks a stream or an event that is captured",
    "copies pageable memory to the device", "copies to the host", "works beside the capture",
    "waits for what is not captured",
)  # fmt: skip
OFFSET_OF_MOST = 4  # how far one draw moves a generator, where it was never seen outside a capture


class Noted(NamedTuple):
    """An operator in a captured graph. `offset`: of its generator since the graph's beginning."""

    operator: Any
    args: Any
    kwargs: dict[str, Any]
    results: Any
    generator: torch.Generator | None
    offset: int


class Note(list[Noted]):
    """What a captured graph runs, and how far that moves each generator."""

    def __init__(self) -> None:
        super().__init__()
        self.moves: Counter[torch.Generator] = Counter()


class VirtualGpu(TorchDispatchMode):
    """The mode under which "cuda" computes. One for a process.

    listening: whether what the host waits for is kept in `heard`.
    heard: how often, by (what, whether in a capture, the Python lines below `root` that led there).
    """

    def __init__(self, root: str) -> None:
        super().__init__()
        torch.backends.cudnn.enabled = False  # of these kernels and libraries nothing is known here
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)
        self.root, self.listening = root, False
        self.heard: Counter[tuple[str, bool, tuple[str, ...]]] = Counter()
        self.note: Note | None = None
        self.moves: dict[str, int] = {}
        self.runtime = ctypes.CDLL(os.environ["LD_PRELOAD"])
        self.listener = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_int)(self.hear)
        self.runtime.virtual_listen(self.listener)
        _note_captures(self)

    def hear(self, what: int, captured: int) -> None:
        if not self.listening:
            return
        stack = traceback.extract_stack()
        if any(frame.filename.endswith("torch/cuda/graphs.py") for frame in stack):
            return  # torch begins and ends a capture, or replays one
        ours = [f for f in stack if f.filename.startswith(self.root) and "site-packages" not in f.filename]
        lines = [f"{f.filename.removeprefix(self.root)}:{f.lineno}" for f in ours if "tests/gpu/" not in f.filename]
        self.heard[WHAT[what], bool(captured), tuple(lines[-3:])] += 1

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        if not any(map(_is_on_device, leaves)) or not has_numbers(func):
            return func(*args, **kwargs)
        if reads_the_device(func, args, kwargs):
            return self.read(func, args, kwargs)
        generator = self.generator_of(func, leaves)
        before = seed_and_offset(generator) if generator and self.note is None else None
        self.runtime.virtual_computed_elsewhere(1)
        try:
            out = func(*args, **kwargs)  # torch's own code: its checks and its memory; the kernels do nothing
        finally:
            self.runtime.virtual_computed_elsewhere(0)
        move = 0
        if generator is not None:
            call = repr((func, [tuple(x.shape) if isinstance(x, Tensor) else x for x in leaves]))
            if before is not None:
                self.moves[call] = seed_and_offset(generator)[1] - before[1]
            move = self.moves.get(call, OFFSET_OF_MOST)
        if self.note is None:
            write(func, out, compute(func, *hosted((args, kwargs)), mixed(*before) if before else None))
        else:
            self.write_down(self.note, func, args, kwargs, out, generator, move)
        return out

    def generator_of(self, func: Any, leaves: list[Any]) -> torch.Generator | None:
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return None
        named = next((x for x in leaves if isinstance(x, torch.Generator)), torch.cuda.default_generators[0])
        return named if named.device.type == "cuda" else None

    def read(self, func: Any, args: Any, kwargs: Any) -> Any:
        """CUDA's code would read nonsense here; it is not run. The host waits, as it would there, and computes."""
        torch.cuda.current_stream().synchronize()  # an error while the stream is captured
        host_args, host_kwargs = hosted((args, kwargs))
        computed = func(*host_args, **host_kwargs)
        return args[0] if func._schema.is_mutable else tree_map(_on_device, computed)

    def write_down(
        self, note: Note, func: Any, args: Any, kwargs: Any, out: Any, generator: torch.Generator | None, move: int
    ) -> None:
        if name_of(func) not in ("copy_", "_to_copy"):  # a number of the CPU is a constant of the graph
            args, kwargs = tree_map(lambda x: x.clone() if _is_on_host(x) else x, (args, kwargs))
        offset = note.moves[generator] if generator is not None else 0
        if generator is not None:
            note.moves[generator] += move
        note.append(Noted(func, *hosted((args, kwargs)), hosted(out), generator, offset))

    def replay(self, note: Note, launch: Callable[[], None]) -> None:
        before = {generator: seed_and_offset(generator) for generator in note.moves}
        launch()
        for generator, move in note.moves.items():
            moved = seed_and_offset(generator)[1] - before[generator][1]
            if moved != move:
                raise RuntimeError(f"a replay moves a generator by {moved}, what was noted for it by {move}")
        with _disable_current_modes():
            for noted in note:
                seed, offset = before[noted.generator] if noted.generator is not None else (0, 0)
                drawn = mixed(seed, offset + noted.offset) if noted.generator is not None else None
                write(noted.operator, noted.results, compute(noted.operator, noted.args, noted.kwargs, drawn))


def _note_captures(gpu: VirtualGpu) -> None:
    graph = torch.cuda.CUDAGraph
    begin, end, replay = graph.capture_begin, graph.capture_end, graph.replay

    def capture_begin(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        self.note = gpu.note = Note()

    def capture_end(self: Any) -> None:
        gpu.note = None
        end(self)

    graph.capture_begin, graph.capture_end = capture_begin, capture_end
    graph.replay = lambda self: gpu.replay(self.note, lambda: replay(self))


def seed_and_offset(generator: torch.Generator) -> tuple[int, int]:
    seed, offset = generator.get_state().view(torch.int64).tolist()
    return seed, offset


def mixed(seed: int, offset: int) -> int:
    """A seed for the CPU's generator, other for each seed and offset."""
    return (seed * 0x9E3779B97F4A7C15 + offset * 0xBF58476D1CE4E5B9 + 12345) & (2**63 - 1)


def _is_on_device(x: Any) -> bool:
    return (isinstance(x, Tensor) and x.is_cuda) or (isinstance(x, torch.device) and x.type == "cuda")


def _is_on_host(x: Any) -> bool:
    return isinstance(x, Tensor) and not x.is_cuda


def _on_device(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    out = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cuda")
    on_host(out).copy_(x)
    return out
