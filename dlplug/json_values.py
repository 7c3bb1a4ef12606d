"""Values as Python numbers, and as standard JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def number(value: Any) -> int | float:
    """The Python number of a number, a NumPy scalar or a tensor of one element; a float32 becomes its shortest decimal,
    0.968 rather than 0.9679999947547913. Raises TypeError for anything else."""
    narrow = str(getattr(value, "dtype", "")).removeprefix("torch.") in ("float32", "float16", "bfloat16")
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (RuntimeError, ValueError):
            raise TypeError(f"expected one number, got {tuple(value.shape)} of them") from None
    if not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got a {type(value).__name__}")
    return shortest(value) if narrow else value


def shortest(value: float) -> float:
    """The decimal number with the fewest digits that rounds to the same float32."""
    import numpy as np

    return float(str(np.float32(value)))


def strict(value: Any) -> Any:
    """A value that standard JSON can hold: null for numbers that are not finite, lists for tuples, strings for
    paths."""
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    value = number(value)
    return value if math.isfinite(value) else None
