"""The interval of a mean over seeds, and what it says of a bar."""

from dataclasses import replace
from importlib import import_module
from math import inf, nan
from types import SimpleNamespace

import pytest
from dlplug_commands.verify.seeds import verify
from dlplug_commands.verify.tables import rows_of

from dlplug.claims.intervals import interval, quantile
from dlplug.recipes import Target


@pytest.mark.parametrize("degrees", [*range(1, 36), 40, 60, 120, 10_000])
def test_the_quantile_is_that_of_student_s_t(degrees):
    special = pytest.importorskip("scipy.special")
    assert quantile(degrees) == pytest.approx(special.stdtrit(degrees, 0.975), abs=6e-5)


@pytest.mark.parametrize(("degrees", "published"), [(1, 12.706), (4, 2.776), (30, 2.042), (40, 2.021), (120, 1.980)])
def test_the_quantile_is_the_published_one(degrees, published):
    assert quantile(degrees) == pytest.approx(published, abs=5e-4)


def test_no_degree_of_freedom_is_an_error():
    with pytest.raises(ValueError, match="at least one degree of freedom, got 0"):
        quantile(0)
    with pytest.raises(ValueError, match="at least one value"):
        interval([])


def test_the_half_width_of_known_values():
    """NIST/SEMATECH e-Handbook, 1.3.5.2, by its formula: t(0.975, n - 1) s / √n."""
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found == pytest.approx((3.0, 2.7764 * 2.5**0.5 / 5**0.5, 5))
    assert (found.low, found.high) == pytest.approx((1.0368, 4.9632), abs=1e-4)
    assert str(found) == "3 ± 1.96 (5 seeds)"


def test_equal_values_have_an_interval_of_no_width_and_their_own_mean():
    assert interval([0.97] * 3) == (0.97, 0.0, 3)


@pytest.mark.parametrize("values", [[0.5], [0.5, nan], [0.5, inf], [0.5, None]])
def test_one_value_and_values_that_are_not_finite_have_none(values):
    found = interval(values)
    assert found.half_width is None
    assert str(found).endswith("no interval)")


HIGH, LOW = Target("test/a", "p", at_least=0.9), Target("test/a", "p", at_most=0.1)


@pytest.mark.parametrize(
    ("target", "values", "state"),
    [
        (HIGH, [0.95, 0.951, 0.949], "reached"),
        (HIGH, [0.9, 0.9, 0.9], "reached"),
        (HIGH, [1.0, 0.85, 0.95], "mean only"),
        (HIGH, [0.8, 0.95, 0.9], "not reached"),
        (HIGH, [0.99], "mean only"),
        (HIGH, [0.8], "not reached"),
        (HIGH, [0.99, nan], "not reached"),
        (LOW, [0.05, 0.051, 0.049], "reached"),
        (LOW, [0.0, 0.15, 0.05], "mean only"),
        (LOW, [0.2, 0.1, 0.3], "not reached"),
        (Target("test/a", "p", at_least=-inf), [0.5, 0.6], None),
    ],
)
def test_reached_is_said_of_the_worse_end(target, values, state):
    assert target.state(interval(values)) == state


# As `dlplug verify` records it


def test_the_record_has_the_interval_and_one_of_three_states(host, quiet, in_tmp_path, monkeypatch):
    toy = replace(host.recipe("toy-moons"), targets=[Target("test/accuracy", "a test", at_least=0.0)])
    monkeypatch.setattr(host, "recipe", lambda name: toy)
    (record,) = verify(host, "toy-moons", {**quiet, "steps": 20}, seeds=2, folder=in_tmp_path)
    (target,) = record["targets"]
    found = interval(target["values"])
    assert (target["mean"], target["half_width"], target["seeds"]) == found
    assert found.low < found.mean
    state = Target("test/accuracy", "a test", at_least=0.0).state(found)
    assert (target["state"], record["state"]) == (state, state)
    assert target["reached"] == record["reached"] == (found.low >= 0)
    between = replace(toy, targets=[Target("test/accuracy", "a test", at_least=(found.low + found.mean) / 2)])
    assert rows_of("toy-moons", between, {"default": record})[0].reached == f"mean only: {found}"


@pytest.mark.parametrize(
    ("values", "code", "said"),
    [
        ([0.95, 0.951, 0.949], 0, "0.95 ± 0.00248 (3 seeds) of 0.95, 0.951, 0.949: reached"),
        ([1.0, 0.85, 0.95], 1, "0.9333 ± 0.19 (3 seeds) of 1, 0.85, 0.95: mean only"),
        ([0.8, 0.8], 1, "0.8 ± 0 (2 seeds) of 0.8, 0.8: not reached"),
        ([0.99], 1, "0.99 (1 seed, no interval): mean only\none seed has no interval: --seeds 5 gives one"),
    ],
)
def test_verify_fails_unless_the_interval_reaches(cli, toys, in_tmp_path, monkeypatch, values, code, said):
    module = import_module("dlplug_commands.verify.seeds")
    runs = iter(values)
    trained = SimpleNamespace(stopping=False, result={}, latest={}, unit="steps", seed=0, folder=in_tmp_path)
    monkeypatch.setattr(module, "run", lambda *_, **__: trained)
    monkeypatch.setattr(module, "evaluate", lambda *_, **__: {"test/accuracy": next(runs)})
    monkeypatch.setattr(module, "_saved_config", lambda trained: {})
    done = cli("-p", toys, "verify", "toy-moons", "--seeds", str(len(values)), "-p", "no:wandb")
    assert done.code == code, done.err
    assert done.out.endswith(f"test/accuracy ≥ 0.9 (test split): {said}\n")


def test_help_says_when_verify_fails(cli):
    said = " ".join(cli("verify", "--help").out.split())
    assert "else with 1, as always with one seed" in " ".join(said.split())
