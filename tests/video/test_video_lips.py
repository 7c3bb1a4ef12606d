"""Generated lips say words that can be told apart, and a net reads them."""

from __future__ import annotations

from itertools import combinations, groupby

import pytest
import torch
from dlplug_video.lips.clips import LipClips, spelled, text_of
from dlplug_video.lips.mouth import RANGES, Faces, draw
from dlplug_video.lips.network import LipNet
from dlplug_video.lips.reading import LipCTC, frame_error, lip_reading, show_lips
from dlplug_video.lips.speech import FRAMES, LipWords, motion, speakers_of
from dlplug_video.lips.visemes import ALPHABET, VISEMES, VOCABULARY, distinguishable, looks
from torch import nn

from dlplug import Spec, UserError, testing

TINY = {"data.validation": 4, "data.testing": 4, "data.batch_size": 2, "model.width": 2, "model.hidden": 4}


@pytest.fixture(scope="module")
def data() -> LipWords:
    return LipWords(speakers=5, validation=30, testing=10, batch_size=4, seed=3)


def test_a_recipe_learns_and_resumes():
    testing.check_recipe("lip-words", TINY)


def test_words_that_look_alike_are_left_out():
    assert looks("pat") == looks("bad") != looks("pot")
    assert looks("moon") == looks("bos")  # a long o is one o
    assert distinguishable(["pat", "bad", "pot", "no", "elephant"]) == ("pat", "pot")
    assert len(VOCABULARY) > 200
    assert all(looks(one) != looks(other) for one, other in combinations(VOCABULARY, 2))
    assert sorted("".join(VISEMES)) == sorted(ALPHABET)


def test_there_are_two_frames_for_each_label_and_the_longest_fits(data):
    clips = data.split("val").clips
    assert (clips.lengths >= 2 * clips.label_lengths).all()
    slowest = speakers_of("train", 300)
    words = [max(VOCABULARY, key=len)] * 300
    _, lengths, _ = motion(words, slowest, torch.Generator().manual_seed(0))
    assert lengths.max() <= FRAMES
    assert (clips.frames[torch.arange(FRAMES) >= clips.lengths[:, None]] == 0).all()


def test_a_word_starts_and_ends_at_rest_and_passes_its_shapes():
    speakers = speakers_of("val", 1)
    shapes, lengths, place = motion(["papa"], speakers, torch.Generator().manual_seed(0))
    opening = shapes[0, : lengths[0], 0]
    assert opening[0] < 0.1
    assert opening[-1] < 0.6
    # p, a, p, a: the lips open twice
    assert place[0, : lengths[0]].unique_consecutive().tolist() == [0, 1, 2, 3, 4, 5]
    rises = (opening[1:] > 0.5) & (opening[:-1] <= 0.5)
    assert rises.sum() == 2


def test_an_open_mouth_is_darker_and_teeth_are_brighter():
    face = Faces(**{name: torch.tensor([sum(bounds) / 2]) for name, bounds in RANGES.items()})

    def middle(*shape):
        return float(draw(torch.tensor([shape]), face, 32)[0, 14:20, 13:19].mean())

    closed, wide, teeth = middle(0, 0.6, 0, 0, 0), middle(1, 0.6, 0, 0, 0), middle(1, 0.6, 0, 1, 0)
    assert wide < closed
    assert wide < teeth


def test_held_out_speakers_are_others_and_the_same_for_every_seed(data):
    faces = {split: {tuple(row) for row in torch.stack(tuple(cast.faces), 1).tolist()}
             for split, cast in data.speakers.items()}  # fmt: skip
    assert not faces["train"] & (faces["val"] | faces["test"])
    assert not faces["val"] & faces["test"]
    other = LipWords(speakers=5, validation=30, testing=10, batch_size=4, seed=4)
    assert other.split("val").texts == data.split("val").texts
    assert torch.equal(other.split("val").clips.frames, data.split("val").clips.frames)


def test_short_words_come_first(data):
    lengths = []
    for fraction in (0.0, 0.05, 0.5):
        data.progress.set(fraction)
        lengths.append(data.longest())
    assert lengths == [3, 5, 6]
    data.progress.set(0.0)
    batch = next(data.batches(nn.Linear(1, 1)))
    assert batch.label_lengths.tolist() == [3] * 4


