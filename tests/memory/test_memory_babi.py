"""bAbI's files are parsed, named where they are missing, and their answers are asked for at the right words."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import dlplug_memory.babi.files as stories
import pytest
import torch
from dlplug_memory.babi.data import Babi
from dlplug_memory.babi.files import ARCHIVE, FOLDER, parse, read_task
from dlplug_memory.baselines import SequenceLSTM
from dlplug_memory.metrics import questions
from dlplug_memory.samplers import story
from dlplug_memory.tasks.task import TaskOptions
from served import served

from dlplug import Remote, UserError, data_folder, testing

FILE = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Mary took the milk, there.
5 What is Mary carrying? \tmilk,football\t4 1
1 Sandra is here.
2 Where is Sandra? \there\t1
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Task 1 and a part of task 2, unpacked; the same stories ten times over."""
    place = tmp_path / "babi" / FOLDER / "en-10k"
    place.mkdir(parents=True)
    for name in ("qa1_single-supporting-fact_train", "qa1_single-supporting-fact_test", "qa2_two_train"):
        (place / f"{name}.txt").write_text(FILE * 10, encoding="utf-8")
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    return place


def test_stories_word_by_word():
    first, second = parse(FILE.splitlines())
    assert " ".join(first.words) == (
        "mary moved to the bathroom . john went to the hallway . where is mary ? - "
        "mary took the milk , there . what is mary carrying ? - -"
    )
    assert [(place, word) for place, word in enumerate(first.answers) if word] == [
        (16, "bathroom"), (29, "milk"), (30, "football"),
    ]  # fmt: skip
    assert [first.question[place] for place in (15, 16, 17, 29, 30)] == [0, 1, 0, 2, 2]
    assert all(first.words[place] == "-" for place, word in enumerate(first.answers) if word)
    assert second.words == ["sandra", "is", "here", ".", "where", "is", "sandra", "?", "-"]


def test_batches_have_the_words_and_ask_for_the_answers(folder: Path):
    data = Babi(options=TaskOptions(batch_size=6), seed=0)
    model = SequenceLSTM(data.spec, width=4)
    testing.check_data(data, model)
    batch = next(Babi(options=TaskOptions(batch_size=6), seed=0).batches(model))
    texts = {" ".join(story.words): story for story in parse(FILE.splitlines())}
    for x, y, mask in zip(*batch, strict=True):
        words = [data.vocabulary[int(step.argmax())] for step in x if step.any()]
        original = texts[" ".join(words)]
        assert [data.vocabulary[int(y[t])] for t in mask.nonzero()[:, 0]] == [word for word in original.answers if word]
        assert not x[len(words) :].any()
        assert not mask[len(words) :].any()
    parts = {name: len(part.length) for name, part in data.parts.items()}
    assert parts == {"train": 18, "val": 2, "test": 20}


def test_a_batch_may_be_as_long_as_the_longest_story(folder: Path):
    data = Babi(options=TaskOptions(batch_size=1, pad=True), seed=0)
    stream = data.batches(SequenceLSTM(data.spec, width=4))
    assert {next(stream).x.shape[1] for _ in range(10)} == {31}


def test_a_curriculum_cuts_stories_after_their_first_questions(folder: Path):
    data = Babi(options=TaskOptions(batch_size=1, curriculum=100), seed=0)
    stream = data.batches(SequenceLSTM(data.spec, width=4))
    sequences = [" ".join(data.vocabulary[int(step.argmax())] for step in next(stream).x[0]) for _ in range(150)]
    first, second = (" ".join(story.words) for story in parse(FILE.splitlines()))
    cut = "mary moved to the bathroom . john went to the hallway . where is mary ? -"
    assert set(sequences[:70]) == {cut, second}
    assert set(sequences[70:100]) == {cut, first, second}
    assert set(sequences[100:]) == {first, second}
    assert [data.max_questions_at(count) for count in (0, 70, 71, 99)] == [1, 1, 2, 2]
    data = Babi(options=TaskOptions(batch_size=18, curriculum=100, pad=True), seed=0)
    batch = next(data.batches(SequenceLSTM(data.spec, width=4)))
    assert batch.x.shape[1] == 31
    assert batch.mask.sum() == 18


def test_the_recipe_learns_and_resumes(folder: Path):
    small = {"model.slots": 12, "model.word": 6, "model.width": 12, "data.batch_size": 2, "data.curriculum": 8}
    testing.check_recipe("dnc-babi", small)
    testing.check_sampler("dnc-babi", "story", small)


