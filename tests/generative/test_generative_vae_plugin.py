"""The recipes of variational autoencoders keep the contract, learn, resume, and show what they have learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dlplug_generative.vae.recipes import VAE_RECIPES

import dlplug
from dlplug import UserError, testing
from dlplug.options.layers import resolve

TINY: dict[str, Any] = {"model.latents": 2, "model.hidden": 8, "data.batch_size": 16}
PICTURES: dict[str, Any] = {**TINY, "data.validation": 50}
QUICK = {"metrics.evidence.importance_samples": 3}


def tiny(name: str) -> dict[str, Any]:
    small = TINY if name.endswith("gaussians") else PICTURES
    return {**small, "loss.samples": 3} if name.startswith("iwae") else small


def trained(name: str, folder: Path, **options: Any) -> str:
    overlay = {**testing.QUIET, **tiny(name), **QUICK, **options}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    return str(dlplug.run(name, overlay, out=str(folder)).folder)


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("generative")


@pytest.mark.parametrize("name", VAE_RECIPES)
def test_each_recipe_learns_and_resumes(name: str, tiny_sets: Path):
    testing.check_recipe(name, tiny(name))


@pytest.mark.parametrize("what", ["generated", "reconstructed", "interpolation", "manifold"])
def test_there_is_something_to_see(what: str, tiny_sets: Path):
    testing.check_sampler("vae-mnist", what, PICTURES, {} if what == "manifold" else {"count": 4})


@pytest.mark.parametrize("data", ["eight-gaussians", "swiss-roll", "half-moons"])
def test_points_of_any_set_are_learnt_and_shown(data: str):
    testing.check_sampler("vae-8gaussians", "generated", {**TINY, "data": data}, {"count": 50})


def test_the_pictures_over_time_become_a_film(tmp_path: Path):
    folder = trained("vae-8gaussians", tmp_path / "run", steps=6, eval_every=2)
    kept = sorted(path.name for path in (tmp_path / "run" / "media").glob("val-generated-*.png"))
    assert kept == [f"val-generated-{step:09d}.png" for step in (2, 4, 6)]
    made = dlplug.sample(folder, {"still": 2}, what="history", out=str(tmp_path / "film.gif"))
    assert made["pictures"] == 3
    from PIL.Image import open as read

    with read(made["history"]) as film:
        assert getattr(film, "n_frames", 1) in (3, 5)  # pillow may join frames that are alike
    with pytest.raises(UserError, match="no images 'portrait'"):
        dlplug.sample(folder, {"picture": "portrait"}, what="history")


def test_the_test_split_is_measured_whole_and_validation_in_part(tiny_sets: Path, tmp_path: Path):
    overlay = {"steps": 2, "metrics": ["evidence"], "metrics.evidence.likelihood_of": 5}
    folder = trained("vae-mnist", tmp_path / "run", **overlay)
    values = dlplug.evaluate(folder)
    assert {"test/elbo_static", "test/kl_static", "test/nll_static_iws3"} <= values.keys()
    assert values["protocol"].startswith("60 examples, 3 importance samples, static")


def test_a_label_is_asked_for_only_of_a_model_that_learnt_it(tiny_sets: Path, tmp_path: Path):
    told = trained(
        "vae-mnist-conv",
        tmp_path / "told",
        **{"steps": 2, "model.conditional": True, "metrics.evidence.likelihood_of": 5},
    )
    assert Path(dlplug.sample(told, {"count": 4, "label": 3})["generated"]).is_file()
    with pytest.raises(UserError, match="between 0 and 9, got 10"):
        dlplug.sample(told, {"count": 4, "label": 10})
    with pytest.raises(UserError, match=r"--steps 50"):
        dlplug.sample(told, {"count": 4, "steps": 50})
    assert len(list(Path(dlplug.sample(told, {"count": 3, "single": True})["generated-0"]).parent.iterdir())) == 3


def test_a_claim_is_about_binarised_mnist():
    host = testing.load_host()
    for name, recipe in VAE_RECIPES.items():
        for target in (target for target in recipe.targets if "nll" in target.metric):
            assert target.stands(resolve(host, name, []))
            assert not target.stands(resolve(host, name, [{"loss.binarisation": "dynamic"}]))
            assert not target.stands(resolve(host, name, [{"metrics.evidence.binarisation": "dynamic"}]))
            assert not target.stands(resolve(host, name, [{"data": "fashion-mnist"}]))
