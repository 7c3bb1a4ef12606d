"""Figures have even sides, sheets have every image in its place, confusion matrices say what was taken for what."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from dlplug_figures.confusion import confusion_matrix, draw_confusion
from dlplug_figures.figure import new_figure, to_image
from dlplug_figures.images import LINE, show, tiled
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("width", [1.0, 121 / 120])
def test_an_image_of_a_figure_is_even_and_of_its_size(width: float):
    image = to_image(new_figure(width, 119 / 120), "said")
    assert (image.pixels.shape, image.caption) == ((120, 120 if width == 1 else 122, 3), "said")
    assert image.pixels.min() == 255


def test_no_pyplot_is_imported():
    code = "import sys; from dlplug_figures.figure import *; figure = new_figure(1, 1); figure.subplots();"
    code += "to_image(figure, ''); print([name for name in sys.modules if name in ('matplotlib.pyplot', 'sklearn')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_grey_and_coloured_images_are_shown_as_they_are():
    for image in (torch.rand(3, 4, 1), torch.rand(3, 4, 3)):
        axes = new_figure(1, 1).subplots()
        show(axes, image)
        assert axes.images[0].get_array().tolist() == image.squeeze(2).tolist()
        assert not axes.axison


def test_tiles_stand_in_rows_with_a_line_between():
    sheet = tiled((torch.arange(5.0) / 8)[:, None, None, None].expand(5, 20, 30, 1), 3)
    assert sheet.shape == (41, 92, 3)
    line = torch.tensor(LINE)
    for i in range(41):
        for j in range(92):
            number, on_line = 3 * (i // 21) + j // 31, i % 21 == 20 or j % 31 == 30
            expected = line if on_line or number >= 5 else torch.full((3,), number / 8)
            assert torch.equal(sheet[i, j], expected)


def test_the_line_between_small_tiles_is_thin():
    sheet = tiled(torch.rand(16, 2, 2, 1), 8)
    assert (sheet == torch.tensor(LINE)).all(2).float().mean() < 0.1
    assert len(sheet[..., 0].unique()) == 16 * 4 + 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_confusion_matrix_counts_pairs(pairs):
    true, predicted = torch.tensor(pairs).T
    matrix = confusion_matrix(predicted, true, 4)
    for i in range(4):
        for j in range(4):
            assert matrix[i, j] == pairs.count((i, j))


def test_the_confusion_matrix_shows_the_diagonal_and_one_error_is_pale():
    axes = new_figure(4, 4).subplots()
    draw_confusion(axes, torch.tensor([[40, 1], [0, 20]]), ("cat", "dog"))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_title() == "accuracy 98.36% (60 of 61)"
    assert {text.get_text() for text in axes.texts} == {"40", "1", "20"}
    (shade,) = axes.images
    brightness = shade.to_rgba(shade.get_array())[..., :3].mean(2)
    assert brightness[0, 0] < 0.5
    assert brightness[1, 1] < 0.5
    assert brightness[0, 1] > 0.9