def test_frames_say_the_letters_in_order(data):
    clips = data.split("val").clips
    for n in range(len(clips.frames)):
        said, labels = clips.said[n].tolist(), clips.labels[n, : clips.label_lengths[n]].tolist()
        assert set(said[clips.lengths[n] :]) <= {-1}
        # a letter that is doubled is one longer shape
        assert [label for label, _ in groupby(said) if label > 0] == [label for label, _ in groupby(labels)]


def test_the_warm_up_ends(data):
    torch.manual_seed(0)
    loss = LipCTC(LipNet(data.spec, width=2, hidden=4, dropout=0.0).eval(), warmup=0.5)
    batch = next(data.batches(loss.model))
    values = []
    for fraction in (0.0, 0.25, 0.5, 1.0):
        loss.progress.set(fraction)
        (update,) = loss.updates(batch)
        values.append(float(update.loss.detach()))
    ctc = float(update.values["ctc"])
    frames = float(frame_error(loss.model(batch.frames, batch.lengths), batch.said).detach())
    assert values == pytest.approx([frames, (frames + ctc) / 2, ctc, ctc], abs=1e-5)
    # and there is none where no frame's letter is known
    unknown = batch._replace(said=torch.full_like(batch.said, -1))
    loss.progress.set(0.0)
    testing.check_loss(LipCTC(LipNet(data.spec, width=2, hidden=4)), unknown)
    (update,) = loss.updates(unknown)
    torch.testing.assert_close(update.loss.detach(), update.values["ctc"])


def test_a_video_is_read_the_same_in_any_batch(data):
    torch.manual_seed(0)
    model = LipNet(data.spec, width=2, hidden=4).eval()
    clips = data.split("val").clips
    frames = clips.frames.float() / 255
    together = model(frames, clips.lengths)
    assert together.shape == (30, FRAMES, 27)
    for n in (0, 7):
        alone = model(frames[n : n + 1], clips.lengths[n : n + 1])
        torch.testing.assert_close(alone[0, : clips.lengths[n]], together[n, : clips.lengths[n]], atol=1e-5, rtol=1e-4)


class Reads(nn.Module):
    """Scores that spell the same word in each video."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.labels = spelled([word], tuple(ALPHABET))[0][0]

    def forward(self, frames, lengths):
        logits = torch.zeros(len(frames), frames.shape[1], 27)
        logits[..., 0] = 1
        logits[:, range(0, 2 * len(self.labels), 2), self.labels] = 2
        return logits + self.weight


def test_error_rates_are_over_the_whole_split(data):
    held = data.split("val")
    word = held.texts[0]
    values = lip_reading(Reads(word), held)
    assert values["word_error"] == pytest.approx(sum(text != word for text in held.texts) / 30)
    assert values["closed_word_error"] == values["word_error"]  # what is spelt is in the vocabulary
    assert "closed_word_error" not in lip_reading(Reads(word), held._replace(vocabulary=()))
    assert sum(row[2] for row in values["mistakes"].rows) <= 30
    assert len(list(values["film"].frames)) == held.clips.lengths[:6].max()
    drawn = show_lips(Reads(word), held, count=2, seed=1)["film"]
    assert len(list(drawn.frames)) <= FRAMES


def test_a_misspelt_word_is_read_as_one_of_the_vocabulary(data):
    held = data.split("val")
    word = held.texts[0]
    values = lip_reading(Reads(word + "z"), held)
    assert values["word_error"] == 1
    assert values["closed_word_error"] == pytest.approx(sum(text != word for text in held.texts) / 30)


def test_labels_and_text():
    labels, lengths = spelled(["abc", "z"], tuple(ALPHABET), 4)
    assert labels.tolist() == [[1, 2, 3, 0], [26, 0, 0, 0]]
    assert lengths.tolist() == [3, 1]
    assert text_of(labels[0].tolist(), tuple(ALPHABET)) == "abc"


def test_bad_input_is_one_clear_line():
    with pytest.raises(UserError, match="reads videos of words"):
        LipNet(Spec((10, 1, 64, 64), 10))
    clips = LipClips(
        torch.rand(2, 4, 1, 8, 8), torch.tensor([4, 4]), torch.ones(2, 1).long(), torch.tensor([1, 1]), torch.ones(2, 4)
    )

    class Flat(nn.Module):
        def forward(self, frames, lengths):
            return frames.flatten(1)

    with pytest.raises(UserError, match="lip-ctc needs"):
        list(LipCTC(Flat()).updates(clips))
