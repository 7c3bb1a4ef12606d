"""Your own copy of the GRID corpus, with held-out speakers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from dlplug import Data, Fraction, NonNegativeInt, Order, PositiveInt, UserError, nearest, to_device
from dlplug_video.lips.clips import UNKNOWN, HeldOutLips, LipClips, LipSpec, spelled
from dlplug_video.lips.grid.corpus import CHARACTERS, Spoken, find_utterances, read_utterances


class Grid(Data):
    """The GRID corpus in its own layout: folders of speakers s1, s2, … with films (.mpg) or folders of mouth frames,
    and .align files. Speakers of `val` and `test` are not in training.

    All videos are decoded when a run starts, to grey frames. Those that cannot be used are logged by name and left out.

    path: the folder that has the speakers' folders.
    val: speakers held out for validation, "s3,s4"; by default a tenth of all, at least one, before those of `test`.
    test: speakers held out for testing, "s1,s2,s20,s22" in the paper; by default the last fifth, at least one.
    frames: most frames of a video; GRID's have 75.
    height: height of a frame in pixels; LipNet's is 50.
    width: width of a frame in pixels; LipNet's is 100.
    crop: left, upper, right and lower edge of the mouth, as fractions of the video's width and height.
    per_speaker: most videos of a speaker; 0 takes all.
    batch_size: videos per batch.
    """

    unit = "videos"
    finite = True
    splits = ("val", "test")
    protocol = "GRID, unseen speakers"

    def __init__(
        self,
        *,
        path: str,
        val: str = "",
        test: str = "",
        frames: PositiveInt = 75,
        height: PositiveInt = 50,
        width: PositiveInt = 100,
        crop: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 1.0, 1.0),
        per_speaker: NonNegativeInt = 0,
        batch_size: PositiveInt = 16,
        seed: int,
    ) -> None:
        left, upper, right, lower = crop
        if not (0 <= left < right <= 1 and 0 <= upper < lower <= 1):
            raise UserError(f"--data.crop must be left, upper, right, lower between 0 and 1, got {crop}")
        if not path:
            raise UserError("--data.path is empty: give the folder of your copy of GRID, which has s1, s2, …")
        root = Path(path).expanduser()
        found = find_utterances(root)
        self.speakers = divided(list(found), named(val), named(test))
        self.frames, parts = frames, {}
        for split, speakers in self.speakers.items():
            utterances = [one for speaker in speakers for one in found[speaker][: per_speaker or None]]
            parts[split] = read_utterances(utterances, (height, width), crop, frames)
            if not parts[split]:
                raise UserError(f"{root}: no video of {', '.join(speakers)} ({split}) can be used")
        if batch_size > len(parts["train"]):
            raise UserError(f"--data.batch-size must be at most the {len(parts['train'])} videos, got {batch_size}")
        self.parts: dict[str, list[Spoken]] = parts
        self.order = Order(len(parts["train"]), batch_size, seed)
        self.spec = LipSpec((frames, 1, height, width), len(CHARACTERS) + 1, names=CHARACTERS)

    def batches(self, model: nn.Module) -> Iterator[LipClips]:
        device = next(model.parameters()).device
        while True:
            spoken = [self.parts["train"][n] for n in self.order.next().tolist()]
            self.count += self.order.batch_size
            clips = LipClips(*(to_device(part, device) for part in self.padded(spoken)))
            yield clips._replace(frames=clips.frames.float() / 255)

    def padded(self, spoken: list[Spoken]) -> LipClips:
        """The videos with zeros after their ends, uint8; labels are padded to half as many as frames."""
        frames = torch.zeros(len(spoken), *self.spec.input, dtype=torch.uint8)
        for row, one in zip(frames, spoken, strict=True):
            row[: len(one.frames)] = one.frames
        lengths = torch.tensor([len(one.frames) for one in spoken])
        labels, label_lengths = spelled([one.text for one in spoken], CHARACTERS, self.frames // 2)
        return LipClips(frames, lengths, labels, label_lengths, torch.full(frames.shape[:2], UNKNOWN))

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOutLips:
        spoken = self.parts[name]
        return HeldOutLips(self.padded(spoken), [one.text for one in spoken], CHARACTERS)


def named(speakers: str) -> list[str]:
    return [name.strip() for name in speakers.split(",") if name.strip()]


def divided(speakers: list[str], val: list[str], test: list[str]) -> dict[str, list[str]]:
    """The speakers of each split. Raises UserError for one that is missing, is in both, or leaves none to train on."""
    for name in (*val, *test):
        if name not in speakers:
            raise UserError(f"there is no speaker {name!r} in --data.path.{nearest(name, speakers)}")
    if both := set(val) & set(test):
        raise UserError(f"--data.val and --data.test both have {', '.join(sorted(both))}")
    rest = [name for name in speakers if name not in (*val, *test)]
    test = test or [rest.pop() for _ in range(min(len(rest), max(1, len(speakers) // 5)))][::-1]
    val = val or [rest.pop() for _ in range(min(len(rest), max(1, len(speakers) // 10)))][::-1]
    if not (rest and val and test):
        raise UserError(f"three speakers are needed, for training, val and test; got {', '.join(speakers)}")
    return {"train": rest, "val": val, "test": test}
