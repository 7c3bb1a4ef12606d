"""Folders of images as people have them: every kind of file is shown as it looks, and what is left out is said."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dlplug_images.folders.decoding import decode
from dlplug_images.folders.image_folder import ImageFolder
from dlplug_images.images import Augmentation
from PIL import Image

from dlplug import UserError
from dlplug.cli.main import main
from dlplug.testing import check_recipe

SIZE = 8


def options(root: Path, **more: object) -> dict:
    return {"path": str(root), "size": SIZE, "augmentation": Augmentation(batch_size=4), "seed": 0, **more}


def write(path: Path, pixels: np.ndarray | Image.Image, format: str | None = None, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, format, **more)
    return path


def grey(level: int) -> np.ndarray:
    return np.full((SIZE, SIZE), level, np.uint8)


def ramp(dtype: type, top: float) -> np.ndarray:
    """From black at the left to white at the right."""
    return np.linspace(0, top, SIZE).astype(dtype)[None].repeat(SIZE, 0)


RAMP = np.rint(np.linspace(0, 255, SIZE)).astype(int)


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for n in range(30):
        write(root / "dark" / f"{n:02}.png", grey(n))
        write(root / "light" / f"{n:02}.png", grey(200 + n))
    return root


def counts(data: ImageFolder) -> dict[str, int]:
    return {name: len(part.y) for name, part in data.parts.items()}


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str):
    path = write(tmp_path / f"deep.{suffix}", ramp(np.uint16, 65535))
    assert np.abs(decode(path, SIZE)[..., 1].astype(int) - RAMP).max() <= 1
    assert decode(path, SIZE, grey=True).shape == (SIZE, SIZE, 1)


def tiff_of_unsigned(values: np.ndarray) -> bytes:
    """A TIFF of unsigned 32-bit numbers, which Pillow reads and does not write."""
    data = values.astype("<u4").tobytes()
    height, width = values.shape
    fields = [(256, width), (257, height), (258, 32), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in [*fields, (279, len(data)), (339, 1)])
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", 10) + entries + bytes(4)


@pytest.mark.parametrize(
    ("kind", "tops"),
    [
        (np.float32, (0.25, 1.0)),
        (np.float32, (64.0, 255.0)),
        (np.int32, (16_384, 65_535)),
        (np.uint32, (2**30, 2**32 - 1)),
        (np.float32, (1e6, 4e6)),
    ],
)
def test_the_numbers_of_32_bits_are_scaled_alike_in_all_images(tmp_path: Path, kind: type, tops: tuple[float, float]):
    for name, top in zip(("dark", "light"), tops, strict=True):
        for n in range(30):
            path = tmp_path / name / f"{n:02}.tiff"
            if kind is np.uint32:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(tiff_of_unsigned(ramp(np.int64, top)))
            else:
                write(path, ramp(kind, top))
    data = ImageFolder(**options(tmp_path))
    for part in data.parts.values():
        brightest = part.images.flatten(1).amax(1)
        assert brightest[part.y == 1].tolist() == [255] * int((part.y == 1).sum())
        assert all(abs(int(level) - 64) <= 1 for level in brightest[part.y == 0])


def test_an_image_is_upright_as_the_camera_was_held(tmp_path: Path):
    picture = Image.new("L", (SIZE, SIZE))
    picture.paste(255, (0, 0, SIZE, SIZE // 2))  # a bright sky
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    for number, turned in turns.items():
        exif = Image.Exif()
        exif[0x0112] = number
        path = write(tmp_path / f"{number}.png", picture.transpose(turned), exif=exif)
        assert np.array_equal(decode(path, SIZE, grey=True)[..., 0], np.asarray(picture))


def test_what_is_transparent_is_white_whatever_its_hidden_colour(tmp_path: Path):
    drawn = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    drawn.paste((0, 0, 0, 255), (0, 0, 4, SIZE))
    palette = Image.new("P", (SIZE, SIZE), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(0, (0, 0, 4, SIZE))
    for path in (
        write(tmp_path / "rgba.png", drawn),
        write(tmp_path / "la.png", drawn.convert("LA")),
        write(tmp_path / "palette.png", palette, transparency=1),
        write(tmp_path / "palette.gif", palette, transparency=1),
    ):
        assert decode(path, SIZE)[0, :, 0].tolist() == [0] * 4 + [255] * 4, path


def test_every_usual_mode_and_an_animation_are_read(tmp_path: Path):
    red = Image.new("RGB", (SIZE, SIZE), (250, 0, 0))
    blue = Image.new("RGB", (SIZE, SIZE), (0, 0, 250))
    for path in (
        write(tmp_path / "cmyk.jpg", red.convert("CMYK")),
        write(tmp_path / "palette.bmp", red.convert("P")),
        write(tmp_path / "two.gif", red, save_all=True, append_images=[blue]),
        write(tmp_path / "two.tiff", red, save_all=True, append_images=[blue]),
    ):
        pixel = decode(path, SIZE)[3, 3]
        assert pixel[0] > 190, path
        assert pixel[2] < 40, path
    assert decode(write(tmp_path / "one.png", Image.new("1", (SIZE, SIZE), 1)), SIZE).min() == 255


def test_copies_of_tools_are_no_classes_and_are_said(classes: Path, caplog: pytest.LogCaptureFixture):
    for n in range(30):
        write(classes / ".ipynb_checkpoints" / f"{n}-checkpoint.png", grey(n))
        write(classes / "__MACOSX" / "dark" / f"{n}.png", grey(n))
        write(classes / "dark" / ".thumbnails" / f"{n}.png", grey(n))
        (classes / "dark" / f"._{n:02}.png").write_bytes(b"\0\5\26\7")
    (classes / "light" / "Thumbs.db").write_bytes(b"x")
    (classes / ".DS_Store").write_bytes(b"x")
    data = ImageFolder(**options(classes))
    assert data.names == ("dark", "light")
    assert sum(counts(data).values()) == 60
    assert "120 images hidden or copied by the system" in caplog.text
    assert ".ipynb_checkpoints/0-checkpoint.png" in caplog.text
    assert "impossible to read" not in caplog.text


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    root = tmp_path / "divided"
    for part, count in (("train", 12), ("valid", 4), ("test", 5)):
        for n in range(count):
            write(root / part / "dark" / f"{n}.png", grey(n))
            write(root / part / "light" / f"{n}.png", grey(200 + n))
    return root


def test_a_folder_valid_validates_and_other_classes_are_said(divided: Path, caplog: pytest.LogCaptureFixture):
    write(divided / "test" / "zebra" / "1.png", grey(9))
    write(divided / "train" / "stray.png", grey(9))
    write(divided / "unlabelled" / "more" / "1.png", grey(9))
    (divided / "train" / "nothing").mkdir()
    data = ImageFolder(**options(divided))
    assert counts(data) == {"train": 24, "val": 8, "test": 10}
    for said in (
        "1 image of classes without a training image",
        "test/zebra/1.png",
        "1 image outside of a class's folder",
        "train/stray.png",
        "1 image outside of test, train, valid",
        "unlabelled/more/1.png",
        "1 folder without images",
        "train/nothing",
    ):
        assert said in caplog.text


def test_of_two_folders_for_a_part_one_is_said_to_be_left_out(divided: Path, caplog: pytest.LogCaptureFixture):
    write(divided / "val" / "dark" / "1.png", grey(1))
    write(divided / "val" / "light" / "1.png", grey(201))
    assert counts(ImageFolder(**options(divided)))["val"] == 2
    assert "valid/dark/0.png" in caplog.text


def test_a_class_may_be_called_train(classes: Path):
    (classes / "dark").rename(classes / "train")
    assert ImageFolder(**options(classes)).names == ("light", "train")


def test_what_only_looks_like_parts_is_refused_in_one_line(tmp_path: Path, divided: Path):
    write(tmp_path / "flat" / "train" / "1.png", grey(1))
    write(tmp_path / "flat" / "test" / "1.png", grey(1))
    with pytest.raises(UserError, match=r"flat.test has images, but not in one folder per class; exp.*train/CLASS"):
        ImageFolder(**options(tmp_path / "flat"))
    (divided / "train").rename(divided / "learn")
    with pytest.raises(UserError, match=r"but none to train on: put the training classes into .*train"):
        ImageFolder(**options(divided))


def test_a_folder_within_a_folder_is_told_by_its_path(classes: Path, tmp_path: Path):
    write(tmp_path / "__MACOSX" / "pictures" / "dark" / "1.png", grey(1))
    with pytest.raises(UserError, match=rf"only the class pictures; .*give --data\.path {classes}"):
        ImageFolder(**options(tmp_path))


def png_of(width: int, height: int) -> bytes:
    """The header of a PNG of that size, and nothing behind it."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [(png_of(20_000, 20_000), "400000000 pixels"), (png_of(8, 8)[:40], ""), (b"", "cannot identify"), (b"GIF89a", "")],
)
def test_one_bad_image_is_named_and_ends_nothing(
    classes: Path, caplog: pytest.LogCaptureFixture, content: bytes, why: str
):
    (classes / "dark" / "bad.PNG").write_bytes(content)
    assert sum(counts(ImageFolder(**options(classes))).values()) == 60
    (said,) = [record.getMessage() for record in caplog.records]
    assert "\n" not in said
    assert "1 image impossible to read" in said
    assert "dark/bad.PNG" in said
    assert why in said


