"""Generated scenes against the same scenes painted pixel by pixel, object by object."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dlplug_images.canvas.draws import gaussian_noise, mixed, uniforms, whole
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import OWN, Enlarger, Glyphs, glyphs_from, glyphs_of
from dlplug_images.canvas.layout import PALETTE, Scenery, arranged
from dlplug_images.canvas.scenes import Scenes, masks
from dlplug_images.images import Augmentation, Examples, Images
from dlplug_images.sets.digits import Digits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlplug import UserError

SHAPES = glyphs_of("shapes")
COLOURS = list(PALETTE.values())


@st.composite
def sceneries(draw) -> Scenery:
    fewest, smallest = draw(st.integers(0, 3)), draw(st.integers(3, 9))
    return Scenery(
        height=draw(st.integers(14, 40)),
        width=draw(st.integers(14, 40)),
        objects=(fewest, draw(st.integers(max(1, fewest), 6))),
        sizes=(smallest, draw(st.integers(smallest, 14))),
        overlap=draw(st.sampled_from([0.0, 0.3, 1.0])),
        visible=draw(st.sampled_from([0.0, 0.25, 0.8, 1.0])),
        colour=draw(st.booleans()),
        background=draw(st.sampled_from([0.0, 0.4])),
    )


def possible(glyphs: Glyphs, scenery: Scenery, seed: int) -> Canvas:
    try:
        return Canvas(glyphs, scenery, seed=seed)
    except UserError:
        assume(False)
        raise


def painted_slowly(canvas: Canvas, i: int) -> dict:
    """Scene i, from the layout alone."""
    scenery, glyphs = canvas.scenery, canvas.glyphs
    objects = arranged(scenery, len(glyphs.labels), canvas.seed, np.array([i]))
    count, glyph, size, left, top, colour = (field[0] for field in objects)
    height, width = scenery.height, scenery.width
    image = np.empty((scenery.channels, height, width), np.int64)
    for channel, level in enumerate(uniforms(canvas.seed, 1, np.array([i]), scenery.channels)[0]):
        image[channel] = int(level * (round(255 * scenery.background) + 1))
    owner, kind = np.full((height, width), -1), np.zeros((height, width), np.int64)
    own_pixels = []
    for k in range(count):
        opacity = Enlarger(glyphs.pictures.shape[1], size[k], size[k])(glyphs.pictures[[glyph[k]]], size[[k]])[0]
        own_pixels.append(0)
        rgb = COLOURS[colour[k]] if scenery.colour else (255,)
        for row in range(size[k]):
            for column in range(size[k]):
                a, y, x = int(opacity[row, column]), top[k] + row, left[k] + column
                for channel, level in enumerate(rgb):
                    image[channel, y, x] = round((image[channel, y, x] * (255 - a) + level * a) / 255)
                if a >= OWN:
                    own_pixels[k] += 1
                    owner[y, x], kind[y, x] = k, glyphs.labels[glyph[k]] + 1
    scene = {"image": image, "class_map": kind, "instance_map": np.zeros_like(owner)}
    scene |= {"boxes": [], "labels": [], "colours": [], "drawn": int(count)}
    for k in range(count):
        ys, xs = np.nonzero(owner == k)
        if len(ys) and len(ys) >= scenery.visible * own_pixels[k]:
            scene["boxes"].append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
            scene["labels"].append(glyphs.labels[glyph[k]])
            scene["colours"].append(colour[k])
            scene["instance_map"][owner == k] = len(scene["boxes"])
    return scene


def assert_is(scenes: Scenes, n: int, expected: dict) -> None:
    count = int(scenes.counts[n])
    assert count == len(expected["boxes"])
    assert np.array_equal(scenes.images[n], expected["image"])
    for name in ("class_map", "instance_map"):
        assert np.array_equal(getattr(scenes, name)[n], expected[name])
    for name, padding in (("boxes", 0), ("labels", -1), ("colours", -1)):
        assert getattr(scenes, name)[n, :count].tolist() == [np.asarray(row).tolist() for row in expected[name]]
        assert bool((getattr(scenes, name)[n, count:] == padding).all())


@given(sceneries(), st.integers(0, 2**40))
@settings(max_examples=40)
def test_a_scene_is_what_painting_object_by_object_makes(scenery, seed):
    canvas = possible(SHAPES, scenery, seed)
    index = [3, 70, 2**31]
    scenes = canvas.scenes(index)
    assert scenes.images.shape == (3, scenery.channels, scenery.height, scenery.width)
    assert scenes.boxes.shape == (3, scenery.objects[1], 4)
    for n, i in enumerate(index):
        assert_is(scenes, n, painted_slowly(canvas, i))


def test_digits_are_painted_alike():
    canvas = Canvas(glyphs_of("digits", "val"), Scenery(48, 64, (2, 4), (10, 24), overlap=0.5), seed=3)
    scenes = canvas.scenes(range(4))
    for n in range(4):
        assert_is(scenes, n, painted_slowly(canvas, n))


@given(sceneries(), st.integers(0, 1000), st.permutations(range(5)))
@settings(max_examples=25)
def test_a_scene_depends_on_the_seed_and_its_index_alone(scenery, seed, order):
    canvas = possible(SHAPES, scenery, seed)
    canvas = Canvas(SHAPES, Scenery(**{**vars(scenery), "noise": 0.1}), seed=seed)
    together = canvas.scenes(torch.tensor(order))
    for n, i in enumerate(order):
        for field, one in zip(together, canvas.scenes([i]), strict=True):
            assert torch.equal(field[n], one[0])


def test_batches_beyond_a_chunk_are_the_same_and_other_seeds_and_indices_differ():
    canvas, other = (Canvas(SHAPES, Scenery(32, 32, sizes=(8, 12)), seed=seed) for seed in (0, 1))
    many, few = canvas.scenes(range(150)), canvas.scenes(range(100, 150))
    assert all(torch.equal(a[100:], b) for a, b in zip(many, few, strict=True))
    assert len(many.images.flatten(1).unique(dim=0)) == 150
    assert not torch.equal(other.scenes(range(150)).images, many.images)
    assert canvas.scenes([]).images.shape == (0, 1, 32, 32)


def test_scenes_and_videos_are_the_same_on_every_machine():
    canvas = Canvas(SHAPES, Scenery(48, 64, (1, 5), (8, 20), 0.5, 0.3, True, 0.3, 0.1), seed=7)
    digest = hashlib.sha256()
    videos = canvas.videos(range(5), frames=12, speed=(1, 4), blend="over")
    for field in (*canvas.scenes(range(70)), *videos.frames, *videos[1:]):
        digest.update(field.numpy().tobytes())
    assert digest.hexdigest()[:16] == "5a805e018612724b"


@given(sceneries(), st.integers(0, 1000))
@settings(max_examples=25)
def test_boxes_are_inside_and_tight_around_the_masks(scenery, seed):
    scenes = possible(SHAPES, scenery, seed).scenes(range(20))
    most = scenery.objects[1]
    found = masks(scenes.instance_map, most)
    assert found.shape == (20, most, scenery.height, scenery.width)
    assert int(scenes.counts.max()) <= most
    for n in range(20):
        count = int(scenes.counts[n])
        assert not found[n, count:].any()
        assert found[n].sum(0).max() <= 1  # a pixel is of one object
        for row in range(count):
            ys, xs = found[n, row].nonzero().T
            assert scenes.boxes[n, row].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert (scenes.class_map[n][found[n, row]] == scenes.labels[n, row] + 1).all()
        if scenery.visible == 0:
            assert torch.equal(scenes.class_map[n] > 0, found[n].any(0))


@given(sceneries(), st.integers(0, 1000))
@settings(max_examples=40)
def test_squares_are_inside_and_share_no_more_than_is_allowed(scenery, seed):
    possible(SHAPES, scenery, seed)
    objects = arranged(scenery, 8, seed, np.arange(30))
    fewest, most = scenery.objects
    assert set(objects.counts) <= set(range(fewest, most + 1))
    for count, _, sizes, lefts, tops, _ in zip(*objects, strict=True):
        squares = []
        for size, left, top in list(zip(sizes, lefts, tops, strict=True))[:count]:
            assert scenery.sizes[0] <= size <= scenery.sizes[1]
            assert 0 <= left <= scenery.width - size
            assert 0 <= top <= scenery.height - size
            square = {(y, x) for y in range(top, top + size) for x in range(left, left + size)}
            assert all(len(square & other) <= scenery.overlap * min(len(square), len(other)) for other in squares)
            squares.append(square)


def test_a_canvas_is_drawn_again_until_its_own_objects_fit_and_no_longer():
    objects = arranged(Scenery(16, 16, (1, 4), (9, 9)), 8, 0, np.arange(200))  # there is room for one
    assert set(objects.counts) == {1}


def test_counts_classes_sizes_and_colours_are_uniform():
    objects = arranged(Scenery(256, 256, (0, 3), (4, 7), colour=True), 8, 0, np.arange(8000))
    exists = np.arange(3) < objects.counts[:, None]
    for values, number in ((objects.counts, 4), *((f[exists], m) for f, m in
                           ((objects.glyph, 8), (objects.size - 4, 4), (objects.colour, 7)))):  # fmt: skip
        share = np.bincount(values, minlength=number) / len(values)
        assert len(share) == number
        assert np.allclose(share, 1 / number, atol=0.02)


def test_mostly_hidden_objects_are_left_out_of_the_truth_but_not_of_the_class_map():
    options = {"height": 16, "width": 16, "objects": (4, 4), "sizes": (8, 8), "overlap": 1.0}
    whole_truth, most_truth = (
        Canvas(SHAPES, Scenery(**options, visible=v), seed=0).scenes(range(60)) for v in (0, 0.6)
    )
    assert most_truth.counts.sum() < whole_truth.counts.sum()
    assert torch.equal(most_truth.class_map, whole_truth.class_map)
    assert torch.equal(most_truth.images, whole_truth.images)
    assert (most_truth.instance_map > 0).sum() < (whole_truth.instance_map > 0).sum()


def test_noise_is_gaussian_and_of_the_deviation_that_was_asked_for():
    noise = gaussian_noise(0, np.arange(200), (3, 9, 11), 25.5)
    assert noise.shape == (200, 3, 9, 11)
    assert abs(noise.mean()) < 0.3
    assert noise.std() == pytest.approx(25.5, rel=0.02)
    assert np.mean(abs(noise) < 25.5) == pytest.approx(0.683, abs=0.01)
    assert abs(np.corrcoef(noise[:, 0, 0, :2].astype(float).T)[0, 1]) < 0.2


def test_random_words_are_splitmix64s():
    state = np.uint64(1234567) + np.arange(1, 6, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert mixed(state)[:4].tolist() == published
    u = uniforms(-5, 2, np.array([0, 9, 2**40]), 7)
    assert np.array_equal(uniforms(-5, 2, np.array([2**40, 9]), 3, start=4), u[[2, 1], 4:])
    assert Counter(whole(uniforms(0, 0, np.arange(100), 50).ravel(), 2, 4).tolist()).keys() == {2, 3, 4}


@pytest.mark.parametrize("size", [3, 8, 13, 32, 50])
def test_glyphs_are_resized_as_torch_does_it(size):
    for glyphs in (SHAPES, glyphs_of("digits", "test")):
        pictures = glyphs.pictures[:8]
        drawn = Enlarger(pictures.shape[1], 2, 52)(pictures, np.full(8, size))
        x = torch.from_numpy(pictures)[:, None].float()
        expected = F.interpolate(x, (size, size), mode="bilinear", antialias=True)[:, 0]
        assert np.abs(drawn[:, :size, :size] - expected.numpy()).max() <= 5
        assert not drawn[:, size:].any()
        assert not drawn[:, :, size:].any()


def test_shapes_cover_what_geometry_says():
    covered = dict(zip(SHAPES.names, SHAPES.pictures.mean((1, 2)) / 255, strict=True))
    expected = {"circle": np.pi / 4, "square": 1, "triangle": 1 / 2, "diamond": 1 / 2, "cross": 5 / 9}
    expected |= {"ring": np.pi * 3 / 16, "bar": 1 / 4}
    for name, share in expected.items():
        assert covered[name] == pytest.approx(share, abs=0.01)


def images(size: int, channels: int) -> Images:
    pixels = torch.randint(0, 256, (60, size, size, channels), dtype=torch.uint8)
    parts = {name: Examples(pixels, torch.arange(60) % 10) for name in ("train", "val", "test")}
    return Images(parts, tuple("0123456789"), Augmentation(batch_size=2), seed=0)


def test_glyphs_are_the_kits_sets():
    assert np.array_equal(glyphs_of("digits", "test").pictures, Digits(seed=1).parts["test"].images[..., 0])
    data = images(28, 1)
    glyphs = glyphs_from(data, "test")
    assert np.array_equal(glyphs.pictures, data.parts["test"].images[..., 0])
    assert (glyphs.labels.tolist(), glyphs.names) == ([n % 10 for n in range(60)], data.names)
    # at their own size they are unchanged
    assert np.array_equal(Enlarger(28, 28, 28)(glyphs.pictures, np.full(60, 28)), glyphs.pictures)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sizes": (20, 129)}, "129 pixels does not fit on a canvas of 200x128"),
        ({"sizes": (9, 8)}, "--data.sizes"),
        ({"sizes": (0, 8)}, "--data.sizes"),
        ({"objects": (40, 50)}, "40 to 50 objects of 16 to 32 pixels do not fit on a canvas of 200x128"),
        ({"objects": (3, 2)}, "--data.objects"),
        ({"objects": (0, 0)}, "--data.objects"),
        ({"objects": (1, 256)}, "--data.objects"),
        ({"overlap": 1.5}, "--data.overlap"),
        ({"noise": -0.1}, "--data.noise"),
    ],
)
def test_impossible_options_are_one_clear_line(options, named):
    with pytest.raises(UserError, match=named) as error:
        Canvas(SHAPES, Scenery(**{"width": 200, **options}))
    assert "\n" not in str(error.value)


def test_glyphs_that_are_none_are_refused():
    with pytest.raises(UserError, match="Did you mean digits"):
        glyphs_of("digit")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="square and grey, got images of 8x8x3"):
        glyphs_from(images(8, 3))
