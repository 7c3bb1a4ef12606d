"""Lips that speak words: generated videos, with held-out speakers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from dlplug import Data, Fraction, PositiveInt, Progress, distributed, to_device
from dlplug.sampling import own_share
from dlplug_video.lips.clips import UNKNOWN, HeldOutLips, LipClips, LipSpec, spelled
from dlplug_video.lips.mouth import RANGES, Faces, draw
from dlplug_video.lips.visemes import ALPHABET, VOCABULARY, shapes_of

SIDE = 32
LONGEST = max(map(len, VOCABULARY))
PACE = 3.0, 5.0  # frames per letter, of the fastest and the slowest speaker
SILENCE = 1.5, 4.0  # frames of rest before and after a word
SPREAD = 0.28, 0.42  # how far a letter's shape reaches in time: its standard deviation, in letters
FRAMES = 40
SEEDS = {"train": 1, "val": 2, "test": 3}  # of the speakers and of the held-out videos


class Speakers(NamedTuple):
    """N speakers: their faces, pace in frames per letter, and coarticulation: how far a letter's shape reaches."""

    faces: Faces
    pace: Tensor
    spread: Tensor


class LipWords(Data):
    """Words of three to six letters, spoken by generated mouths of 32x32 pixels; the speakers of `val` and `test` are
    not in training.

    A letter is a mouth shape (a viseme); letters such as b, m and p look alike. The vocabulary has no two words that
    look alike. Neighbouring shapes blend into each other (coarticulation, after Cohen & Massaro 1993).

    speakers: number of training speakers.
    noise: standard deviation of Gaussian noise on every pixel, as a fraction of white.
    curriculum: part of the training that begins with words of three letters and ends with all words.
    validation: number of validation videos, of 20 speakers.
    testing: number of test videos, of 40 other speakers.
    batch_size: videos per batch.
    """

    unit = "videos"
    splits = ("val", "test")
    training_options = ("speakers", "curriculum", "batch_size")
    protocol = f"generated lips, {len(VOCABULARY)} words, unseen speakers"

    def __init__(
        self,
        *,
        speakers: PositiveInt = 200,
        noise: Fraction = 0.03,
        curriculum: Fraction = 0.1,
        validation: PositiveInt = 200,
        testing: PositiveInt = 1000,
        batch_size: PositiveInt = 16,
        seed: int,
    ) -> None:
        distributed.share_of(batch_size)
        self.noise, self.curriculum, self.batch_size, self.seed = noise, curriculum, batch_size, seed
        self.sizes = {"val": validation, "test": testing}
        self.speakers = {"train": speakers_of("train", speakers), "val": speakers_of("val", 20),
                         "test": speakers_of("test", 40)}  # fmt: skip
        self.progress = Progress()
        self.spec = LipSpec((FRAMES, 1, SIDE, SIDE), len(ALPHABET) + 1, names=tuple(ALPHABET))

    def batches(self, model: nn.Module) -> Iterator[LipClips]:
        device = next(model.parameters()).device
        generator = Generator()
        while True:
            rows, seed = own_share(self.batch_size, self.seed, self.count)
            generator.manual_seed(2**40 + seed % 2**40)
            clips, _ = self.spoken("train", rows, self.longest(), generator)
            self.count += self.batch_size
            clips = LipClips(*(to_device(part, device) for part in clips))
            yield clips._replace(frames=clips.frames.float() / 255)

    def longest(self) -> int:
        """Letters of the longest words at this point of the training."""
        if float(self.progress) >= self.curriculum:
            return LONGEST
        return 3 + int((LONGEST - 2) * float(self.progress) / self.curriculum)

    def spoken(self, split: str, count: int, longest: int, generator: Generator) -> tuple[LipClips, list[str]]:
        """`count` videos of random words by random speakers of a split, and the words."""
        words = [word for word in VOCABULARY if len(word) <= longest]
        texts = [words[n] for n in torch.randint(len(words), (count,), generator=generator).tolist()]
        cast = self.speakers[split]
        who = torch.randint(len(cast.pace), (count,), generator=generator)
        speakers = Speakers(Faces(*(field[who] for field in cast.faces)), cast.pace[who], cast.spread[who])
        labels, label_lengths = spelled(texts, self.spec.names, LONGEST)
        shapes, lengths, place = motion(texts, speakers, generator)
        frames = film(shapes, lengths, speakers.faces, self.noise, generator)
        # the letter of the place with the greatest weight; the places before and after the word are rest
        said = F.pad(labels, (1, 1)).gather(1, place).masked_fill(after(lengths), UNKNOWN)
        return LipClips(frames, lengths, labels, label_lengths, said), texts

    def split(self, name: str) -> HeldOutLips:
        generator = Generator().manual_seed(SEEDS[name])
        return HeldOutLips(*self.spoken(name, self.sizes[name], LONGEST, generator), self.spec.names, VOCABULARY)