def test_links_upper_case_and_other_scripts_are_read(classes: Path, tmp_path: Path):
    write(tmp_path / "elsewhere" / "deep" / "a.PNG", grey(100))
    os.symlink(tmp_path / "elsewhere", classes / "dark" / "linked")
    os.symlink(classes, classes / "dark" / "loop")
    os.symlink(tmp_path / "nowhere.png", classes / "dark" / "dangling.png")
    for n in range(20):
        write(classes / "кошка" / f"猫{n}.JPG", grey(90), format="JPEG")
    data = ImageFolder(**options(classes))
    assert data.names == ("dark", "light", "кошка")
    levels = torch.cat([part.images[part.y == 0][:, 0, 0, 0] for part in data.parts.values()]).tolist()
    assert 100 in levels


def test_an_accent_is_one_class_however_it_is_written(tmp_path: Path):
    for n in range(12):
        write(tmp_path / "train" / "caf\u00e9" / f"{n}.png", grey(n))
        write(tmp_path / "train" / "bar" / f"{n}.png", grey(n))
        write(tmp_path / "test" / "cafe\u0301" / f"{n}.png", grey(n))
        write(tmp_path / "test" / "bar" / f"{n}.png", grey(n))
    assert counts(ImageFolder(**options(tmp_path, validation=0.3)))["test"] == 24


def test_the_recipe_for_a_folder_keeps_the_contract(classes: Path):
    small = {"data.path": str(classes), "data.size": SIZE, "data.batch_size": 4, "model.width": 2, "model.stages": 1}
    check_recipe("image-folder", small)


def test_the_recipe_for_a_folder_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "image-folder"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.endswith("needs --data.path: a folder with one folder of images per class")
    assert "\n" not in said
    assert list(tmp_path.iterdir()) == []
