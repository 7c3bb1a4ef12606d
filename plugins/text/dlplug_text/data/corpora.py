"""Reads texts: a file, a folder of files, or the source code of Python's standard library."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

from dlplug import UserError

# Single-file modules that every Python from 3.11 on has, in a fixed order, without tests and generated tables. Whole
# modules of several kinds are held out.
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
    """The text of a UTF-8 file, or of all files in a folder and its subfolders that match the pattern, sorted by name.

    Raises UserError for a path that does not exist, a file that is not UTF-8 (with the offset), and an empty text.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob(pattern) if file.is_file() and not hidden(file, path))
        if not files:
            raise UserError(f"{path} has no file that matches --data.pattern {pattern!r}")
        text = "".join(read_file(file, ", or exclude it by --data.pattern") for file in files)
    elif path.is_file():
        text = read_file(path)
    else:
        raise UserError(f"{path} is neither a file nor a folder; --data.path is the text to train on")
    if not text:
        raise UserError(f"{path} is empty: there is nothing to train on")
    return text


def read_file(path: Path, otherwise: str = "") -> str:
    """The text of a UTF-8 file. otherwise: a second remedy in the error message for a file that is not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")  # drops the byte order mark that Windows editors write
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(
            f"{path} is not UTF-8: the byte 0x{byte:02x} at offset {error.start} cannot be read ({error.reason}); "
            f"convert it (iconv -t utf-8){otherwise}"
        ) from None


def split_lines(text: str) -> list[str]:
    """A text's lines without their line ends, LF or CRLF; `str.splitlines` would also split at form feeds, U+0085 and
    U+2028, which sentences may contain."""
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def hidden(file: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(root).parts)


def split_by_tail(text: str, validation: float, test: float) -> dict[str, str]:
    """The splits of a text: its beginning for training, then a fraction for validation, and its end for testing unless
    `test` is 0. Raises UserError for fractions that leave nothing to train on."""
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise UserError(
            f"--data.validation and --data.test must be fractions that sum to less than 1, got {validation} and {test}"
        )
    end = len(text) - int(len(text) * test)
    begin = int(len(text) * (1 - validation - test)) if test else int(len(text) * (1 - validation))
    parts = {"train": text[:begin], "val": text[begin:end], "test": text[end:]}
    return {name: part for name, part in parts.items() if part or (name != "test")}


def standard_library() -> dict[str, str]:
    """The source code of Python's standard library in three splits of whole modules.

    Characters other than line feeds and printable ASCII become "?", so that every Python has the same 96 characters.
    Raises UserError for a Python installed without its source code.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    names = {"train": TRAINING, "val": VALIDATION, "test": TEST}
    missing = [name for part in names.values() for name in part if not (folder / f"{name}.py").is_file()]
    if missing:
        raise UserError(
            f"this Python was installed without the source code of {', '.join(missing[:5])} in {folder}; --data text "
            "--data.path FOLDER trains on other files"
        )
    return {name: "".join(to_ascii(read_file(folder / f"{m}.py")) for m in part) for name, part in names.items()}


def to_ascii(source: str) -> str:
    return re.sub(r"[^\n -~]", "?", source)
