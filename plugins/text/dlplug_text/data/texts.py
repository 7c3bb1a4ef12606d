"""Text data sets: tiny-shakespeare, the source code of Python's standard library, and any file or folder."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated

from dlplug import Range, Remote, Run, UserError, fetched
from dlplug_text.data.corpora import read_file, read_text, split_by_tail, standard_library
from dlplug_text.data.streams import Parts, TextOptions, TextStream

SHAKESPEARE = Remote(
    "text/tinyshakespeare.txt",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    1_115_394,
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
WITHOUT = "the recipe char-lstm needs no download"


class NamedText(TextStream):
    """A text without options of its own. A subclass defines its splits (`parts_of`), the names of the held-out ones
    (`held_out`) and their description in the protocol (`description`)."""

    held_out: tuple[str, ...] = ("val",)
    description = ""

    def __init__(
        self,
        *,
        options: TextOptions = TextOptions(),
        seed: int,
        run: Run | None = None,
    ) -> None:
        super().__init__(
            self.parts_of,
            self.held_out,
            self.description,
            options,
            seed=seed,
            run=run,
        )

    def parts_of(self) -> Parts:
        raise NotImplementedError


class TinyShakespeare(NamedText):
    """A megabyte of Shakespeare's plays (Karpathy's char-rnn); the last 10 % are for validation, as in nanoGPT."""

    description = "tiny-shakespeare, of which the last 10 % (111,540 characters) are held out"

    def parts_of(self) -> Parts:
        return split_by_tail(read_file(fetched(SHAKESPEARE, WITHOUT)), validation=0.1, test=0.0)


class StandardLibrary(NamedText):
    """The source code of Python's standard library; no download; whole modules are held out."""

    held_out = ("val", "test")
    description = f"modules of the standard library of Python {platform.python_version()} that were not learnt from"

    def parts_of(self) -> Parts:
        return standard_library()


class TextFiles(TextStream):
    """Any UTF-8 file, or a folder of files as one text; its end is held out."""

    def __init__(
        self,
        *,
        path: str = "",
        pattern: str = "*",
        validation: Annotated[float, Range(gt=0, lt=1)] = 0.1,
        test: Annotated[float, Range(ge=0, lt=1)] = 0.1,
        options: TextOptions = TextOptions(),
        seed: int,
        run: Run | None = None,
    ) -> None:
        """
        path: the file or folder.
        pattern: glob of file names in the folder, such as "*.txt".
        validation: fraction of the text held out for validation.
        test: fraction of the text, at its end, held out for testing; 0 tests on the validation split.
        """
        if not path:
            raise UserError("--data text needs --data.path: a UTF-8 file, or a folder of such files, to train on")

        def read() -> Parts:
            return split_by_tail(read_text(Path(path).expanduser(), pattern), validation, test)

        super().__init__(
            read,
            ("val", "test") if test else ("val",),
            f"{path}, {validation:.0%} for validation, {test:.0%} for the test",
            options,
            seed=seed,
            run=run,
        )