class Oracle(torch.nn.Module):
    """Knows the stories' answers, but gives `wrong` words in place of the right ones."""

    def __init__(self, data: Babi, wrong: dict[str, str]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        number = {word: place for place, word in enumerate(data.vocabulary)}
        self.answers = {}
        for parsed in parse(FILE.splitlines()):
            x = torch.tensor([number[word] for word in parsed.words])
            self.answers[tuple(x.tolist())] = torch.tensor(
                [number[wrong.get(word, word or "-")] for word in parsed.answers]
            )
        self.words = len(number)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(*x.shape[:2], self.words)
        for row, steps in enumerate(x):
            there = steps.any(1)
            answer = self.answers[tuple(steps[there].argmax(1).tolist())]
            logits[row, : len(answer)] = torch.nn.functional.one_hot(answer, self.words).float()
        return logits


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({}, 0), ({"milk": "football"}, 1 / 3), ({"milk": "is", "football": "is", "here": "is"}, 2 / 3)],
)
def test_a_question_is_right_when_all_its_words_are(folder: Path, wrong, error):
    data = Babi(options=TaskOptions(batch_size=4), seed=0)
    measured = questions(Oracle(data, wrong), data.split("test"))
    assert measured["error"] == pytest.approx(error)
    assert measured["failed_tasks"] == (error > 0)


def test_a_story_is_printed_with_its_answers(folder: Path):
    data = Babi(options=TaskOptions(batch_size=4), seed=0)
    said = story(Oracle(data, {"milk": "hallway"}), data.split("test"), number=0)
    assert "mary moved to the bathroom.\njohn went to the hallway.\nwhere is mary? bathroom (" in said
    assert "hallway (" in said
    assert "correct: milk" in said
    with pytest.raises(UserError, match="between 0 and 19"):
        story(Oracle(data, {}), data.split("test"), number=20)


def test_a_missing_file_is_named(folder: Path):
    with pytest.raises(UserError, match=r"en-10k/qa2_…_test.txt is missing in .*babi: put http.* ntm-copy"):
        Babi(task=2, seed=0)
    with pytest.raises(UserError, match=r"qa3_…_train\.txt is missing"):
        Babi(task=0, seed=0)


def test_a_file_that_is_not_babi_s_is_refused(folder: Path):
    (folder / "qa2_two_test.txt").write_text("Mary moved.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"qa2_two_test\.txt is not one of bAbI's files"):
        Babi(task=2, seed=0)


def test_archives_are_read_as_they_are(folder: Path, tmp_path: Path):
    with tarfile.open(tmp_path / "babi" / "all.tar.gz", "w:gz") as archive:
        archive.add(folder / "qa2_two_train.txt", f"{FOLDER}/en/qa2_two_train.txt")
        archive.add(folder / "qa2_two_train.txt", f"{FOLDER}/en/qa12_two_train.txt")
    assert len(read_task("en", 2, "train")) == 20
    with pytest.raises(UserError, match="en/qa1_"):
        read_task("en", 1, "train")


def test_the_archive_is_downloaded_into_an_empty_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    packed = tmp_path / "all.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder.parent, FOLDER)
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "data"))
    with served(tmp_path) as address:
        content = packed.read_bytes()
        known = Remote(ARCHIVE.path, f"{address}/all.tar.gz", len(content), hashlib.sha256(content).hexdigest())
        monkeypatch.setattr(stories, "ARCHIVE", known)
        assert len(read_task("en-10k", 1, "test")) == 20
    assert len(read_task("en-10k", 1, "train")) == 20  # of the file that was kept
    kept = tmp_path / "data" / "babi" / f"{FOLDER}.tar.gz"
    kept.write_bytes(kept.read_bytes()[:-60])
    with pytest.raises(UserError, match=r"tar\.gz is damaged .*: remove it"):
        read_task("en-10k", 2, "test")
    kept.unlink()
    with pytest.raises(UserError, match=r"is missing in .*babi, and downloading it failed .*ntm-copy"):
        read_task("en-10k", 1, "train")


def test_only_line_feeds_end_a_line(folder: Path):
    text = FILE.replace("Mary moved", "Mary\u2028moved").replace("\n", "\r\n")
    (folder / "qa2_two_test.txt").write_bytes(text.encode())
    assert [story.words for story in read_task("en-10k", 2, "test")] == [
        story.words for story in parse(FILE.split("\n"))
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": 21}, "1 to 20, or 0 for all, got 21"),
        ({"options": TaskOptions(batch_size=500)}, "between 1 and the 18 stories, got 500"),
        ({"options": TaskOptions(curriculum=-1)}, "--data.curriculum must be at least 0, got -1"),
    ],
)
def test_bad_options_are_one_clear_line(folder: Path, options, said):
    with pytest.raises(UserError, match=said):
        Babi(seed=0, **options)


@pytest.mark.skipif(not (data_folder() / "babi").is_dir(), reason="no bAbI below DLPLUG_DATA")
def test_the_real_tasks_have_a_thousand_test_questions():
    assert "DLPLUG_DATA" in os.environ or data_folder().is_dir()
    for task in (1, 8, 19):
        found = read_task("en", task, "test")
        assert sum(max(story.question) for story in found) == 1000
