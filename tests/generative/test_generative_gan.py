"""Adversarial nets: what they are built of, the order of the steps, labels, what is refused."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from dlplug_generative.gan.dcgan import dcgan
from dlplug_generative.gan.loss import GAN
from dlplug_generative.gan.networks import Adversaries, Generator
from dlplug_generative.gan.objectives import OBJECTIVES
from dlplug_generative.gan.planar import planar_gan
from dlplug_generative.gan.resnet import resnet_gan
from torch import Tensor, nn

import dlplug
from dlplug import Labelled, Spec, UserError, testing

PLANE = Spec((2,), 3, (1.0, -2.0), (2.0, 0.5))
GREY, COLOUR = Spec((1, 28, 28), 10), Spec((3, 32, 32), 10)
MAKERS: dict[str, Any] = {
    "dcgan": partial(dcgan, width=4, noise=8),
    "resnet-gan": partial(resnet_gan, width=8, critic_width=8, noise=8),
}


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("spec", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_pairs_are_built_from_the_spec(maker: Any, spec: Spec, conditional: bool):
    model = maker(spec, conditional=conditional)
    z, label = model.generator.noise(3), torch.tensor([0, 1, 9]) if conditional else None
    made = model.generator(z, label)
    assert made.shape == (3, *spec.input)
    assert made.abs().max() <= 1
    assert model.critic(made, label).shape == (3,)


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_sizes_that_cannot_be_halved_twice_are_refused(maker: Any):
    for size in ((30, 30), (14, 14), (28, 26), (8, 8)):
        with pytest.raises(UserError, match=f"{size[0]}x{size[1]} pixels cannot be halved twice"):
            maker(Spec((1, *size), 10))
    assert maker(Spec((1, 16, 24), 10)).generator.generate(1).shape == (1, 1, 16, 24)
    with pytest.raises(UserError, match="planar-gan"):
        maker(PLANE)


def test_planar_pairs_are_for_points():
    with pytest.raises(UserError, match="--model dcgan"):
        planar_gan(GREY)
    assert planar_gan(PLANE, conditional=True).generator.generate(5, label=2).shape == (5, 2)


def test_generate_is_a_pure_function():
    model = dcgan(GREY, width=4, noise=8, conditional=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(0)
    state = torch.get_rng_state()
    made = model.generator.generate(600, seed=3)
    testing.assert_same(torch.get_rng_state(), state, "the global random state")
    testing.assert_same(dict(model.state_dict()), before, "weights and buffers")
    assert model.generator.training
    testing.assert_same(model.generator.generate(600, seed=3), made, "the same seed")
    assert not torch.equal(model.generator.generate(600, seed=4), made)
    assert made.shape == (600, 1, 28, 28)
    assert made.min() >= 0
    assert made.max() <= 1
    assert not made.requires_grad


def test_what_a_generator_cannot_do_is_said():
    plain, told = (planar_gan(PLANE, conditional=c).generator for c in (False, True))
    with pytest.raises(UserError, match="not conditional"):
        plain.generate(1, label=0)
    with pytest.raises(UserError, match="between 0 and 2, got 3"):
        told.generate(1, label=3)
    with pytest.raises(UserError, match="leave out --steps 5"):
        plain.generate(1, steps=5)


def test_a_label_is_the_one_asked_for_and_else_any():
    generator = planar_gan(PLANE, conditional=True).generator
    seen: list[Tensor] = []
    generator.network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    generator.generate(200, label=1)
    generator.generate(200)
    assert seen[0].tolist() == [1] * 200
    assert set(seen[1].tolist()) == {0, 1, 2}


def test_projection_adds_the_labels_own_direction():
    critic = planar_gan(PLANE, conditional=True).critic
    x, label = torch.randn(4, 2), torch.tensor([0, 2, 1, 2])
    assert critic.of_class is not None
    phi, table = critic.network(x), critic.of_class.weight
    for n in range(4):
        own = sum(phi[n, f] * (critic.score.weight[0, f] + table[label[n], f]) for f in range(phi.shape[1]))
        torch.testing.assert_close(critic(x, label)[n], own + critic.score.bias[0])


@pytest.mark.parametrize("maker", [partial(dcgan, width=4, critic_norm="spectral"), MAKERS["resnet-gan"]])
def test_spectral_normalisation_holds_every_layer_at_one(maker: Any):
    critic = maker(GREY, conditional=True).critic
    for _ in range(100):
        critic(torch.randn(1, 1, 28, 28), torch.tensor([0]))
    critic.eval()
    layers = [m for m in critic.modules() if isinstance(m, (nn.Conv2d, nn.Linear, nn.Embedding))]
    assert len(layers) >= 4
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def points(count: int = 16) -> Labelled:
    return Labelled(torch.randn(count, 2), torch.arange(count) % 3)


@pytest.mark.parametrize("penalty", ["none", "gradient", "r1", "clip"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("conditional", [False, True])
def test_every_combination_keeps_the_contract(objective: Any, penalty: Any, conditional: bool):
    loss = GAN(planar_gan(PLANE, hidden=8, conditional=conditional), objective=objective, penalty=penalty)
    updates = testing.check_loss(loss, points())
    assert [update.part for update in updates] == ["critic", "generator"]
    assert (float(updates[0].values["penalty"]) > 0) == (penalty in ("gradient", "r1"))


def test_the_generator_is_judged_by_the_critic_that_has_just_moved():
    torch.manual_seed(0)
    loss = GAN(planar_gan(PLANE, hidden=8))
    updates = loss.updates(points())
    critic = next(updates)
    with torch.no_grad():
        for weight in loss.model.critic.parameters():
            weight.zero_()
        loss.model.critic.score.bias.fill_(7.0)
    assert float(next(updates).loss) == pytest.approx(math.log1p(math.exp(-7)))
    assert float(critic.values["fake_score"]) != 7.0


def test_critic_only_steps_build_no_graph_of_the_generator():
    loss = GAN(planar_gan(PLANE, hidden=8), critic_steps=3)
    built: list[bool] = []
    loss.model.generator.register_forward_hook(lambda module, inputs, output: built.append(output.requires_grad))
    for _ in range(6):
        list(loss.updates(points()))
    assert built == [False, False, True] * 2


def test_the_generator_moves_at_every_nth_batch_and_its_average_follows():
    loss = GAN(planar_gan(PLANE, hidden=8), critic_steps=3, average=0.75)
    start = loss.product().state_dict()["network.network.0.weight"].clone()
    weight = dict(loss.model.generator.named_parameters())["network.network.0.weight"]
    parts = []
    for _ in range(6):
        for update in loss.updates(points()):
            parts.append(update.part)
            if update.part == "generator":
                with torch.no_grad():
                    weight += 1
    assert parts == ["critic"] * 3 + ["generator"] + ["critic"] * 3 + ["generator"]
    # a' ← 0.75 a' + 0.25 a, where a is 1 and then 2 above the start
    averaged = loss.product().state_dict()["network.network.0.weight"]
    torch.testing.assert_close(averaged, start + 0.75 * 0.25 * 1 + 0.25 * 2)


def test_without_an_average_the_product_is_the_generator_as_it_is():
    loss = GAN(planar_gan(PLANE, hidden=8), average=0)
    for update in loss.updates(points()):
        if update.part == "generator":
            with torch.no_grad():
                for weight in loss.model.generator.parameters():
                    weight.normal_()
    torch.testing.assert_close(loss.product().generate(5), loss.model.generator.generate(5))


def test_weights_are_clipped_after_the_critics_step():
    loss = GAN(planar_gan(PLANE, hidden=8), objective="wasserstein", penalty="clip", strength=0.05)
    updates = loss.updates(points())
    next(updates)
    assert max(w.abs().max() for w in loss.model.critic.parameters()) > 0.05
    next(updates)
    assert max(w.abs().max() for w in loss.model.critic.parameters()) <= 0.05


def test_what_makes_no_sense_is_refused():
    for penalty in ("gradient", "r1"):
        with pytest.raises(UserError, match="choose another --model"):
            GAN(dcgan(GREY, width=4), penalty=penalty)
        GAN(dcgan(GREY, width=4, critic_norm="layer"), penalty=penalty)
    with pytest.raises(UserError, match="needs a critic and a generator"):
        GAN(nn.Linear(2, 2))
    for wrong in (partial(GAN, strength=-1.0), partial(GAN, critic_steps=0), partial(GAN, average=1.0)):
        with pytest.raises(UserError, match="got"):
            wrong(planar_gan(PLANE))


def test_pictures_are_seen_in_the_networks_range_and_points_standardised():
    pictures, plane = dcgan(GREY, width=4).generator.range, planar_gan(PLANE).generator.range
    torch.testing.assert_close(pictures.inward(torch.tensor([0.0, 0.5, 1.0])), torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(plane.inward(torch.tensor([[3.0, -1.0]])), torch.tensor([[1.0, 2.0]]))
    x = torch.randn(4, 2)
    torch.testing.assert_close(plane.outward(plane.inward(x)), x)


@pytest.mark.parametrize("recipe", ["gan-8gaussians", "wgan-gp-8gaussians"])
def test_planar_recipes_learn_and_resume(recipe: str):
    testing.check_recipe(recipe, {"model.conditional": True, "model.spectral": recipe == "gan-8gaussians"})


@pytest.mark.parametrize("recipe", ["gan-fashion", "wgan-gp-fashion", "sngan-cifar10"])
def test_picture_recipes_learn_and_resume(tiny_sets: Path, recipe: str):
    small = {"data": "mnist", "data.validation": 50, "data.batch_size": 20, "model.width": 4, "threads": 1}
    testing.check_recipe(recipe, small | ({"model.critic_width": 4} if recipe == "sngan-cifar10" else {}))


@pytest.mark.parametrize("penalty", ["none", "gradient", "r1"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_small_step_down_each_slope_lowers_each_loss(objective: Any, penalty: Any):
    loss, batch = GAN(planar_gan(PLANE, hidden=16), objective=objective, penalty=penalty), points()

    def with_the_same_noise() -> dict[str, Tensor]:
        torch.manual_seed(5)
        return {update.part: update.loss for update in loss.updates(batch)}

    for part in loss.parts:
        before = with_the_same_noise()[part]
        weights = list(loss.model.get_submodule(part).parameters())
        slopes = torch.autograd.grad(before, weights)
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                weight -= 1e-3 * slope
        assert float(with_the_same_noise()[part].detach()) < float(before.detach())
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                weight += 1e-3 * slope


def test_the_pictures_nearest_to_training_are_shown(tiny_sets: Path):
    small = {"data.validation": 50, "data.batch_size": 20, "model.width": 4, "threads": 1, "metrics": []}
    testing.check_sampler("gan-fashion", "memorisation", small, {"count": 20})


@pytest.mark.slow
def test_wgan_gp_covers_the_eight_gaussians(tmp_path: Path):
    overlay = {**testing.QUIET, "seed": 0}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("wgan-gp-8gaussians", overlay, out=str(tmp_path / "run"))
    assert dlplug.evaluate(str(run.folder))["test/modes"] == 8


def test_the_models_are_what_they_say():
    model = dcgan(GREY)
    assert isinstance(model, Adversaries)
    assert isinstance(model.generator, Generator)
    # Miyato et al. 2018, table 4: 32x32 pixels come from 4x4 in three blocks
    assert len(resnet_gan(COLOUR).generator.network.blocks) == 3  # pyright: ignore
