#!/usr/bin/env bash
# A tensor of dtype uint16, uint32, uint64 or float8 can be pickled but not unpickled, so it cannot be gathered as part of
# an object either; torch.save and torch.load support it.
#
# Versions: torch 2.15.0, numpy 2.4.6; Python 3.11.
#
# Expected: pickle reads back what it writes without an error, for every dtype; and torch.distributed.all_gather_object
# takes "any picklable object". NumPy's own random state has 624 numbers of dtype uint32, and torch.from_numpy has taken
# that dtype since 2.3, so that a process's random state can be gathered like any other tensor.
#
# Behaviour: pickle.dumps succeeds. pickle.loads fails with "type object 'torch.storage.UntypedStorage' has no attribute
# 'dtype'": Tensor.__reduce_ex__ gives a storage to pickle, which writes torch's legacy format; that format names a
# storage's type by a class such as FloatStorage, and the newer dtypes have none. torch.save writes the dtype with the
# tensor, and copy.deepcopy does not use this format, so both work. all_gather_object fails in every process, on reading.
# What helps: gathering the bytes of torch.save; or another dtype (int64 for uint32).
#
# Output seen:
#   pickle: fails for uint16, uint32, uint64, float8_e4m3fn; works for uint8, int64, bfloat16
#   torch.save: works for all
#   all_gather_object of a uint32 tensor: AttributeError: type object 'torch.storage.UntypedStorage' has no attribute
#   'dtype'
#
# Source: torch/storage.py, _load_from_bytes; torch/serialization.py, _legacy_load, persistent_load: "dtype =
# storage_type.dtype"; torch/_tensor.py, Tensor._reduce_ex_internal.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import os
import pickle

import torch
import torch.distributed as dist

NEWER = [torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn]
OLDER = [torch.uint8, torch.int64, torch.bfloat16]


def pickled(tensor: torch.Tensor) -> bool:
    written = pickle.dumps(tensor)
    try:
        return pickle.loads(written).dtype == tensor.dtype
    except AttributeError:
        return False


def saved(tensor: torch.Tensor) -> bool:
    file = io.BytesIO()
    torch.save(tensor, file)
    file.seek(0)
    return torch.load(file).dtype == tensor.dtype


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


works = {dtype: pickled(torch.zeros(3).to(dtype)) for dtype in NEWER + OLDER}
fails = ", ".join(name(dtype) for dtype in works if not works[dtype])
print(f"pickle: fails for {fails}; works for {', '.join(name(dtype) for dtype in works if works[dtype])}")
everywhere = all(saved(torch.zeros(3).to(dtype)) for dtype in NEWER + OLDER)
print(f"torch.save: {'works for all' if everywhere else 'fails for some'}")

dist.init_process_group("gloo", init_method=f"file://{os.path.abspath('group')}", rank=0, world_size=1)
gathered: list[object] = [None]
try:
    dist.all_gather_object(gathered, torch.zeros(3).to(torch.uint32))
    message = "works"
except AttributeError as error:
    message = f"AttributeError: {error}"
dist.destroy_process_group()
print(f"all_gather_object of a uint32 tensor: {message}")

same = not any(works[d] for d in NEWER) and all(works[d] for d in OLDER) and everywhere and message != "works"
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
