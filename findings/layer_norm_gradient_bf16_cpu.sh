#!/usr/bin/env bash
# On a CPU, a LayerNorm under bf16 autocast computes gradients of weight and bias that are wrong by several per cent.
#
# Expectation: the gradients of a LayerNorm's weight and bias, which torch keeps in float32, differ from those of a
#   float32 run by about bf16's rounding (0.4 %), as those of the linear layers around it do, and as on CUDA, where
#   autocast computes layer_norm in float32. The error does not grow with the number of rows.
# Behaviour: `layer_norm` is in none of CPU autocast's lists, so it takes the bf16 output of the layer before it with
#   float32 weights; its backward sums over the rows in bf16, whose 8 bits lose small summands: the error grows with
#   the number of rows, and depends on the number of threads, each of which sums a part. GroupNorm, BatchNorm and
#   RMSNorm sum in float32 and are correct.
# What helps: a kernel for the dispatch key AutocastCPU that computes layer_norm in float32 (below).
# Seen with torch 2.15.0 (CPU, 1 thread): |gradient - float32's| / |float32's| of the norm's weight
#      256 rows: LayerNorm 0.0175, GroupNorm 0.0026, BatchNorm1d 0.0026, RMSNorm 0.0025
#    4,096 rows: LayerNorm 0.0760, GroupNorm 0.0032, BatchNorm1d 0.0041, RMSNorm 0.0039
#   65,536 rows: LayerNorm 0.1944, GroupNorm 0.0035, BatchNorm1d 0.0033, RMSNorm 0.0033
#   with a kernel in float32: LayerNorm as the others
# Source: aten/src/ATen/native/cpu/layer_norm_kernel.cpp, `layer_norm_backward_frame`; aten/src/ATen/autocast_mode.cpp,
#   `TORCH_LIBRARY_IMPL(aten, AutocastCPU, m)`, against `TORCH_LIBRARY_IMPL(aten, AutocastCUDA, m)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
cd "$folder"
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")  # RMSNorm's, of mixed types
NORMS = {"LayerNorm": nn.LayerNorm(64), "GroupNorm": nn.GroupNorm(4, 64), "BatchNorm1d": nn.BatchNorm1d(64), "RMSNorm": nn.RMSNorm(64)}


def error(norm, rows):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(32, 64), norm)
    x, target = torch.randn(rows, 32), torch.randn(rows, 64)
    gradients = []
    for bf16 in (False, True):
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = (net(x).float() * target).mean()
        loss.backward()
        gradients.append(norm.weight.grad.clone())
    return ((gradients[1] - gradients[0]).norm() / gradients[0].norm()).item()


def table():
    found = {rows: {name: error(norm, rows) for name, norm in NORMS.items()} for rows in (256, 4096, 65536)}
    for rows, errors in found.items():
        print(f"{rows:>6,} rows: " + ", ".join(f"{name} {value:.4f}" for name, value in errors.items()))
    return found


found = table()
assert found[4096]["LayerNorm"] > 0.03 and found[65536]["LayerNorm"] > 0.1, "layer norms have become right"
assert all(value < 0.01 for errors in found.values() for name, value in errors.items() if name != "LayerNorm")

library = torch.library.Library("aten", "IMPL", "AutocastCPU")


def in_float32(x, shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    with torch.autocast("cpu", enabled=False):
        return torch.layer_norm(x.float(), shape, weight, bias, eps, cudnn_enable)


library.impl("layer_norm", in_float32)
print("with a kernel in float32:")
assert all(errors["LayerNorm"] < 0.01 for errors in table().values())
PYTHON
