#!/usr/bin/env bash
# The first use of any torch optimizer imports torch.compile's machinery, which costs more than `import torch` itself.
#
# Versions: torch 2.15.0 (CUDA build, on a CPU), Python 3.11.
# Expected: after `import torch`, building torch.optim.SGD for one weight and stepping it compiles nothing, so it imports
#   nothing more.
# Behaviour: `Optimizer.add_param_group` (called by every constructor), `zero_grad`, `state_dict` and `load_state_dict` are
#   wrapped by `torch._disable_dynamo`, which imports torch._dynamo at the first call in order to keep itself out of it, and
#   `step` imports it for `graph_break()`. With it come sympy and torch._inductor: some nine hundred modules.
#   Every process that trains eagerly pays for it once: a short script, a test, a notebook.
# Seen: "import torch 5.9 s of processor time, the first optimizer 8.2 s more: 908 modules" (two slow hardware threads).
# Source: torch/_compile.py and torch/optim/optimizer.py of the wheel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch

after_torch, before = time.process_time(), set(sys.modules)
assert "torch._dynamo" not in before, "import torch alone has it now"
torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
more = set(sys.modules) - before
print(
    f"import torch {after_torch:.1f} s of processor time, the first optimizer"
    f" {time.process_time() - after_torch:.1f} s more: {len(more):,} modules"
)
assert {"torch._dynamo", "sympy"} <= more and len(more) > 500, "an optimizer no longer imports them"
PYTHON
