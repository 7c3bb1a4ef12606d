"""A run trains as the same code in plain torch does, bit for bit: five kinds of training, by tests/benchmarks."""

import overhead
import pytest


@pytest.mark.parametrize("kind", overhead.KINDS)
@pytest.mark.usefixtures("in_tmp_path")
def test_a_run_trains_as_plain_torch_does(kind, monkeypatch):
    monkeypatch.setattr(overhead, "BLOCK", 20)
    assert len(overhead.measure(kind, whole=True, steps=61, device="cpu")) == 2  # equal after 20, 40 and 60 steps


def test_a_difference_is_seen(monkeypatch):
    monkeypatch.setattr(overhead, "BLOCK", 5)
    monkeypatch.setitem(overhead.KINDS, "toy-moons", lambda model, steps: lambda batch: {})
    with pytest.raises(AssertionError, match="differ after 5 steps"):
        overhead.measure("toy-moons", whole=False, steps=11, device="cpu")
