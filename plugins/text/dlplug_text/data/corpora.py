"""Texts as they lie on the disk: a file, a folder of files, and the source of Python's own standard library."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

from dlplug import UserError

# Modules of every Python from 3.11 on that are one file, in a fixed order; tests and generated tables left out. What is
# held out are whole modules of several kinds.
# fmt: off
TRAINING = [
    "abc", "argparse", "ast", "base64", "bdb", "bisect", "cmd", "code", "codecs", "codeop", "colorsys",
    "configparser", "contextlib", "copy", "copyreg", "dataclasses", "difflib", "dis", "doctest", "enum", "filecmp",
    "fileinput", "fnmatch", "fractions", "ftplib", "functools", "getopt", "getpass", "gettext", "glob", "graphlib",
    "gzip", "hashlib", "hmac", "imaplib", "inspect", "io", "ipaddress", "linecache", "mailbox", "modulefinder",
    "netrc", "ntpath", "numbers", "opcode", "operator", "optparse", "os", "pickle", "pickletools", "pkgutil",
    "platform", "plistlib", "poplib", "posixpath", "pprint", "pstats", "py_compile", "pyclbr", "pydoc", "quopri",
    "reprlib", "runpy", "selectors", "shelve", "shlex", "shutil", "smtplib", "socket", "socketserver", "ssl",
    "statistics", "subprocess", "symtable", "tabnanny", "tarfile", "timeit", "trace", "traceback", "tracemalloc",
    "typing", "uuid", "weakref", "webbrowser", "zipapp",
]
# fmt: on
VALIDATION = ["calendar", "csv", "sched", "threading"]
TEST = ["heapq", "queue", "random", "tempfile", "textwrap"]


def read_text(path: Path, pattern: str = "*") -> str:
    """A UTF-8 file, or all files of a folder whose names match, below it too, in the order of their names.

    Raises UserError for what is not there, not UTF-8 (telling the offset), or empty.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob(pattern) if file.is_file() and not hidden(file, path))
        if not files:
            raise UserError(f"{path} has no file that matches --data.pattern {pattern!r}")
        text = "".join(read_file(file, ", or leave it out by --data.pattern") for file in files)
    elif path.is_file():
        text = read_file(path)
    else:
        raise UserError(f"{path} is neither a file nor a folder; --data.path names the text to learn from")
    if not text:
        raise UserError(f"{path} is empty: there is nothing to learn from")
    return text


def read_file(path: Path, otherwise: str = "") -> str:
    """`otherwise`: what else may be done about one that is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")  # without the mark that Windows' editors begin a file with
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(
            f"{path} is not UTF-8: the byte 0x{byte:02x} at offset {error.start} cannot be read ({error.reason}); "
            f"convert it (iconv -t utf-8){otherwise}"
        ) from None


def lines_of(text: str) -> list[str]:
    """A text's lines, without their ends: a line ends with a line feed, or a carriage return and that, and with nothing
    else. `str.splitlines` would also cut at form feeds, U+0085 and U+2028, which sentences may hold."""
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def split_by_tail(text: str, validation: float, test: float) -> dict[str, str]:
    """The text's beginning to learn from, then a share to validate on, and its end to test on; one that is 0 is left
    out. Raises UserError for shares that leave nothing to learn from."""
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise UserError(f"--data.validation and --data.test are shares that leave some, got {validation} and {test}")
    end = len(text) - int(len(text) * test)
    begin = int(len(text) * (1 - validation - test)) if test else int(len(text) * (1 - validation))
    parts = {"train": text[:begin], "val": text[begin:end], "test": text[end:]}
    return {name: part for name, part in parts.items() if part or (name != "test")}


def standard_library() -> dict[str, str]:
    """The source of Python's own standard library in three splits of whole modules.

    What is neither a line's end nor printable ASCII is written as "?", so that every Python has the same 96 characters.
    Raises UserError where this Python came without its source.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    names = {"train": TRAINING, "val": VALIDATION, "test": TEST}
    missing = [name for part in names.values() for name in part if not (folder / f"{name}.py").is_file()]
    if missing:
        raise UserError(
            f"this Python came without the source of its own {', '.join(missing[:5])} in {folder}; --data text "
            "--data.path FOLDER learns from other files"
        )
    return {name: "".join(plain(read_file(folder / f"{m}.py")) for m in part) for name, part in names.items()}


def plain(source: str) -> str:
    return re.sub(r"[^\n -~]", "?", source)
