"""Writes samples: numbered below the run folder or where `--out` says, and never over anything."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlplug.errors import Interrupted, UserError

log = logging.getLogger("dlplug")

FITTING = {".png": (".png", ".jpg"), ".mp4": (".mp4", ".gif")}  # what `--out` may end in; a text's may be anything
Show = Callable[[str], object] | None


class SampleFiles:
    """Writes what a sampler gives: in a new numbered folder below the run's `samples/`, or in `out`, which is a file
    where it has a suffix and else a new folder. After an error nothing stays behind that is empty or half written.

    Raises UserError where `out` is there already.
    """

    def __init__(self, run: Path, out: str) -> None:
        self.run, self.out = run, Path(out) if out else None
        self.is_file = self.out is not None and self.out.suffix != ""
        if self.out is not None and self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise UserError(f"{out} exists already: choose another --out")
        self.folder: Path | None = None
        self.paths: list[Path] = []

    def write(self, sampler: str, output: Any, show: Show) -> dict[str, Any]:
        """Writes a sampler's output: media and numbers by name, or a text at once or in pieces, and then what the
        generator of the pieces returns. Returns the numbers, and the paths of the files."""
        if isinstance(output, str):
            output = iter([output])
        if isinstance(output, Iterator):
            path = self._new_path(sampler, ".txt")
            return {sampler: str(path)} | self.write(sampler, write_pieces(path, output, show), show)
        if not isinstance(output, Mapping):
            kind = type(output).__name__
            raise TypeError(f"sampler {sampler} gave a {kind}; expected media and numbers by name, or a text")
        return {name: self._write_value(name, value) for name, value in output.items()}

    def _write_value(self, name: str, value: Any) -> float | str:
        """The path of a medium, which is written; a number, or a text about one, as it is."""
        from dlplug.media import Media  # NumPy

        if not isinstance(value, Media):
            return value if isinstance(value, (int, str)) else float(value)
        value.save(self._new_path(name, value.suffix))
        if value.caption:
            log.info(f"{name}: {value.caption}")
        return str(value.path)

    def _new_path(self, name: str, suffix: str) -> Path:
        path = self._path(name.replace("/", "-"), suffix)
        if path.exists():
            raise UserError(f"{path} exists already: choose another --out")
        self.paths.append(path)
        return path

    def _path(self, name: str, suffix: str) -> Path:
        if self.folder is None:
            self.folder = self._new_folder()
        if self.out is None or not self.is_file:
            return self.folder / f"{name}{suffix}"
        if self.paths:  # the first has the name that was asked for
            return self.folder / f"{self.out.stem}-{name}{suffix}"
        fitting = FITTING.get(suffix, (self.out.suffix.lower(),))
        if self.out.suffix.lower() not in fitting:
            raise UserError(f"{name} is written as {' or '.join(fitting)}: --out {self.out} does not end so")
        return self.out

    def _new_folder(self) -> Path:
        try:
            if self.out is None:
                return numbered_folder(self.run / "samples")
            folder = self.out.parent if self.is_file else self.out
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write {error.filename}: {error.strerror}; choose another --out") from None
        return folder

    def __enter__(self) -> SampleFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if kind is None:
            return
        for path in self.paths:
            if path.exists() and path.stat().st_size == 0:
                path.unlink()
        if self.folder is not None and self.out is None:
            with contextlib.suppress(OSError):  # not empty
                self.folder.rmdir()
                self.folder.parent.rmdir()


def numbered_folder(samples: Path) -> Path:
    """Makes the next of 0001, 0002, …; where another process was quicker, the one after."""
    number = max((int(path.name) for path in samples.glob("*") if path.name.isdigit()), default=0)
    while True:
        number += 1
        with contextlib.suppress(FileExistsError):
            folder = samples / f"{number:04d}"
            folder.mkdir(parents=True)
            return folder


def write_pieces(path: Path, pieces: Iterator[str], show: Show) -> Mapping[str, Any]:
    """Writes and shows each piece of a text as it comes. Gives what the generator returns. At Ctrl-C what
    there is of the text stays, and Interrupted is raised."""
    with path.open("x", encoding="utf-8") as file:
        try:
            while True:
                piece = next(pieces)
                file.write(piece)
                file.flush()
                if show is not None:
                    show(piece)
        except StopIteration as end:
            return end.value or {}
        except KeyboardInterrupt:
            raise Interrupted(f"stopped; what there is of the text is kept in {path}") from None
