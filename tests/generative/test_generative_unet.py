"""The denoisers: shapes for every size and channel, what they are told, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from dlplug_generative.diffusion.denoisers import Denoiser, PlanarDenoiser, sinusoids
from dlplug_generative.diffusion.unet import Attention, Block, UNet
from torch import nn

from dlplug import Spec, UserError

SMALL: dict[str, Any] = {"width": 8, "stages": 2, "depth": 1, "attention": 7}


def pictures(*shape: int) -> Spec:
    return Spec(shape, 10)


def woken(model: nn.Module) -> nn.Module:
    """With weights where the untrained net has zeros."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return model


def told(model: Denoiser, count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.randn(count, *model.shape), torch.rand(count), torch.zeros(count, dtype=torch.long)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 28, 28), {"stages": 3, "attention": 14}),
        ((3, 32, 32), {"stages": 4, "attention": 8}),
        ((1, 28, 28), {"stages": 2, "patch": 2}),
        ((1, 8, 16), {"stages": 3}),
        ((3, 7, 7), {"stages": 1, "attention": 0}),
    ],
)
def test_an_answer_has_the_pictures_shape_and_begins_as_nothing(shape: tuple[int, ...], options: dict[str, Any]):
    model = UNet(pictures(*shape), **(SMALL | options))
    z, time, label = told(model)
    assert model(z, time, label).shape == z.shape
    assert (model(z, time, label) == 0).all()


def test_every_weight_learns():
    model = woken(UNet(pictures(3, 8, 8), **SMALL, labels=True))
    assert isinstance(model, UNet)
    model(*told(model)).square().sum().backward()
    silent = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not silent


@pytest.mark.parametrize("of", ["unet", "mlp"])
def test_the_time_and_the_label_are_heard(of: str):
    torch.manual_seed(0)
    model = (
        UNet(pictures(1, 8, 8), **SMALL, labels=True) if of == "unet" else PlanarDenoiser(Spec((2,), 8), labels=True)
    )
    model = woken(model).eval()
    assert isinstance(model, Denoiser)
    z, time, label = told(model)
    here = model(z, time, label)
    assert not torch.allclose(here, model(z, time / 2, label))
    assert not torch.allclose(here, model(z, time, label + 1))
    assert not torch.allclose(here, model(z, time, model.no_label(len(z))))


def test_a_net_without_labels_does_not_hear_them():
    model = woken(UNet(pictures(1, 8, 8), **SMALL)).eval()
    assert isinstance(model, UNet)
    z, time, label = told(model)
    assert torch.equal(model(z, time, label), model(z, time, label + 5))


def test_points_come_with_their_waves_or_without():
    torch.manual_seed(0)
    model = PlanarDenoiser(Spec((2,), 8), width=8, depth=1, waves=2).eval()
    z, time, label = told(model, 1)
    seen: list[torch.Tensor] = []
    model.first.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    assert model(z, time, label).shape == (1, 2)
    a, b = z[0].tolist()
    naive = [a, b, *map(math.sin, (a, 2 * a, b, 2 * b)), *map(math.cos, (a, 2 * a, b, 2 * b))]
    assert seen[0][0].tolist() == pytest.approx(naive, abs=1e-5)
    assert PlanarDenoiser(Spec((2,), 8), width=8, waves=0)(z, time, label).shape == (1, 2)


def test_attention_is_a_weighted_mean_over_all_pixels():
    torch.manual_seed(1)
    layer = woken(Attention(8))
    assert isinstance(layer, Attention)
    x = torch.randn(1, 8, 3, 4)
    queries, keys, values = layer.queries_keys_values(layer.norm(x))[0].flatten(1).chunk(3)
    naive = torch.zeros(8, 12)
    for i in range(12):
        scores = torch.stack([queries[:, i] @ keys[:, j] / math.sqrt(8) for j in range(12)])
        for j, weight in enumerate(scores.softmax(0)):
            naive[:, i] += weight * values[:, j]
    expected = x + layer.after(naive.view(1, 8, 3, 4))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_pixels_attend_where_the_picture_is_small_enough():
    model = UNet(pictures(1, 28, 28), width=8, stages=3, depth=1, attention=14)
    attends = [isinstance(layer.attention, Attention) for layer in model.down if isinstance(layer, Block)]
    assert attends == [False, True, True]
    without = UNet(pictures(1, 28, 28), width=8, stages=3, depth=1, attention=0)
    assert not any(isinstance(module, Attention) for module in without.modules())


@pytest.mark.parametrize(
    ("shape", "options", "says"),
    [
        ((1, 28, 28), {"stages": 4}, "28x28 pixels cannot be halved 3 times, only 2: choose --model.stages 3"),
        ((1, 28, 28), {"stages": 3, "patch": 2}, "14x14 pixels cannot be halved 2 times, only 1"),
        ((1, 28, 20), {"stages": 4}, "only 2"),
        ((1, 27, 27), {}, "only 0: choose --model.stages 1"),
        ((1, 28, 28), {"patch": 3}, "patches"),
        ((2,), {}, "images"),
        ((1, 28, 28), {"width": 12}, "multiple of 8"),
        ((1, 28, 28), {"depth": 0}, "--model.depth"),
        ((1, 28, 28), {"dropout": 1.0}, "--model.dropout"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_line(shape: tuple[int, ...], options: dict[str, Any], says: str):
    with pytest.raises(UserError, match=says) as error:
        UNet(pictures(*shape), **(SMALL | options))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("shape", "options"), [((1, 8, 8), {}), ((2,), {"width": 5}), ((2,), {"depth": 0}), ((2,), {"waves": -1})]
)
def test_the_net_of_points_refuses_what_it_cannot_take(shape: tuple[int, ...], options: dict[str, Any]):
    with pytest.raises(UserError):
        PlanarDenoiser(pictures(*shape), **options)


def test_pictures_are_worked_on_between_minus_one_and_one_and_points_standardised():
    of_pictures, of_points = UNet(pictures(1, 8, 8), **SMALL), PlanarDenoiser(Spec((2,), 8, (1.0, -2.0), (0.5, 4.0)))
    assert of_pictures.range.inward(torch.tensor([0.0, 0.5, 1.0])).tolist() == [-1, 0, 1]
    assert of_pictures.natural(torch.tensor([-2.0, 0.0, 1.0])).tolist() == [0, 0.5, 1]
    x = torch.tensor([[1.0, -2.0], [2.0, 2.0]])
    assert of_points.range.inward(x).tolist() == [[0, 0], [2, 1]]
    assert torch.equal(of_points.natural(of_points.range.inward(x)), x)


def test_the_times_sines_are_the_papers():
    found = sinusoids(torch.tensor([0.25]), 8)
    for n in range(4):
        frequency = 10_000 ** (-n / 3)
        assert found[0, n].item() == pytest.approx(math.sin(250 * frequency), abs=1e-4)
        assert found[0, 4 + n].item() == pytest.approx(math.cos(250 * frequency), abs=1e-4)
