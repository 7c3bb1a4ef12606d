"""Moving objects against stepping and bouncing one at a time."""

from __future__ import annotations

from math import hypot

import numpy as np
import pytest
import torch
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import OWN, Enlarger, glyphs_of
from dlplug_images.canvas.layout import Scenery, drawn
from dlplug_images.canvas.motion import UNIT, start, tracks
from dlplug_images.canvas.scenes import masks
from hypothesis import example, given
from hypothesis import strategies as st

from dlplug import UserError

SHAPES = glyphs_of("shapes")
SMALL = Scenery(height=24, width=32, objects=(1, 3), sizes=(6, 10), overlap=1.0)


@given(st.integers(0, 40 * UNIT), st.integers(-30 * UNIT, 30 * UNIT), st.integers(0, 40), st.integers(1, 30))
@example(position=512, velocity=-256, room=3, frames=4)  # exactly to the edge
@example(position=512, velocity=256, room=3, frames=4)
def test_an_object_steps_and_bounces(position, velocity, room, frames):
    position = min(position, room * UNIT)
    pair = np.array([[[position, 0]]]), np.array([[[velocity, 0]]])
    positions, velocities = tracks(*pair, np.array([[[room, 5]]]), frames)
    assert positions.shape == velocities.shape == (1, frames, 1, 2)
    for t in range(frames):
        position += velocity
        if position <= 0:
            position, velocity = 0, -velocity
        elif position >= room * UNIT:
            position, velocity = room * UNIT, -velocity
        assert (positions[0, t, 0, 0], velocities[0, t, 0, 0]) == (position, velocity)


def test_starts_are_anywhere_and_directions_too():
    objects, _ = drawn(SMALL, 8, 0, np.arange(3000), 0)
    room = np.stack([32 - objects.size, 24 - objects.size], 2)
    positions, velocities = start(objects, room, 0, np.arange(3000), (1.0, 3.0))
    share = positions / (room * UNIT)
    assert share.min() >= 0
    assert share.max() <= 1
    assert np.allclose(share.mean((0, 1)), 0.5, atol=0.02)
    speeds = np.hypot(*np.moveaxis(velocities, 2, 0)) / UNIT
    assert speeds.min() == pytest.approx(1, abs=0.01)
    assert speeds.max() == pytest.approx(3, abs=0.01)
    assert abs(velocities.mean()) < 0.05 * UNIT


@pytest.mark.parametrize("blend", ["over", "brightest"])
def test_frames_and_their_truth_are_what_the_tracks_say(blend):
    canvas = Canvas(SHAPES, Scenery(**{**vars(SMALL), "visible": 0.5, "colour": True}), seed=5)
    videos = canvas.videos(range(6), frames=15, speed=(1, 4), blend=blend)
    objects, _ = drawn(canvas.scenery, 8, 5, np.arange(6), 0)
    hidden = 0
    for n in range(6):
        number = objects.counts[n]
        assert videos.track_labels[n].tolist() == [*SHAPES.labels[objects.glyph[n, :number]], *[-1] * (3 - number)]
        opacities = [Enlarger(32, s, s)(SHAPES.pictures[[g]], np.array([s]))[0]
                     for g, s in zip(objects.glyph[n, :number], objects.size[n, :number], strict=True)]  # fmt: skip
        for t in range(15):
            image, owner = np.zeros((3, 24, 32), int), np.full((24, 32), -1)
            for k, opacity in enumerate(opacities):
                x, y = (int(p) for p in videos.positions[n, t, k].tolist())
                window = np.s_[y : y + len(opacity), x : x + len(opacity)]
                for channel, level in enumerate(canvas.palette[objects.colour[n, k]].tolist()):
                    below, ink = image[channel][window], opacity * (level / 255)
                    over = below * (1 - opacity / 255) + ink
                    image[channel][window] = np.round(over if blend == "over" else np.maximum(below, ink))
                owner[window][opacity >= OWN] = k
            assert np.array_equal(videos.frames.images[n, t], image)
            kinds = np.array([*SHAPES.labels[objects.glyph[n, :number]] + 1, 0])
            assert np.array_equal(videos.frames.class_map[n, t], kinds[owner])
            seen = [k for k, o in enumerate(opacities) if (owner == k).sum() >= max(1, 0.5 * (o >= OWN).sum())]
            hidden += number - len(seen)
            count = int(videos.frames.counts[n, t])
            assert videos.track[n, t].tolist() == seen + [-1] * (3 - count)
            assert videos.frames.labels[n, t, :count].tolist() == [videos.track_labels[n, k] for k in seen]
            found = masks(videos.frames.instance_map[n, t], 3)
            for row, k in enumerate(seen):
                assert np.array_equal(found[row], owner == k)
                ys, xs = np.nonzero(owner == k)
                assert videos.frames.boxes[n, t, row].tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert not videos.frames.boxes[n, t, count:].any()
            assert not found[count:].any()
    assert hidden > 0  # some pass over others


def test_a_video_depends_on_the_seed_and_its_index_alone_and_a_longer_one_begins_alike():
    canvas = Canvas(SHAPES, Scenery(**{**vars(SMALL), "noise": 0.1}), seed=2)
    videos = canvas.videos([9, 4, 200], frames=20, speed=(2, 2))
    for n, i in enumerate((9, 4, 200)):
        alone = canvas.videos(torch.tensor([i]), frames=20, speed=(2, 2))
        for field, one in zip((*videos.frames, *videos[1:]), (*alone.frames, *alone[1:]), strict=True):
            assert torch.equal(field[n], one[0])
    longer = canvas.videos([9], frames=30, speed=(2, 2))
    assert torch.equal(longer.frames.images[0, :20], videos.frames.images[0])
    many = canvas.videos(range(210), frames=3)
    assert torch.equal(many.frames.images[200], canvas.videos([200], frames=3).frames.images[0])


def test_objects_move_at_their_speed_between_bounces():
    canvas = Canvas(glyphs_of("digits"), Scenery(64, 64, (2, 2), (28, 28)), seed=0)
    videos = canvas.videos(range(20))
    assert videos.frames.images.shape == (20, 20, 1, 64, 64)
    steps = videos.positions.diff(dim=1)
    inside = ((videos.positions[:, 1:] > 0) & (videos.positions[:, 1:] < 36)).all(3)
    moved = [hypot(*step) for step in steps[inside].tolist()]
    assert len(moved) > 500
    assert np.allclose(moved, 3.6, atol=0.01)
    assert videos.positions.min() == 0
    assert videos.positions.max() == 36
    assert torch.equal(steps[inside], videos.velocities[:, :-1][inside])


@pytest.mark.parametrize("options", [{"frames": 0}, {"speed": (3, 2)}, {"speed": (-1, 2)}])
def test_bad_options_are_one_clear_line(options):
    with pytest.raises(UserError, match="frames must be at least 1 and speed"):
        Canvas(SHAPES, SMALL).videos([0], **options)
