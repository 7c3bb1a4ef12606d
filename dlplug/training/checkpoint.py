"""Checkpoints: written atomically, and loaded without executing anything in the files.

checkpoints/last-000012000/   weights.safetensors, learner.pt, data.pt     (to resume)
checkpoints/best-000009000/   weights.safetensors, learner.pt              (to use)
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_model
from torch import Tensor, nn

from dlplug.errors import Diverged, UserError

FORMAT = "dlplug-1"


def save(
    folder: Path, kind: str, step: int, model: nn.Module, learner: dict[str, Any], data: Any = None, keep: int = 1
) -> Path:
    """Writes the checkpoint `<kind>-<step>` to a temporary folder and renames that. Deletes the other checkpoints of
    its kind except the `keep - 1` before it; those of later steps are from before a resume.

    Raises Diverged, before anything is written, where weights or states are not finite.
    """
    check_finite(model, learner)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(".*.partial"):  # left by a process that was killed
        shutil.rmtree(stale, ignore_errors=True)
    final = folder / f"{kind}-{step:09d}"
    partial, replaced = (folder / f".{final.name}.{os.getpid()}.{suffix}" for suffix in ("partial", "replaced"))
    partial.mkdir()
    try:
        save_model(model, str(partial / "weights.safetensors"), metadata={"format": FORMAT})
        torch.save({"format": FORMAT, "step": step} | plain(learner), partial / "learner.pt")
        if data is not None:
            torch.save(plain(data), partial / "data.pt")
        for path in [*partial.iterdir(), partial]:
            _flush(path)
        if final.exists():
            final.rename(replaced)  # a rename cannot replace a folder with files; the old one is deleted afterwards
        partial.rename(final)
        _flush(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if replaced.exists() and not final.exists():
            replaced.rename(final)
        raise
    found = find(folder, kind)
    own = found.index(final)
    for old in found[: max(0, own + 1 - keep)] + found[own + 1 :]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def check_finite(model: nn.Module, learner: Mapping[str, Any]) -> None:
    """Raises Diverged, naming the tensor, where a weight is infinite or NaN, or where a buffer or a tensor of the
    loss's or an optimizer's state holds NaN (infinity may be intended there). Synchronises with the device once."""
    checks = {f"the weight {name}": value.isfinite().all() for name, value in model.named_parameters()}
    others = {"the buffer": dict(model.named_buffers()), "the loss's": learner.get("loss")}
    others["the optimizer's"] = learner.get("steppers")
    for owner, state in others.items():
        for name, value in _floating(state):
            checks[f"{owner} {name}"] = ~value.isnan().any()
    devices = {check.device for check in checks.values()}
    device = next((d for d in devices if d.type != "cpu"), torch.device("cpu"))
    finite = torch.stack([check.to(device, non_blocking=True) for check in checks.values()]).tolist() if checks else []
    for name, is_finite in zip(checks, finite, strict=True):
        if not is_finite:
            step = learner.get("step")
            raise Diverged(f"{name} is not finite at step {step:,}: it is not saved")


def _floating(state: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """(path in the state, tensor) for each floating-point tensor."""
    if isinstance(state, Tensor) and state.is_floating_point():
        yield name, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _floating(value, f"{name}.{key}" if name else str(key))
    elif isinstance(state, (list, tuple)):
        for index, value in enumerate(state):
            yield from _floating(value, f"{name}[{index}]")


def plain(state: Any, where: str = "state") -> Any:
    """Converts a state to tensors, numbers and strings, also from NumPy. Raises TypeError, with the path in the state,
    for anything that `torch.load(weights_only=True)` would refuse."""
    if isinstance(state, Mapping):
        return {key: plain(value, f"{where}[{key!r}]") for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        kind = list if isinstance(state, list) else tuple  # a NamedTuple too: no file may name a class
        return kind(plain(value, f"{where}[{index}]") for index, value in enumerate(state))
    if isinstance(state, np.generic):
        return state.item()
    if isinstance(state, np.ndarray):
        return torch.from_numpy(state)
    if state is None or isinstance(state, (Tensor, int, float, str, bytes)):
        return state
    raise TypeError(f"{where} is a {type(state).__name__}; a state holds tensors, numbers and strings")


def find(folder: Path, kind: str) -> list[Path]:
    """The checkpoints of a kind, sorted by step."""
    pattern = re.compile(rf"{kind}-\d+")
    return sorted((path for path in folder.glob(f"{kind}-*") if pattern.fullmatch(path.name)), key=step_of)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def newest(folder: Path, *kinds: str) -> Path:
    """The latest checkpoint of the first kind that has one. Raises UserError where there is none."""
    for kind in kinds:
        if found := find(folder, kind):
            return found[-1]
    raise UserError(f"no checkpoint in {folder}: the run ended before it saved one")


def read_weights(checkpoint: Path) -> dict[str, Tensor]:
    path = checkpoint / "weights.safetensors"
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"checkpoint {path} is missing or damaged: {error}") from None


def load_weights(checkpoint: Path, model: nn.Module) -> None:
    """Raises UserError where the file is damaged, or where a tensor's name or shape differs from the model's."""
    saved = read_weights(checkpoint)
    wanted = model.state_dict()
    differing = [n for n, value in saved.items() if n not in wanted or wanted[n].shape != value.shape]
    absent = [n for n in wanted if n not in saved and not _tied(wanted, n, saved)]
    if differing or absent:
        name = (differing + absent)[0]
        here = tuple(wanted[name].shape) if name in wanted else "nothing"
        expected = tuple(saved[name].shape) if name in saved else "nothing"
        raise UserError(f"checkpoint {checkpoint} is of another model: {name} is {expected} in it and {here} here")
    model.load_state_dict(saved, strict=False)


def load_state(path: Path) -> dict[str, Any]:
    """Reads tensors, numbers and strings from a `.pt` file, without executing it. Raises UserError for anything
    else."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} is missing") from None
    except Exception as error:
        raise UserError(f"checkpoint {path} is damaged or not dlplug's: {str(error).splitlines()[0][:200]}") from None
    if not isinstance(state, dict):
        raise UserError(f"checkpoint {path} is not dlplug's: expected a mapping, got {type(state).__name__}")
    return state


def load_learner(checkpoint: Path) -> dict[str, Any]:
    state = load_state(checkpoint / "learner.pt")
    if state.get("format") != FORMAT:
        raise UserError(f"checkpoint {checkpoint} is not dlplug's: format {state.get('format')!r}, expected {FORMAT!r}")
    return state


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """The states of the random number generators of Python, NumPy and torch (CPU and every GPU), as plain values."""
    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(internal), gauss],
        "numpy": [
            str(name),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])


def _tied(wanted: dict[str, Any], name: str, saved: dict[str, Any]) -> bool:
    """Whether the tensor is saved under another name, as tied weights are."""
    pointer = wanted[name].data_ptr()
    return any(other in saved and tensor.data_ptr() == pointer for other, tensor in wanted.items() if other != name)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
