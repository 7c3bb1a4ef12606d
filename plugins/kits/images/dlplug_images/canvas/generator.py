"""The canvas: scenes and videos by index, each a function of the seed and the index alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlplug import UserError
from dlplug_images.canvas import motion
from dlplug_images.canvas.draws import BACKGROUND, gaussian_noise, uniforms, whole
from dlplug_images.canvas.glyphs import Enlarger, Glyphs
from dlplug_images.canvas.layout import PALETTE, Objects, Scenery, arranged, check, drawn
from dlplug_images.canvas.painting import Blend, paint
from dlplug_images.canvas.scenes import Scenes, Videos
from dlplug_images.canvas.truth import truth_of

CHUNK = 64  # canvases painted at a time, so that they stay in the processor's cache

Index = Sequence[int] | NDArray[np.int64] | Tensor


class Canvas:
    """Scatters glyphs on canvases.

    canvas = Canvas(glyphs_of("digits", "train"), Scenery(objects=(1, 8)), seed=0)
    canvas.scenes(range(1000))              # the first thousand scenes, as `Scenes`
    canvas.videos(range(100), frames=20)    # a hundred videos, as `Videos`

    Scene i is the same on every machine and in any batch, so that splits can be ranges of indices. Raises UserError for
    a scenery that no canvas can meet.
    """

    def __init__(self, glyphs: Glyphs, scenery: Scenery = Scenery(), *, seed: int = 0) -> None:
        check(scenery, len(glyphs.labels))
        self.glyphs, self.scenery, self.seed = glyphs, scenery, seed
        self.enlarged = Enlarger(glyphs.pictures.shape[1], *scenery.sizes)
        self.palette = np.array(list(PALETTE.values()), np.uint8)[:, : scenery.channels]
        if not scenery.colour:
            self.palette = np.full_like(self.palette, 255)

    def scenes(self, index: Index) -> Scenes:
        """The canvases of these indices (N,)."""
        index = np.asarray(index, np.int64)
        parts = [self._scenes(index[n : n + CHUNK]) for n in range(0, max(1, len(index)), CHUNK)]
        return joined(parts)

    def videos(
        self, index: Index, *, frames: int = 20, speed: tuple[float, float] = (3.6, 3.6), blend: Blend = "brightest"
    ) -> Videos:
        """The videos of these indices (N,): objects start anywhere, move at a constant speed, bounce off the canvas's
        edges and pass over each other, whatever the scenery's overlap.

        speed: slowest and fastest speed in pixels per frame. 3.6, two objects of 28 pixels on 64x64 and `brightest` are
            Moving MNIST's, as OpenSTL generates it.
        blend: `brightest` takes the brighter of two objects, `over` the later one.
        """
        if frames < 1 or not 0 <= speed[0] <= speed[1]:
            raise UserError(f"frames must be at least 1 and speed two numbers, the lower first, got {frames}, {speed}")
        index = np.asarray(index, np.int64)
        size = max(1, CHUNK // frames)
        parts = [self._videos(index[n : n + size], frames, speed, blend) for n in range(0, max(1, len(index)), size)]
        scenes, *tracks = zip(*parts, strict=True)
        return Videos(joined(scenes), *map(torch.cat, tracks))

    def _scenes(self, index: NDArray[np.int64]) -> Scenes:
        objects = arranged(self.scenery, len(self.glyphs.labels), self.seed, index)
        scenes, _ = self._painted(objects, self._opacities(objects), self._background(index), "over")
        return scenes._replace(images=self._noisy(scenes.images, index))

    def _videos(self, index: NDArray[np.int64], frames: int, speed: tuple[float, float], blend: Blend) -> Videos:
        objects, _ = drawn(self.scenery, len(self.glyphs.labels), self.seed, index, 0)
        room = np.stack([self.scenery.width - objects.size, self.scenery.height - objects.size], 2)
        positions, velocities = motion.tracks(*motion.start(objects, room, self.seed, index, speed), room, frames)
        opacities, background = self._opacities(objects), self._background(index)
        each = Objects(*(field.repeat(frames, 0) for field in objects))
        x, y = (positions // motion.UNIT).reshape(-1, *positions.shape[2:]).transpose(2, 0, 1)
        each = each._replace(x=x, y=y)
        scenes, track = self._painted(each, opacities.repeat(frames, 0), background.repeat(frames, 0), blend)
        scenes = Scenes(*(field.unflatten(0, (len(index), frames)) for field in scenes))
        scenes = scenes._replace(images=self._noisy(scenes.images, index))
        exists = np.arange(objects.glyph.shape[1]) < objects.counts[:, None]
        labels = np.where(exists, self.glyphs.labels[objects.glyph], -1)
        return Videos(
            scenes,
            track.unflatten(0, (len(index), frames)),
            torch.from_numpy(labels),
            *(torch.from_numpy((field / motion.UNIT).astype(np.float32)) for field in (positions, velocities)),
        )

    def _opacities(self, objects: Objects) -> NDArray[np.uint8]:
        """(N, most, S, S): the objects' pictures at their sizes."""
        drawn = self.enlarged(self.glyphs.pictures[objects.glyph.ravel()], objects.size.ravel())
        return drawn.reshape(*objects.glyph.shape, *drawn.shape[1:])

    def _background(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(N, C): the brightness of each canvas without objects."""
        u = uniforms(self.seed, BACKGROUND, index, self.scenery.channels)
        return whole(u, 0, round(255 * self.scenery.background)).astype(np.uint8)

    def _painted(
        self, objects: Objects, opacities: NDArray[np.uint8], background: NDArray[np.uint8], blend: Blend
    ) -> tuple[Scenes, Tensor]:
        """The scenes without noise, and the object (N, most) in each row of their boxes."""
        height, width = self.scenery.height, self.scenery.width
        labels, colours = self.glyphs.labels[objects.glyph], self.palette[objects.colour]
        painted = paint(objects, opacities, labels, colours, background, height, width, blend)
        truth = truth_of(painted.instances, objects, opacities, self.scenery.visible)
        rows = np.where(truth.object < 0, 0, truth.object)
        labels, colours = (
            np.where(truth.object < 0, -1, np.take_along_axis(field, rows, 1)) for field in (labels, objects.colour)
        )
        fields = (truth.boxes.astype(np.float32), labels, colours, truth.counts)
        layers = (painted.images, painted.classes, truth.instances)
        images, *maps = (torch.from_numpy(layer[..., :height, :width].copy()) for layer in layers)
        scenes = Scenes(images, *(torch.from_numpy(field) for field in fields), *maps)
        return scenes, torch.from_numpy(truth.object)

    def _noisy(self, images: Tensor, index: NDArray[np.int64]) -> Tensor:
        if not self.scenery.noise:
            return images
        noise = gaussian_noise(self.seed, index, tuple(images.shape[1:]), 255 * self.scenery.noise)
        return torch.from_numpy(np.clip(images.numpy() + noise, 0, 255).astype(np.uint8))


def joined(parts: Iterable[Scenes]) -> Scenes:
    return Scenes(*(torch.cat(field) for field in zip(*parts, strict=True)))
