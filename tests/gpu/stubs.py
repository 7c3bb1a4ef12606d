"""Builds the preloaded runtime: runtime.c, and a stub that succeeds for each other function that torch imports."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SONAME = "libcuda.so.1"  # that of the driver: torch opens it by name, and finds it open already
IMPORTED = re.compile(r"__cuda|cuda[A-Z]|cu[A-Z]|cublas|cusolver|cusparse")
# The real libraries answer these: names of errors, what registers kernels when a library is loaded, and what is unused.
REAL = re.compile(
    r"cudaGetError(Name|String)|__cuda(Unr|R)egister|__cudaInitModule|cublasGetStatus|cuFile|cudaProfiler"
)
LIBRARIES = ("c10_cuda", "torch_cuda", "torch_cuda_linalg", "torch_python", "caffe2_nvrtc")
HERE = Path(__file__).parent


class Unavailable(Exception):
    """Why there is no virtual GPU on this machine."""


def library(cache: Path) -> Path:
    """The library to preload, from the cache or built into it. Raises Unavailable."""
    torch, headers = folder_of("torch") / "lib", folder_of("triton") / "backends" / "nvidia" / "include"
    if not (torch / "libtorch_cuda.so").is_file() or not headers.is_dir():
        raise Unavailable("this torch was built without CUDA")
    # a weak stub gives way to the function that runtime.c defines
    stubs = "".join(f"__attribute__((weak)) int {name}(void) {{ return 0; }}\n" for name in sorted(imported(torch)))
    runtime = (HERE / "runtime.c").read_text()
    built = cache / hashlib.sha256((runtime + stubs).encode()).hexdigest()[:16] / SONAME
    if not built.is_file():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            (Path(folder) / "stubs.c").write_text(stubs)
            compile([str(HERE / "runtime.c"), "stubs.c"], headers, Path(folder))
            (Path(folder) / SONAME).replace(built)  # at once: another process may look for it
    return built


def folder_of(package: str) -> Path:
    """Where a package is installed. It is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        raise Unavailable(f"{package} is not installed")
    return Path(spec.origin).parent


def compile(sources: list[str], headers: Path, folder: Path) -> None:
    """Writes SONAME into the folder. Without a C library: the process that loads it has one."""
    zig = [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else []
    compiler = zig or [found for name in ("gcc", "clang") if (found := shutil.which(name))][:1]
    if not compiler:
        raise Unavailable("it is built by a C compiler: `pip install ziglang`, or gcc")
    flags = [
        "-shared",
        "-fPIC",
        "-O1",
        "-w",
        "-fno-sanitize=undefined",
        "-nostdlib",
        f"-I{headers}",
        f"-Wl,-soname,{SONAME}",
        "-o",
        SONAME,
    ]
    done = subprocess.run([*compiler, *flags, *sources], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{' '.join(compiler)} failed: {done.stderr[-2000:]}")


def imported(folder: Path) -> set[str]:
    """The functions of CUDA that torch's libraries take from others."""
    names = {name for file in LIBRARIES for name in undefined(folder / f"lib{file}.so")}
    return {name for name in names if IMPORTED.match(name) and not REAL.match(name)}


SECTION = np.dtype([("name", "<u4"), ("type", "<u4"), ("flags", "<u8"), ("address", "<u8"), ("offset", "<u8"),
                    ("size", "<u8"), ("link", "<u4"), ("info", "<u4"), ("align", "<u8"), ("entry", "<u8")])  # fmt: skip
SYMBOL = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)
DYNAMIC_SYMBOLS = 11  # SHT_DYNSYM


def undefined(path: Path) -> Iterator[str]:
    """The names that a shared library (64-bit ELF) imports, as `nm -D --undefined-only` tells them."""
    file = np.memmap(path, np.uint8, "r")
    begin, count = int(file[40:48].view("<u8")[0]), int(file[60:62].view("<u2")[0])  # e_shoff, e_shnum
    sections = file[begin : begin + count * SECTION.itemsize].view(SECTION)
    table = sections[sections["type"] == DYNAMIC_SYMBOLS][0]
    symbols = file[table["offset"] : table["offset"] + table["size"]].view(SYMBOL)
    names = sections[table["link"]]
    text = file[names["offset"] : names["offset"] + names["size"]].tobytes()
    for place in symbols["name"][symbols["section"] == 0]:
        yield text[place : text.index(b"\0", int(place))].decode()


if __name__ == "__main__":
    print(library(Path(sys.argv[1])))