def speakers_of(split: str, count: int) -> Speakers:
    """The speakers of a split, the same in every run."""
    generator = Generator().manual_seed(SEEDS[split])
    faces = Faces(**{name: between(bounds, count, generator) for name, bounds in RANGES.items()})
    return Speakers(faces, between(PACE, count, generator), between(SPREAD, count, generator))


def between(bounds: tuple[float, float], count: int, generator: Generator) -> Tensor:
    """(count,) uniform numbers."""
    return bounds[0] + (bounds[1] - bounds[0]) * torch.rand(count, generator=generator)


def film(shapes: Tensor, lengths: Tensor, faces: Faces, noise: float, generator: Generator) -> Tensor:
    """Videos (N, T, 1, 32, 32) uint8 of mouths of shapes (N, T, 5), zero after their lengths (N,)."""
    which, when = (~after(lengths)).nonzero(as_tuple=True)
    drawn = draw(shapes[which, when], Faces(*(field[which] for field in faces)), SIDE)
    drawn = drawn + noise * torch.randn(drawn.shape, generator=generator)
    frames = torch.zeros(*shapes.shape[:2], 1, SIDE, SIDE, dtype=torch.uint8)
    frames[which, when, 0] = (drawn.clamp(0, 1) * 255).round().to(torch.uint8)
    return frames


def after(lengths: Tensor) -> Tensor:
    """(N, T) bool: the frames after each video's end."""
    return torch.arange(FRAMES) >= lengths[:, None]


def motion(texts: list[str], speakers: Speakers, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """The mouth's shapes (N, T, 5), the numbers of frames (N,), and the place (N, T) of what has the greatest weight in
    each frame: 0 for the rest before the word, then its letters from 1 on, then the rest after it.

    Each letter has a weight that is a Gaussian of time around its middle, and the shape is their weighted mean.
    """
    count = len(texts)
    letters = torch.tensor([len(text) for text in texts])
    durations = speakers.pace[:, None] * (0.85 + 0.3 * torch.rand(count, LONGEST + 2, generator=generator))
    durations[:, 0] = between(SILENCE, count, generator)
    place = torch.arange(LONGEST + 2)
    spoken = place <= letters[:, None] + 1  # rest, the letters, rest
    durations = torch.where(place == letters[:, None] + 1, between(SILENCE, count, generator)[:, None], durations)
    durations = durations * spoken
    ends = durations.cumsum(1)
    middles = ends - durations / 2
    time = torch.arange(FRAMES) + 0.5
    distance = (time[:, None] - middles[:, None]) / (speakers.spread[:, None, None] * durations[:, None].clamp(min=1))
    weights = (-0.5 * distance**2).masked_fill(~spoken[:, None], -torch.inf).softmax(2)
    amount = 0.9 + 0.2 * torch.rand(count, 1, 5, generator=generator)
    lengths = ends[:, -1].ceil().long().clamp(max=FRAMES)
    return (weights @ shapes_of(texts, LONGEST) * amount).clamp(0, 1), lengths, weights.argmax(2)
