#!/usr/bin/env bash
# contiguous(memory_format=torch.channels_last) does nothing to an image of one channel, and with what it leaves oneDNN takes
# several times as long for the gradient of a net's first convolution. The gradient of the image is slow in every layout.
#
# Versions: torch 2.15.0 (CUDA build, on a CPU; oneDNN inside), Python 3.11; one thread. ONEDNN_MAX_CPU_ISA=AVX2 holds
#   newer CPUs to the kernels of AVX2.
# Expected: after contiguous(memory_format=torch.channels_last) a batch (B, 1, H, W) has the strides of channels last, (H W,
#   1, W, 1), and oneDNN takes that path; forward, the kernel's gradient and the image's are the same number of
#   multiplications, and take about as long.
# Behaviour: with one channel a contiguous tensor counts as channels last already, so it keeps the strides (H W, H W, W, 1), from
#   which oneDNN chooses the other layout: the kernel's gradient then takes four times as long as with true strides,
#   which reshape(B, H, W, 1).permute(0, 3, 1, 2) gives. The image's gradient takes three times as long as a matrix product and
#   k*k shifted sums. Grey images are what every course trains its first convolutional net on.
# Seen: "kernel's gradient 33.8 ms, with true strides 6.6; image's gradient 29.2, with true strides 16.8, by a product 5.4"
# Source: c10/core/MemoryFormat.h, note "Ambiguous is_channels_last_strides_xd".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
cat > "$folder/times.py" <<'PYTHON'
import statistics
import sys
import time

import torch

torch.manual_seed(0)
torch.set_num_threads(1)
B, C, H, k = 128, 32, 28, 3
image = torch.randn(B, 1, H, H).contiguous(memory_format=torch.channels_last)
strided = image.reshape(B, H, H, 1).permute(0, 3, 1, 2)
weight = torch.randn(C, 1, k, k).contiguous(memory_format=torch.channels_last)
gradient = torch.randn(B, C, H, H).contiguous(memory_format=torch.channels_last)
rows = gradient.permute(0, 2, 3, 1).reshape(-1, C)
assert image.stride() == (H * H, H * H, H, 1), image.stride()
assert strided.stride() == (H * H, 1, H, 1), strided.stride()
assert image.is_contiguous(memory_format=torch.channels_last)


def backward(x, *mask):
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask
    )


def product():
    each = (weight.reshape(C, k * k).t() @ rows.t()).view(k, k, B, H, H)
    total = torch.zeros(B, H + 2, H + 2)
    for i in range(k):
        for j in range(k):
            total[:, i : i + H, j : j + H] += each[i, j]
    return total[:, None, 1:-1, 1:-1]


torch.testing.assert_close(product(), backward(image, True, False, False)[0], rtol=1e-3, atol=1e-3)
ways = {
    "kernel": lambda: backward(image, False, True, False),
    "kernel, true strides": lambda: backward(strided, False, True, False),
    "image": lambda: backward(image, True, False, False),
    "image, true strides": lambda: backward(strided, True, False, False),
    "image by a product": product,
}
times = {name: [] for name in ways}
with torch.no_grad():
    for turn in range(12):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - started)
ms = {name: 1000 * statistics.median(seconds[2:]) for name, seconds in times.items()}
print(
    f"kernel's gradient {ms['kernel']:.1f} ms, with true strides {ms['kernel, true strides']:.1f}; image's gradient"
    f" {ms['image']:.1f}, with true strides {ms['image, true strides']:.1f}, by a product {ms['image by a product']:.1f}"
)
kernel = ms["kernel"] / ms["kernel, true strides"]
pixels = min(ms["image"], ms["image, true strides"]) / ms["image by a product"]
sys.exit(0 if min(kernel, pixels) > 1.5 else 1)
PYTHON
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=2147483647  # no fresh pages in what is timed
ONEDNN_MAX_CPU_ISA=AVX2 "$folder/venv/bin/python" "$folder/times.py"
