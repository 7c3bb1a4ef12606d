"""Which operations gain from bf16 autocast on this device and which lose: a forward and a backward pass of each in both
precisions, alternating.

    uv run python tests/benchmarks/bf16_operations.py [--device cuda] [--rounds 9]

Prints one JSON line for each operation; `gain` is fp32's time over bf16's, the median over the rounds; `native` says
whether the device has instructions for bf16.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from dlplug_rl.networks.q_network import q_network
from torch import Tensor, nn

from dlplug import Spec
from dlplug.training.device import computes_bf16, set_up
from dlplug.training.precision import mend_cpu_autocast


def mlp(*sizes: int) -> nn.Module:
    layers = [layer for n, m in itertools.pairwise(sizes) for layer in (nn.Linear(n, m), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)


class Lstm(nn.LSTM):
    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().forward(x)[0]


def channels_last(layer: nn.Module) -> nn.Module:
    return layer.to(memory_format=torch.channels_last)


def operations() -> dict[str, tuple[nn.Module, Tensor]]:
    """name -> (module, input)."""
    frames = torch.randint(0, 256, (32, 4, 84, 84), dtype=torch.uint8)
    return {
        "linear 128, 64 rows": (nn.Linear(128, 128), torch.randn(64, 128)),
        "linear 1024, 256 rows": (nn.Linear(1024, 1024), torch.randn(256, 1024)),
        "MLP 784-1024-1024-10, 128 rows": (mlp(784, 1024, 1024, 10), torch.randn(128, 784)),
        "convolution 1 to 32, 3x3, 28x28": (channels_last(nn.Conv2d(1, 32, 3)), torch.randn(128, 1, 28, 28)),
        "convolution 64 to 64, 3x3, 14x14": (channels_last(nn.Conv2d(64, 64, 3)), torch.randn(64, 64, 14, 14)),
        "Nature's Q-network, 32 observations": (q_network(Spec(input=(4, 84, 84), output=6)), frames),
        "LSTM 128, 64 steps, 32 rows": (Lstm(128, 128, batch_first=True), torch.randn(32, 64, 128)),
        "attention, 4 heads of 32, 128 tokens": (Attention(), torch.randn(32, 4, 128, 32, requires_grad=True)),
        "layer norm 512, 4096 rows": (nn.LayerNorm(512), torch.randn(4096, 512)),
    }


def step(module: nn.Module, x: Tensor, device: torch.device, bf16: bool) -> Callable[[], None]:
    leaves = [*module.parameters()] or [x]

    def once() -> None:
        with torch.autocast(device.type, torch.bfloat16, bf16):
            loss = module(x).float().square().mean()
        torch.autograd.grad(loss, leaves)

    return once


def seconds(once: Callable[[], None], device: torch.device, least: float = 0.05) -> float:
    """The time of one call, over as many as take `least` seconds."""
    calls, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < least:
        once()
        if device.type == "cuda":
            torch.cuda.synchronize()
        calls += 1
    return passed / calls


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    device = torch.device(options.device)
    set_up(device, 1)
    if device.type == "cpu":
        mend_cpu_autocast()
    for name, (module, x) in operations().items():
        module, x = module.to(device), x.to(device)
        ways = [step(module, x, device, bf16) for bf16 in (False, True)]
        for once in ways:
            once()  # warms up
        times = [[seconds(once, device) for once in ways] for _ in range(options.rounds)]
        fp32, bf16 = (1000 * median(column) for column in zip(*times, strict=True))
        gain = median(one / other for one, other in times)
        result = {"operation": name, "fp32_ms": round(fp32, 3), "bf16_ms": round(bf16, 3), "gain": round(gain, 2)}
        print(json.dumps({"benchmark": "bf16_operations", "native": computes_bf16(device), **result}), flush=True)


if __name__ == "__main__":
    main()
