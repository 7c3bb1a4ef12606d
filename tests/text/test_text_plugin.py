"""The plugin keeps the contract, its presets are the published ones, and a run folder is enough to generate text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlplug_text
import pytest

import dlplug
from dlplug import UserError, testing
from dlplug.host.plugins import load_host
from dlplug.options.layers import resolve

RECIPES = dlplug_text.register_recipes()
SMALL_TEXT: dict[str, Any] = {"data": "text", "data.window": 12, "data.batch_size": 4}


def config(recipe: str, preset: str = "", **options: Any) -> dict[str, Any]:
    return dict(resolve(load_host(), recipe, [options], preset))


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("text")


def test_the_recipes_are_those_that_were_promised():
    assert set(RECIPES) == {
        *("char-rnn", "char-lstm", "char-gru", "char-gpt", "shakespeare-lstm", "shakespeare-gpt"),
        *("translate-dates", "translate-multi30k", "translate-multi30k-transformer"),
    }


def test_cpu_is_nanogpt_s_cpu_configuration_at_another_rate():
    """Against karpathy/nanoGPT: README's command over config/train_shakespeare_char.py over train.py's defaults."""
    cpu = config("shakespeare-gpt", "cpu")
    theirs = {
        "data": "tiny-shakespeare",
        "data.vocabulary": "characters",
        "data.order": "windows",
        "data.window": 64,  # block_size
        "data.batch_size": 12,
        "model": "gpt",
        "model.depth": 4,  # n_layer
        "model.heads": 4,
        "model.width": 128,  # n_embd
        "model.dropout": 0.0,
        "model.bias": False,
        "steps": 2000,  # max_iters, lr_decay_iters
        "optimizer": "adamw",
        "optimizer.learning_rate": 4 * 1e-3,
        "optimizer.beta1": 0.9,
        "optimizer.beta2": 0.99,
        "optimizer.epsilon": 1e-8,
        "optimizer.weight_decay": 0.1,
        "optimizer.clip_norm": 1.0,
        "optimizer.schedule": "cosine",
        "optimizer.warmup": 100 / 2000,  # warmup_iters
        "optimizer.final": 1e-4 / 1e-3,  # min_lr
    }
    assert {name: cpu[name] for name in theirs} == theirs


def test_gpu_is_nanogpt_s_configuration_for_characters():
    gpu = config("shakespeare-gpt", "gpu")
    theirs = {
        "data.window": 256,
        "data.batch_size": 64,
        "model.depth": 6,
        "model.heads": 6,
        "model.width": 384,
        "model.dropout": 0.2,
        "steps": 5000,
        "optimizer.warmup": 100 / 5000,
        "eval_every": 250,
    }
    assert {name: gpu[name] for name in theirs} == theirs


def test_the_four_models_of_the_standard_library_are_equally_large():
    from dlplug_text.language.gpt import GPT
    from dlplug_text.language.recurrent import Recurrent

    from dlplug import Spec

    sizes = {}
    for name in ("char-rnn", "char-lstm", "char-gru", "char-gpt"):
        chosen = config(name)
        options = {key.removeprefix("model."): value for key, value in chosen.items() if key.startswith("model.")}
        build = {"recurrent": Recurrent, "gpt": GPT}[chosen["model"]]
        model = build(Spec((chosen["data.window"],), 96), **options)
        sizes[name] = sum(p.numel() for p in model.parameters())
    assert max(sizes.values()) / min(sizes.values()) < 1.02
    assert len({config(name)["tokens"] for name in sizes}) == 1


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("char-rnn", {"data.order": "stream", "model.units": 8}),
        ("char-lstm", {"data.order": "stream", "model.units": 8, "model.dropout": 0.2, "data.vocabulary": "bytes"}),
        ("shakespeare-gpt", {"model.width": 8, "model.heads": 2, "model.depth": 1, "model.dropout": 0.1}),
    ],
)
def test_language_models_learn_and_resume(recipe: str, options: dict[str, Any], verses: Path):
    testing.check_recipe(recipe, {**SMALL_TEXT, "data.path": str(verses), **options, "threads": 1, "eval_every": 0})


def test_translate_dates_learns_and_resumes():
    testing.check_recipe("translate-dates", {"data.dates": 200, "data.batch_size": 8, "model.units": 8})


def quiet() -> dict[str, Any]:
    options = {**testing.QUIET, "threads": 1, "eval_every": 0}
    if "wandb" in load_host().names("observers"):
        options["wandb.mode"] = "off"
    return options


def test_a_run_generates_text_when_its_own_text_is_gone(verses: Path, tmp_path: Path):
    options = {**SMALL_TEXT, "data.path": str(verses), "data.order": "stream", "model.units": 8, "steps": 3}
    run = dlplug.run(
        "char-lstm", {**quiet(), **options, "metrics": ["prediction", "sample"]}, out=str(tmp_path / "run")
    )
    assert run.result["metrics"]["val/perplexity"] > 1
    assert len(list((tmp_path / "run" / "media").glob("val-sample-*.txt"))) == 1
    verses.unlink()
    result = dlplug.sample(str(run.folder), {"tokens": 20, "prompt": "the cat"})
    assert Path(result["text"]).read_text(encoding="utf-8").startswith("the cat")
    assert result["tokens_per_second"] > 0
    with pytest.raises(UserError, match="neither a file nor a folder"):
        dlplug.evaluate(str(run.folder))
    (run.folder / "vocabulary.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"vocabulary\.json is damaged"):
        dlplug.sample(str(run.folder))


def test_a_text_that_has_changed_is_not_read_by_the_old_vocabulary(verses: Path, tmp_path: Path):
    options = {**SMALL_TEXT, "data.path": str(verses), "model.units": 8, "steps": 2, "metrics": ["prediction"]}
    run = dlplug.run("char-lstm", {**quiet(), **options}, out=str(tmp_path / "run"))
    verses.write_text(verses.read_text(encoding="utf-8") + "Ω" * 50, encoding="utf-8")
    with pytest.raises(UserError, match=r"the vocabulary of \d+ lacks 'Ω'; has the text changed since"):
        dlplug.evaluate(str(run.folder))


def test_samplers_draw_their_figures(verses: Path):
    options = {**SMALL_TEXT, "data.path": str(verses), "data.order": "stream", "model.units": 8, "threads": 1}
    testing.check_sampler("char-gru", "cells", {**options, "eval_every": 0}, {"tokens": 50})
    testing.check_sampler("char-gru", "gradients", {**options, "eval_every": 0}, {"count": 2})


def test_dates_are_translated_with_an_attention_figure():
    options = {"data.dates": 100, "data.batch_size": 8, "model.units": 8, "eval_every": 0}
    testing.check_sampler("translate-dates", "translate", options, {"prompt": "March 12, 1999", "beams": 2})


def test_a_claim_is_about_the_recipes_own_data():
    host = load_host()
    for name, recipe in RECIPES.items():
        for preset in recipe.presets or [""]:
            own = dict(resolve(host, name, [], preset))
            for target in dlplug.Run(host, own, Path()).targets:
                assert target.stands(own)
                assert not target.stands({**own, "data": "text"})
