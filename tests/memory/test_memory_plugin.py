"""The plugin keeps the contract, its recipes learn and resume, and its samplers draw their figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from dlplug_memory.metrics import LONGER
from dlplug_memory.recipes import RECIPES

import dlplug
from dlplug import testing
from dlplug.options.layers import resolve
from dlplug.runs.run import Run

TINY: dict[str, Any] = {"model.slots": 12, "model.word": 6, "model.width": 12}
SHORT = {
    "copy": {"data.max_length": 4},
    "repeat-copy": {"data.max_length": 2, "data.max_repeats": 3},
    "recall": {"data.max_items": 3, "data.vectors": 1},
    "priority-sort": {"data.min_vectors": 4, "data.max_vectors": 4},
    "graph-traversal": {"data.max_nodes": 3, "data.path": 2, "data.curriculum": 0},
}
PEERS = [
    ("lstm-copy", "ntm-copy"),
    ("transformer-copy", "ntm-copy"),
    ("lstm-recall", "dnc-recall"),
    ("lstm-graph", "dnc-graph"),
]
WITHOUT_MEMORY = {"sequence-lstm": {"model.width": 8}, "sequence-transformer": {"model.width": 8, "model.heads": 2}}
GENERATED = [name for name, recipe in RECIPES.items() if not recipe.needs]


def tiny(name: str) -> dict[str, Any]:
    data, model = (getattr(use, "name", use) for use in (RECIPES[name].data, RECIPES[name].model))
    return {**WITHOUT_MEMORY.get(str(model), TINY), "data.batch_size": 2, **SHORT[str(data)]}


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("memory")


@pytest.mark.parametrize("name", GENERATED)
def test_each_recipe_learns_and_resumes(name: str):
    testing.check_recipe(name, tiny(name))


@pytest.mark.parametrize("name", ["ntm-copy", "dnc-copy", "lstm-copy", "dnc-graph"])
def test_samplers_draw_their_figures(name: str):
    testing.check_sampler(name, "memory", tiny(name), {"length": 6})


def test_a_longer_sequence_and_more_slots_need_no_new_training(tmp_path: Path):
    overlay = {**testing.QUIET, **tiny("dnc-copy"), "steps": 3, "metrics": []}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("dnc-copy", overlay, out=str(tmp_path / "run"))
    result = dlplug.sample(str(run.folder), {"length": 25, "model.slots": 40})
    assert Path(result["links"]).is_file()
    assert Path(result["memory"]).is_file()
    assert result["bits_per_sequence"] > 0


def test_any_task_goes_with_any_network(tmp_path: Path):
    overlay = {**testing.QUIET, "steps": 2, "data.batch_size": 2, "metrics": ["answers", "n-grams-optimum"]}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    options = {"data": "n-grams", "data.min_length": 12, "data.max_length": 12, "data.context": 2}
    run = dlplug.run("ntm-copy", {**overlay, **options, "model": "sequence-transformer"}, out=str(tmp_path / "run"))
    assert run.result["metrics"]["val/optimal_bits_per_sequence"] > 0
    assert run.result["metrics"]["val/bits_per_sequence"] > 0


@pytest.mark.parametrize(("name", "peer"), PEERS)
def test_a_baseline_has_about_as_many_parameters_as_its_peer(name: str, peer: str):
    assert weights(name) == pytest.approx(weights(peer), rel=0.05)


def weights(name: str) -> int:
    host = testing.load_host()
    run = Run(host, resolve(host, name, [{"device": "cpu"}]), Path())
    return sum(p.numel() for p in run.make("model", run.make("data").spec).parameters())


@pytest.mark.parametrize("name", GENERATED)
def test_a_recipes_own_sizes_have_sequences_six_times_as_long(name: str):
    host = testing.load_host()
    data = Run(host, resolve(host, name, []), Path()).make("data")
    assert len(data.split("val").sequences(max(LONGER) * data.largest, 1).x) == 1


@pytest.mark.parametrize(("name", "times"), [("ntm-copy", 6), ("ntm-repeat-copy", 2)])
def test_a_head_that_moves_on_at_every_step_does_not_wrap_around(name: str, times: int):
    host = testing.load_host()
    run = Run(host, resolve(host, name, []), Path())
    task = run.make("data").split("test").task
    assert any(target.metric.endswith(f"_x{times}") for target in RECIPES[name].targets)
    assert task.steps(times * task.largest) <= run.config["model.slots"]


def test_a_claim_is_about_the_recipes_own_task_and_network():
    host = testing.load_host()
    for name, recipe in RECIPES.items():
        own, other = resolve(host, name, []), resolve(host, name, [{"model": "sequence-lstm"}, {"data": "n-grams"}])
        for target in recipe.targets:
            assert target.stands(own)
            assert not target.stands(other)


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.targets])
def test_what_is_recorded_as_reached_is_the_recipes_own_target(name: str):
    path = Path(__file__).parents[2] / "plugins" / "memory" / "results" / f"{name}.json"
    record = json.loads(path.read_text(encoding="utf-8")).get("default") if path.is_file() else None
    if record is None:
        pytest.skip(f"{name} has not been verified with all its seeds yet")
    for target, result in zip(RECIPES[name].targets, record["targets"], strict=True):
        assert (target.metric, target.source) == (result["metric"], result["source"])
        assert len(result["values"]) >= 5 or not target.stated


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm-copy", "dnc-copy"])
def test_copying_is_learnt(name: str, tmp_path: Path):
    overlay: dict[str, Any] = {**testing.QUIET, "seed": 1}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run(name, overlay, out=str(tmp_path / "run"))
    values = dlplug.evaluate(str(run.folder))
    assert values["test/bits_per_sequence"] < 0.05
    assert values["test/bit_error_x6"] <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm-copy", "dnc-copy", "ntm-repeat-copy", "dnc-repeat-copy"])
def test_no_seed_becomes_nan(name: str, tmp_path: Path):
    """A diverged loss ends a run with an error; here are short runs of many seeds at four times the rate."""
    overlay: dict[str, Any] = {**testing.QUIET, "sequences": 4000, "metrics": [], "optimizer.learning_rate": 3e-3}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    for seed in range(5):
        run = dlplug.run(name, {**overlay, "seed": seed}, out=str(tmp_path / str(seed)))
        assert run.result["status"] == "finished"
    assert torch.isfinite(torch.tensor(list(run.result["metrics"].values()))).all()
