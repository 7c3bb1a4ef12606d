#!/usr/bin/env bash
# On a CPU a training loop of fixed shapes touches thousands of fresh pages at every step, for ever; and of glibc's two
# documented thresholds either one alone does not stop it.
#
# Versions: torch 2.15.0 (CUDA build, on a CPU), Python 3.11, glibc 2.36 or newer.
# Expected: after the first steps every tensor of a step has the size of one that was freed before, so the allocator reuses
#   that memory, as torch's allocator for CUDA does. If not, glibc's M_MMAP_THRESHOLD, below which blocks come from the heap,
#   is the setting to raise.
# Behaviour: torch's CPU allocator is malloc and free. Freed activations go back to the kernel, through munmap or because the
#   top of the heap is trimmed, and the next step's are cleared page by page. With M_MMAP_THRESHOLD at its largest (32 MiB)
#   the heap is trimmed all the same; with M_TRIM_THRESHOLD alone blocks above 128 KiB are still mapped, because setting it
#   freezes the other at its default. Both together leave no page faults.
# Seen: "page faults per step: default 5760, M_MMAP_THRESHOLD 15262, M_TRIM_THRESHOLD 45721, both 0"
# Source: mallopt(3), "M_MMAP_THRESHOLD" and "M_TRIM_THRESHOLD"; c10/core/impl/alloc_cpu.cpp.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
cat > "$folder/faults.py" <<'PYTHON'
import ctypes
import resource
import sys

import torch
from torch import nn

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
for name in sys.argv[1:]:
    option, value = {"mmap": (M_MMAP_THRESHOLD, 32 << 20), "trim": (M_TRIM_THRESHOLD, 2**31 - 1)}[name]
    assert ctypes.CDLL(None).mallopt(option, value) == 1
torch.manual_seed(0)
torch.set_num_threads(1)
model = nn.Sequential(
    nn.Conv2d(4, 32, 5, 2), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 17 * 17, 6)
)
x = torch.randn(256, 4, 42, 42)


def step() -> None:
    model.zero_grad()
    model(x).square().mean().backward()


def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


for _ in range(10):
    step()
before = faults()
for _ in range(10):
    step()
print((faults() - before) // 10)
PYTHON
run() { "$folder/venv/bin/python" "$folder/faults.py" "$@"; }
default=$(run) mmap=$(run mmap) trim=$(run trim) both=$(run mmap trim)
echo "page faults per step: default $default, M_MMAP_THRESHOLD $mmap, M_TRIM_THRESHOLD $trim, both $both"
[ "$default" -gt 1000 ] && [ "$mmap" -gt 1000 ] && [ "$trim" -gt 1000 ] && [ "$both" -lt 100 ]
