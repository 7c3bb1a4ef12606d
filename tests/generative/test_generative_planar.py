"""Points lie where their distributions have them, are the same in every run, and look like data to everybody."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_generative.generating import examples_of, generating, in_chunks, trained_on
from dlplug_generative.planar import HELD_OUT, EightGaussians, HalfMoons, Planar, SwissRoll
from dlplug_generative.samples.drawing import grid, scatter
from dlplug_generative.samples.generated import generated, history
from imageio.v3 import imwrite
from torch import Tensor, nn

from dlplug import UserError, Video, testing
from dlplug.options.layers import resolve
from dlplug.runs.samples import sampler_of

SETS = [EightGaussians, SwissRoll, HalfMoons]


@pytest.mark.parametrize("kind", SETS)
def test_batches_go_on_after_a_resume_and_are_no_split_of_any(kind: Any):
    data: Planar = kind(batch_size=8, seed=3)
    testing.check_data(data, nn.Linear(2, 2))
    data = kind(batch_size=HELD_OUT, seed=0)
    batch = next(data.batches(nn.Linear(2, 2)))
    val, test = data.split("val"), data.split("test")
    for one, other in ((batch.x, val.x), (batch.x, test.x), (val.x, test.x), (batch.x, val.train), (val.x, val.train)):
        assert not set(map(tuple, one.tolist())) & set(map(tuple, other.tolist()))
    assert torch.equal(kind(seed=7).split("val").x, val.x)
    assert not torch.equal(next(kind(batch_size=HELD_OUT, seed=1).batches(nn.Linear(2, 2))).x, batch.x)


@pytest.mark.parametrize("kind", SETS)
def test_the_spec_says_what_the_points_are_like(kind: Any):
    data = kind(seed=0)
    assert data.spec.input == (2,)
    x = data.split("test").x
    torch.testing.assert_close(x.mean(0), torch.tensor(data.spec.mean), rtol=0, atol=0.06)
    torch.testing.assert_close(x.std(0), torch.tensor(data.spec.deviation), rtol=0.05, atol=0)


def test_each_gaussian_has_its_share_its_place_and_its_deviation():
    held_out = EightGaussians(seed=0).split("test")
    assert held_out.centres.shape == (8, 2)
    for n in range(8):
        angle = n * math.pi / 4
        assert held_out.centres[n].tolist() == pytest.approx([2 * math.cos(angle), 2 * math.sin(angle)], abs=1e-6)
        mine = held_out.x[held_out.y == n]
        assert len(mine) / len(held_out.x) == pytest.approx(1 / 8, abs=0.02)
        assert float((mine - held_out.centres[n]).std()) == pytest.approx(held_out.deviation, rel=0.1)


def test_the_roll_is_a_spiral():
    x = SwissRoll(noise=0.0, seed=0).split("test").x * 7.5
    radius = x.norm(dim=1)
    assert float(radius.min()) >= 1.5 * math.pi - 1e-4
    assert float(radius.max()) <= 4.5 * math.pi + 1e-4
    # the radius is the angle, but for whole turns
    turns = (torch.atan2(x[:, 1], x[:, 0]) - radius) / (2 * math.pi)
    torch.testing.assert_close(turns, turns.round(), rtol=0, atol=1e-3)


def test_moons_are_half_circles():
    held_out = HalfMoons(noise=0.0, seed=0).split("test")
    for part, centre, side in ((0, (0.0, 0.0), 1), (1, (1.0, 0.5), -1)):
        away = held_out.x[held_out.y == part] - torch.tensor(centre)
        torch.testing.assert_close(away.norm(dim=1), torch.ones(len(away)), rtol=0, atol=1e-5)
        assert bool((side * away[:, 1] >= -1e-6).all())


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(UserError, match="batch-size must be at least 1"):
        SwissRoll(batch_size=0, seed=0)
    with pytest.raises(UserError, match="noise must not be negative"):
        HalfMoons(noise=-0.1, seed=0)


# What samplers know of products and of data


def test_chunks_make_the_whole():
    made = in_chunks(lambda some, g: torch.randn(some, 3, generator=g), 1203, 5, torch.device("cpu"))
    assert made.shape == (1203, 3)
    assert len(made.unique(dim=0)) == 1203
    assert not made.requires_grad


class Pictures:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def generate(self, count: int, *, seed: int = 0, label: int | None = None, steps: int | None = None) -> Tensor:
        return torch.linspace(0, 1, count).view(-1, *[1] * len(self.shape)).expand(count, *self.shape)


def test_a_grid_has_every_picture_in_its_place_and_is_even():
    x = torch.linspace(0, 1, 7).view(7, 1, 1, 1).expand(7, 1, 5, 5)
    sheet = grid(x, columns=3)
    side = 5 * 12 + 1  # twelve times as large for a width of 56 at least, and a line
    assert sheet.shape == (3 * side - 1, 3 * side - 1, 3)
    for n in range(7):
        row, column = divmod(n, 3)
        inside = sheet[row * side : (row + 1) * side - 1, column * side : (column + 1) * side - 1]
        assert np.unique(inside).tolist() == [round(n / 6 * 255)]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_come_as_a_grid_or_one_by_one(channels: int):
    product = Pictures((channels, 28, 28))
    assert generated(product, None, count=4, seed=0)["generated"].pixels.shape == (2 * 56 + 2, 2 * 56 + 2, 3)
    single = generated(product, None, count=12, single=True, seed=0)
    assert list(single)[:2] == ["generated-00", "generated-01"]
    assert len(single) == 12
    assert all(image.pixels.shape == (28, 28, 3) for image in single.values())
    assert np.unique(single["generated-11"].pixels).tolist() == [255]


def test_points_come_over_the_datas():
    held_out = EightGaussians(seed=0).split("test")
    one = generated(Pictures((2,)), held_out, count=50, seed=0)["generated"]
    other = scatter(torch.zeros(3, 2), held_out.x, "elsewhere")
    assert one.pixels.shape == other.pixels.shape
    assert all(length % 2 == 0 for length in one.pixels.shape[:2])


def test_a_product_that_makes_nothing_is_told():
    with pytest.raises(UserError, match="a Linear is not a generative model"):
        generating(nn.Linear(1, 1))


def test_pictures_and_points_are_seen_as_models_see_them():
    class Split:
        images = torch.full((2, 4, 5, 3), 255, dtype=torch.uint8)
        train = torch.zeros(6, 4, 5, 3, dtype=torch.uint8)
        y = torch.zeros(2, dtype=torch.long)

    assert examples_of(Split).x.shape == (2, 3, 4, 5)
    assert float(examples_of(Split).x.min()) == 1
    assert trained_on(Split).shape == (6, 3, 4, 5)
    held_out = SwissRoll(seed=0).split("val")
    assert torch.equal(examples_of(held_out).x, held_out.x)
    assert torch.equal(trained_on(held_out), held_out.train)


@pytest.mark.parametrize("recipe", ["gan-8gaussians", "wgan-gp-8gaussians", "vae-8gaussians", "ddpm-8gaussians"])
def test_every_recipe_of_points_keeps_pictures_of_as_many(recipe: str):
    host = testing.load_host()
    assert resolve(host, recipe, [])["metrics.generated.count"] == 2000
    _, options = sampler_of(host, recipe, "generated")
    assert next(option.default for option in options if option.name == "count") == 2000


def test_a_film_tells_the_step_of_each_picture(tmp_path: Path):
    (tmp_path / "media").mkdir()
    for step in (0, 500, 12_000):
        imwrite(tmp_path / "media" / f"val-generated-{step:09d}.png", np.full((60, 120, 3), 90, np.uint8))
    run: Any = SimpleNamespace(folder=tmp_path)
    film = history(None, None, still=1, run=run)["history"]
    assert isinstance(film, Video)
    frames = list(film.frames)
    assert {frame.shape for frame in frames} == {(84, 120, 3)}
    first, second, third, last = frames
    assert np.array_equal(third, last)
    assert len({frame[:24].tobytes() for frame in (first, second, third)}) == 3
    assert all((frame[24:] == 90).all() for frame in frames)
