#!/usr/bin/env bash
# On a CPU without AVX-512, nn.LSTM under bf16 autocast raises a RuntimeError.
#
# Expectation: autocast never makes a module fail: where an operator has no bf16 kernel, it computes in float32.
#   nn.GRU, nn.RNN, nn.LSTMCell, nn.Linear and nn.Conv2d all work on the same CPU.
# Behaviour: nn.LSTM asks oneDNN for a bf16 LSTM, which oneDNN has only for AVX-512 and newer: "could not create a
#   primitive descriptor for the LSTM forward propagation primitive", in training and without gradients.
# What helps: torch.backends.mkldnn.flags(enabled=False) around it, or the LSTM outside autocast.
# Seen with torch 2.15.0 on an AMD EPYC with AVX2 (on a CPU with AVX-512 the script says so and exits with 0):
#   LSTM: could not create a primitive descriptor for the LSTM forward propagation primitive
#   GRU, RNN, LSTMCell: computed
#   LSTM without oneDNN: torch.float32
#   LSTM outside autocast: torch.float32
# Source: aten/src/ATen/native/RNN.cpp, `use_mkldnn`; aten/src/ATen/native/mkldnn/RNN.cpp; oneDNN,
#   src/cpu/rnn/ref_rnn.cpp (bf16 wants avx512_core).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if grep -qw avx512bw /proc/cpuinfo; then
    echo "this CPU has AVX-512: nothing to see"
    exit 0
fi
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn

x = torch.randn(4, 5, 8)
with torch.autocast("cpu", torch.bfloat16):
    try:
        nn.LSTM(8, 16, batch_first=True)(x)
        raise SystemExit("nn.LSTM under bf16 autocast has come to work here")
    except RuntimeError as error:
        print("LSTM:", str(error).partition(".")[0])
        assert "could not create a primitive descriptor for the LSTM" in str(error)
    for name, module, argument in (("GRU", nn.GRU(8, 16), x), ("RNN", nn.RNN(8, 16), x), ("LSTMCell", nn.LSTMCell(8, 16), x[0])):
        module(argument)
        print(f"{name}: computed")
    with torch.backends.mkldnn.flags(enabled=False):
        print("LSTM without oneDNN:", nn.LSTM(8, 16, batch_first=True)(x)[0].dtype)
    with torch.autocast("cpu", enabled=False):
        print("LSTM outside autocast:", nn.LSTM(8, 16, batch_first=True)(x)[0].dtype)
PYTHON
