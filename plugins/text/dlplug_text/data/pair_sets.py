"""Data sets of sentence pairs: Multi30k, and your own in two files or two columns."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Annotated, Literal

from dlplug import Range, Remote, Run, UserError, fetched
from dlplug.sampling import epoch_order
from dlplug_text.data.corpora import read_text, split_lines
from dlplug_text.data.pairs import PairOptions, Pairs, Sentences

WITHOUT = "the recipe translate-dates needs no download"
ADDRESS = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
MULTI30K = {
    name: Remote(f"multi30k/{name}.gz", f"{ADDRESS}{name}.gz", size, sha256)
    for name, size, sha256 in (
        ("train.de", 637044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"),
        ("train.en", 568929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"),
        ("val.de", 24681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"),
        ("val.en", 21650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"),
        ("test_2016_flickr.de", 22890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"),
        ("test_2016_flickr.en", 21077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"),
    )
}
SPLITS = {"train": "train", "val": "val", "test": "test_2016_flickr"}


class Multi30k(Pairs):
    """29,000 captions of photographs in German and English (Elliott et al. 2016, arXiv:1605.00459)."""

    def __init__(
        self,
        *,
        source: Literal["de", "en"] = "de",
        options: PairOptions = PairOptions(),
        seed: int,
        run: Run | None = None,
    ) -> None:
        """
        source: source language; the other is the target language.
        """
        target = {"de": "en", "en": "de"}.get(source)
        if target is None:
            raise UserError(f"--data.source of multi30k must be de or en, got {source!r}")
        super().__init__(
            lambda: {name: multi30k(file, source, target) for name, file in SPLITS.items()},
            f"Multi30k {source} to {target}, tested on the 1,000 sentences of test_2016_flickr",
            options,
            seed=seed,
            run=run,
        )


def multi30k(split: str, source: str, target: str) -> Sentences:
    one, other = (
        split_lines(gzip.decompress(fetched(MULTI30K[f"{split}.{language}"], WITHOUT).read_bytes()).decode())
        for language in (source, target)
    )
    return aligned(one, other, f"multi30k {split}")


class PairFiles(Pairs):
    """Sentence pairs of your own: one file with two columns, or two files line by line."""

    def __init__(
        self,
        *,
        path: str = "",
        beside: str = "",
        validation: Annotated[float, Range(gt=0, lt=1)] = 0.1,
        test: Annotated[float, Range(gt=0, lt=1)] = 0.1,
        options: PairOptions = PairOptions(),
        seed: int,
        run: Run | None = None,
    ) -> None:
        """
        path: a file whose lines are a sentence, a tab and a translation, or only a sentence.
        beside: a second file with the translations, line by line; "" if `path` has two columns.
        validation: fraction of the pairs held out for validation, the same for every seed.
        test: fraction of the pairs held out for testing, the same for every seed.
        """
        if not path:
            raise UserError(
                "--data pairs needs --data.path: a file of two columns, or a file of sentences and --data.beside"
            )
        super().__init__(
            lambda: split_pairs(two_files(path, beside) if beside else two_columns(path), validation, test),
            f"{path}, {validation:.0%} of its pairs for validation, {test:.0%} for the test",
            options,
            seed=seed,
            run=run,
        )


def two_columns(path: str) -> Sentences:
    """The pairs of a file of two columns. Raises UserError, naming the line, for a line without exactly two columns."""
    rows = [line.split("\t") for line in split_lines(read_text(Path(path).expanduser()))]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise UserError(f"{path}, line {number}, has {len(row)} columns; expected a sentence, a tab, a translation")
    return Sentences([row[0] for row in rows], [row[1] for row in rows])


def two_files(path: str, beside: str) -> Sentences:
    source, target = (split_lines(read_text(Path(side).expanduser())) for side in (path, beside))
    return aligned(source, target, f"{path} and {beside}")


def aligned(source: list[str], target: list[str], where: str) -> Sentences:
    """The pairs of two lists of sentences. Raises UserError if their lengths differ."""
    if len(source) != len(target):
        raise UserError(f"{where} have {len(source)} and {len(target)} lines; every pair needs a line in both")
    return Sentences(source, target)


def split_pairs(pairs: Sentences, validation: float, test: float) -> dict[str, Sentences]:
    """The pairs in three splits, shuffled in the same way for every run."""
    count = len(pairs.source)
    held = {"val": int(count * validation), "test": int(count * test)}
    if min(held.values()) < 1 or sum(held.values()) >= count:
        raise UserError(
            f"--data.validation and --data.test must leave pairs for each split of {count} pairs, got {held}"
        )
    order, parts, begin = epoch_order(count, 0, 0).tolist(), {}, 0
    for name, size in [("train", count - sum(held.values())), *held.items()]:
        chosen = [(pairs.source[int(n)], pairs.target[int(n)]) for n in order[begin : begin + size]]
        parts[name] = Sentences([source for source, _ in chosen], [target for _, target in chosen])
        begin += size
    return parts
