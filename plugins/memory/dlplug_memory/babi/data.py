"""Question answering on the bAbI tasks, word by word, on one task or on all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from dlplug import Data, Order, Range, Spec, UserError, to_device
from dlplug.sampling import own_share
from dlplug_memory.babi.files import ANSWER, TASKS, Story, read_task
from dlplug_memory.tasks.task import Sequences, TaskOptions, sequence_seed

VALIDATION = 0.1  # of the training stories, the last of each task


class EncodedStories(NamedTuple):
    """Stories as ids: words, answers and question numbers (S, T), which are 0 after a story's end and outside of its
    questions; the number of words, length (S,); and the task (S,)."""

    words: Tensor
    answers: Tensor
    question: Tensor
    length: Tensor
    task: Tensor


class Babi(Data):
    """bAbI stories, read word by word; the targets are the answers to the questions.

    task: task number, 1 to 20, or 0 for all of them together.
    language: en has 1,000 training questions per task, en-10k has 10,000.
    batch_size: stories per batch.
    curriculum: number of stories over which the maximal number of questions per story grows from one to all, slowly at
        first; each batch cuts its stories after a random number of questions up to it. 0 uses whole stories.
    pad: pad every batch to the longest story, which --graph needs.
    """

    unit = "sequences"
    finite = True
    splits = ("val", "test")
    training_options = ("batch_size", "curriculum", "pad")

    def __init__(
        self,
        *,
        task: Annotated[int, Range(ge=0, le=20)] = 1,
        language: Literal["en", "en-10k"] = "en-10k",
        options: TaskOptions = TaskOptions(),
        seed: int,
    ) -> None:
        batch_size, curriculum = options.batch_size, options.curriculum
        if task not in (0, *TASKS):
            raise UserError(f"--data.task must be 1 to 20, or 0 for all, got {task}")
        if curriculum < 0:
            raise UserError(f"--data.curriculum must be at least 0, got {curriculum}")
        tasks = list(TASKS) if task == 0 else [task]
        train = {number: read_task(language, number, "train") for number in tasks}
        test = {number: read_task(language, number, "test") for number in tasks}
        self.vocabulary = vocabulary([*train.values(), *test.values()])
        training = {number: max(1, round(len(stories) * (1 - VALIDATION))) for number, stories in train.items()}
        self.parts = {
            "train": encoded({n: stories[: training[n]] for n, stories in train.items()}, self.vocabulary),
            "val": encoded({n: stories[training[n] :] or stories for n, stories in train.items()}, self.vocabulary),
            "test": encoded(test, self.vocabulary),
        }
        count = len(self.parts["train"].length)
        if not 0 < batch_size <= count:
            raise UserError(f"--data.batch-size must be between 1 and the {count} stories, got {batch_size}")
        self.order = Order(count, batch_size, seed)
        self.curriculum, self.questions = curriculum, int(self.parts["train"].question.max())
        self.steps = int(self.parts["train"].length.max()) if options.pad else 0
        self.spec = Spec((len(self.vocabulary),), len(self.vocabulary), names=tuple(self.vocabulary))
        self.protocol = f"bAbI {language}, {f'task {task}' if task else 'all 20 tasks together'}"

    def batches(self, model: nn.Module) -> Iterator[Sequences]:
        device = next(model.parameters()).device
        train, generator = EncodedStories(*(part.to(device) for part in self.parts["train"])), Generator()
        while True:
            index = to_device(self.order.next(), device)
            questions = self.questions
            if self.count < self.curriculum:
                generator.manual_seed(sequence_seed(own_share(self.order.batch_size, self.order.seed, self.count)[1]))
                questions = int(torch.randint(1, self.max_questions_at(self.count) + 1, (), generator=generator))
            self.count += self.order.batch_size
            yield batch_of(train, index, len(self.vocabulary), questions, self.steps)

    def max_questions_at(self, count: int) -> int:
        """The maximal number of questions per story after `count` stories. It grows quadratically, since the first
        question takes longest to learn."""
        return 1 + int(self.questions * (count / self.curriculum) ** 2)

    def steps_per_epoch(self) -> int:
        return self.order.steps_per_epoch

    def split(self, name: str) -> HeldOutStories:
        return HeldOutStories(self.parts[name], self.vocabulary)


class HeldOutStories(NamedTuple):
    """A held-out split and its vocabulary."""

    stories: EncodedStories
    vocabulary: list[str]

    def batches(self, batch_size: int = 50) -> Iterator[tuple[Sequences, Tensor]]:
        """All stories in order of length, and their indices in the split."""
        for index in self.stories.length.argsort().split(batch_size):
            yield batch_of(self.stories, index, len(self.vocabulary)), index


def vocabulary(tasks: list[list[Story]]) -> list[str]:
    """Every word of stories and answers in alphabetical order."""
    stories = [story for task in tasks for story in task]
    words = {word for story in stories for word in [*story.words, *story.answers] if word}
    return sorted(words | {ANSWER})


def encoded(tasks: dict[int, list[Story]], words: list[str]) -> EncodedStories:
    """Stories as ids, padded to the length of the longest."""
    number = {word: index for index, word in enumerate(words)} | {"": 0}
    stories = [story for task in tasks.values() for story in task]
    shape = len(stories), max(len(story.words) for story in stories)
    inputs, answers, question = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    for row, story in enumerate(stories):
        length = len(story.words)
        inputs[row, :length] = torch.tensor([number[word] for word in story.words])
        answers[row, :length] = torch.tensor([number[word] for word in story.answers])
        question[row, :length] = torch.tensor(story.question)
    length = torch.tensor([len(story.words) for story in stories])
    task = torch.tensor([number for number, stories in tasks.items() for _ in stories])
    return EncodedStories(inputs, answers, question, length, task)


def batch_of(stories: EncodedStories, index: Tensor, words: int, questions: int = 0, steps: int = 0) -> Sequences:
    """The indexed stories as one-hot words, each cut after `questions` questions (0: whole) and padded to the length of
    the longest, or to `steps`."""
    question, length = stories.question[index], stories.length[index]
    place = torch.arange(question.shape[1], device=index.device)
    mask = question > 0
    if questions:
        mask &= question <= questions
        length = ((place + 1) * mask).amax(1)
    steps = steps or int(length.max())
    present = place[:steps] < length[:, None]
    x = F.one_hot(stories.words[index, :steps], words).float() * present[:, :, None]
    return Sequences(x, stories.answers[index, :steps], mask[:, :steps].float())
