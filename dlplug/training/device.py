"""The device of a run, and the process-wide settings of torch."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys

import torch

from dlplug.errors import UserError
from dlplug.output import command


def choose_device(name: str) -> torch.device:
    """ "auto" takes CUDA, else Apple's GPU, else the CPU. Under torchrun each process takes its LOCAL_RANK's GPU.

    Raises UserError where the device is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UserError(
                f"--device {name}: torch sees no CUDA device here; use --device cpu, or see {command('doctor')}"
            )
        index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
        if index >= torch.cuda.device_count():
            raise UserError(f"--device {name}: there are {torch.cuda.device_count()} CUDA devices, counted from 0")
        torch.cuda.set_device(index)
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError(f"--device {name}: there is no Apple GPU here; use --device cpu")
    return device


def computes_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bf16 matrices; a CPU without them converts each operand."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type == "mps"


def cpp_compiler() -> str | None:
    """The C++ compiler that torch.compile uses for a CPU; None where it is not here."""
    return shutil.which(os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++"))


def set_up(device: torch.device, threads: int) -> None:
    """Process-wide settings: TF32 on CUDA; on a CPU, the number of threads, no denormal numbers, and the reuse of
    freed memory."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        return
    flush_denormals()
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)


def flush_denormals() -> None:
    """Flushes denormal numbers to zero in every thread that computes for this one. The mode belongs to a thread and is
    inherited by the threads that it starts, so OpenMP's idle threads from earlier work in this process are ended here,
    and the next operation starts new ones. Otherwise a run in a notebook would compute partly with denormals, and
    differ from the same run of the command."""
    torch.set_flush_denormal(True)
    if sys.platform != "win32":
        pause = getattr(ctypes.CDLL(None), "omp_pause_resource_all", None)  # OpenMP 5.0, in the library that torch uses
        if pause is not None:
            pause(OMP_PAUSE_HARD)


OMP_PAUSE_HARD = 2


def keep_freed_memory() -> None:
    """Lets glibc keep the memory of freed tensors for the next ones. By default it returns each block of more than a
    few hundred kB to the kernel, and the next step's activations are written to fresh pages, which the kernel must
    clear: a sixth of the time of a small convolutional net's step. Other C libraries are left alone."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if set_option is not None:
        for option, value in MALLOC.items():
            set_option(option, value)


# Of glibc's malloc.h: M_MMAP_THRESHOLD, at its largest; M_TRIM_THRESHOLD; M_TOP_PAD.
MALLOC = {-3: 32 << 20, -1: 2**31 - 1, -2: 64 << 20}


def describe(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    threads = torch.get_num_threads()
    return f"{device} with {threads} thread{'s' if threads > 1 else ''}"
