#!/usr/bin/env bash
# torch.set_flush_denormal(True) has no effect on OpenMP threads that torch has already started.
#
# Expectation: after it, "denormal floating numbers are disabled on CPU" (its documentation): every operator flushes.
# Behaviour: it sets a mode of the calling thread. OpenMP's other threads inherit it when they are started, by the first
#   operator that is large enough; threads that are already in the pool keep denormals. So the result depends on whether
#   a program calls it before or after other work: with two threads, half of each result differs, without a warning.
# What helps: calling it before any computation; or ending the pool afterwards with OpenMP 5.0's
#   omp_pause_resource_all(omp_pause_hard), whose next threads inherit the mode.
# Seen with torch 2.15.0 (Linux, x86-64, its own libgomp), two threads: share of a product's entries that are denormal
#   before: 1.0
#   after set_flush_denormal(True): 0.5
#   after omp_pause_resource_all: 0.0
# Source: aten/src/ATen/Context.cpp, `setFlushDenormal`; aten/src/ATen/cpu/FlushDenormal.cpp (_MM_SET_FLUSH_ZERO_MODE).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import ctypes

import torch

torch.set_num_threads(2)


def share():
    """Of entries near 1e-39 that are not zero, in a product that both threads compute."""
    return (torch.full((1024, 4), 1e-20) @ torch.full((4, 1024), 1e-20) != 0).float().mean().item()


before = share()
assert torch.set_flush_denormal(True)
after = share()
ctypes.CDLL(None).omp_pause_resource_all(2)
ended = share()
print(f"before: {before}\nafter set_flush_denormal(True): {after}\nafter omp_pause_resource_all: {ended}")
assert (before, after, ended) == (1.0, 0.5, 0.0)
PYTHON
