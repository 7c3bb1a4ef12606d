#!/usr/bin/env bash
# On a CPU with AVX2 the gradients of a net's first convolution on grey images cost several times its forward pass, and a
# last convolution to one channel costs several times one from it: a matrix product by hand is three times as fast or more.
#
# Versions: torch 2.15.0 (CUDA build, on a CPU; oneDNN inside), Python 3.11; one thread. ONEDNN_MAX_CPU_ISA=AVX2 holds
#   newer CPUs to the kernels of AVX2.
# Expected: forward, the gradient of the weights and that of the image are the same number of multiplications, so each
#   takes about as long, and in each direction the library is faster than im2col and a product.
# Behaviour: the two gradients take three to six times as long as the forward pass, in either memory format; im2col and
#   a matrix product (weights), and a product with k*k shifted sums (image), take a fraction of that. Grey images are what
#   every course trains its first convolutional net on.
# Seen: "forward 7.4 ms; weights' gradient 40.1, by a product 11.1; image's gradient 37.0, by a product 8.2"
# Source: oneDNN's documentation of convolution ("Implementation Limitations"): blocked layouts want channels in multiples
#   of a vector.
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
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)
B, C, H, k = 128, 32, 28, 3
image, weight = torch.randn(B, 1, H, H), torch.randn(C, 1, k, k)
gradient = torch.randn(B, C, H, H).contiguous(memory_format=torch.channels_last)
rows = gradient.permute(0, 2, 3, 1).reshape(-1, C)


def backward(*mask):
    return torch.ops.aten.convolution_backward(
        gradient, image, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask
    )


def of_weights():
    padded = F.pad(image, (1, 1, 1, 1))[:, 0]
    a, b, c = padded.stride()
    patches = padded.as_strided((k, k, B, H, H), (b, c, a, b, c)).reshape(k * k, -1)
    return (patches @ rows).t().reshape(C, 1, k, k)


def of_image():
    each = (weight.reshape(C, k * k).t() @ rows.t()).view(k, k, B, H, H)
    total = torch.zeros(B, H + 2, H + 2)
    for i in range(k):
        for j in range(k):
            total[:, i : i + H, j : j + H] += each[i, j]
    return total[:, None, 1:-1, 1:-1]


torch.testing.assert_close(of_weights(), backward(False, True, False)[1], rtol=1e-2, atol=1e-1)
torch.testing.assert_close(of_image(), backward(True, False, False)[0], rtol=1e-3, atol=1e-3)
ways = {
    "forward": lambda: F.conv2d(image, weight, padding=1),
    "weights": lambda: backward(False, True, False),
    "weights by a product": of_weights,
    "image": lambda: backward(True, False, False),
    "image by a product": of_image,
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
    f"forward {ms['forward']:.1f} ms; weights' gradient {ms['weights']:.1f}, by a product"
    f" {ms['weights by a product']:.1f}; image's gradient {ms['image']:.1f}, by a product {ms['image by a product']:.1f}"
)
slower = [ms["weights"] / ms["weights by a product"], ms["image"] / ms["image by a product"]]
sys.exit(0 if min(slower) > 1.5 and min(ms["weights"], ms["image"]) > 2 * ms["forward"] else 1)
PYTHON
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=2147483647  # no fresh pages in what is timed
ONEDNN_MAX_CPU_ISA=AVX2 "$folder/venv/bin/python" "$folder/times.py"
