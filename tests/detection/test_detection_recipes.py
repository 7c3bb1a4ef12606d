"""The plugin keeps the contract; the recipes of detectors claim what they train; ImageNet's weights learn slowly."""

from __future__ import annotations

import pytest
import torch
from dlplug_detection.backbone import Backbone, Features, parameter_groups
from dlplug_detection.recipes import BOX_RECIPES
from dlplug_images.encoders.squeezenet import WEIGHTS

from dlplug import Spec, testing
from dlplug.downloads import data_folder
from dlplug.options.layers import resolve
from dlplug.recipes import claims

needs_weights = pytest.mark.skipif(not (data_folder() / WEIGHTS.path).is_file(), reason=f"{WEIGHTS.path} is not here")


def test_the_plugin_keeps_the_contract():
    testing.check_plugin("detection")


def test_each_recipe_claims_an_average_precision_of_its_own_data_and_model():
    host = testing.load_host()
    bars = {}
    for name, recipe in BOX_RECIPES.items():
        for preset in ["", *recipe.presets]:
            (target,) = claims(recipe, preset)
            assert target.stands(resolve(host, name, [], preset))
            assert not target.stands(resolve(host, name, [{"model": "unet"}], preset, partly=True))
            bars[f"{name}:{preset}"] = target.metric, target.at_least
    assert bars == {
        "canvas-yolo:": ("test/map50_coco101", 0.90),
        "canvas-faster-rcnn:": ("test/map50_coco101", 0.90),
        "canvas-mask-rcnn:": ("test/mask_map50_coco101", 0.85),
        "bccd-yolo:": ("test/map50_coco101", 0.80),
        "bccd-yolo:squeezenet": ("test/map50_coco101", 0.85),
        "bccd-faster-rcnn:": ("test/map50_coco101", 0.80),
    }


@needs_weights
def test_imagenets_weights_are_frozen_before_stride_8_and_learn_at_a_tenth_of_the_rate():
    backbone = Backbone(Spec((3, 32, 48), 3), Features(encoder="squeezenet", width=8, blocks=1))
    assert backbone(torch.rand(2, 3, 30, 41)).shape == (2, 8, 4, 6)
    loaded, new = parameter_groups(backbone)
    assert (new.get("rate", 1), loaded["rate"]) == (1, 0.1)
    names = {id(weight): name for name, weight in backbone.named_parameters()}
    assert {names[id(w)].split(".")[3] for w in loaded["params"]} == {"7", "8", "9", "10"}  # fire5 to fire8
    assert all("encoder.features" not in names[id(w)] for w in new["params"])
    frozen = {name for name, weight in backbone.named_parameters() if not weight.requires_grad}
    assert len(new["params"]) + len(loaded["params"]) + len(frozen) == len(names)
