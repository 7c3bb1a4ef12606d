"""A folder of images is read by its own splits or cut by names, and what is wrong with it is one line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dlplug_images.folders.decoding import decode
from dlplug_images.folders.image_folder import ImageFolder
from dlplug_images.images import Augmentation
from PIL import Image
from torch import nn

from dlplug import UserError, testing


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (12, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for n in range(40):
        picture(root / "red" / f"{n:02}.png", (200, n, 0))
        picture(root / "blue" / f"{n:02}.png", (0, n, 200))
    return root


def options(folder: Path, **more: object) -> dict:
    return {"path": str(folder), "size": 8, "augmentation": Augmentation(batch_size=4), "seed": 0, **more}


def test_a_folder_is_cut_by_its_files_names(folder: Path):
    data = ImageFolder(**options(folder))
    assert data.names == ("blue", "red")
    assert sum(len(part.y) for part in data.parts.values()) == 80
    for part in data.parts.values():
        for image, y in zip(part.images, part.y, strict=True):
            assert bool((image[..., 0] > image[..., 2]).all()) == (data.names[y] == "red")
    before = {tuple(image[0, 0].tolist()) for image in data.parts["test"].images}
    picture(folder / "red" / "99.png", (255, 255, 0))  # another image moves none of the others
    after = {tuple(image[0, 0].tolist()) for image in ImageFolder(**options(folder)).parts["test"].images}
    assert before <= after
    testing.check_data(data, nn.Linear(1, 1))


def test_folders_of_their_own_are_kept_to(folder: Path, tmp_path: Path):
    root = tmp_path / "divided"
    for part, count in (("train", 20), ("val", 3), ("test", 4)):
        for n in range(count):
            picture(root / part / "a" / f"{n}.png", (n, 0, 0))
            picture(root / part / "b" / f"{n}.png", (n, 9, 0))
    data = ImageFolder(**options(root))
    assert {name: len(part.y) for name, part in data.parts.items()} == {"train": 40, "val": 6, "test": 8}


def test_a_training_and_a_test_folder_leave_val_to_the_training_one(tmp_path: Path):
    root = tmp_path / "halved"
    for part, count in (("train", 30), ("test", 4)):
        for n in range(count):
            picture(root / part / "a" / f"{n}.png", (n, 0, 0))
            picture(root / part / "b" / f"{n}.png", (n, 9, 0))
    sizes = {name: len(part.y) for name, part in ImageFolder(**options(root, validation=0.3)).parts.items()}
    assert sizes["test"] == 8
    assert sizes["train"] + sizes["val"] == 60
    assert 8 <= sizes["val"] <= 28


def test_a_broken_image_is_named_and_left_out(folder: Path, caplog: pytest.LogCaptureFixture):
    whole = folder / "red" / "07.png"
    whole.write_bytes(whole.read_bytes()[:40])
    (folder / "blue" / "notes.jpg").write_text("no image")
    data = ImageFolder(**options(folder))
    assert sum(len(part.y) for part in data.parts.values()) == 79
    assert "2 images impossible to read" in caplog.text
    assert "red/07.png" in caplog.text
    assert "blue/notes.jpg" in caplog.text


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([], "no folder with images"),
        (["a/1.png"], "only the class a"),
        (["a/1.png", "b/readme.txt"], "only the class a"),
        (["a/1.png", "b/1.png"], "falls into"),
    ],
)
def test_a_folder_to_learn_nothing_from_is_refused(tmp_path: Path, made: list[str], said: str):
    root = tmp_path / "poor"
    root.mkdir()
    for name in made:
        if name.endswith(".png"):
            picture(root / name, (1, 2, 3))
        else:
            (root / name).parent.mkdir()
            (root / name).write_text("")
    with pytest.raises(UserError, match=said):
        ImageFolder(**options(root))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"path": ""}, r"^--data\.path is empty: give a folder"),
        ({"path": "/nowhere/at/all"}, "/nowhere/at/all is not a folder"),
        ({"test": 0.95}, "positive fractions that sum to less than 1"),
    ],
)
def test_bad_options_of_a_folder_are_one_clear_line(folder: Path, more: dict, said: str):
    with pytest.raises(UserError, match=said):
        ImageFolder(**options(folder, **more))


def test_an_image_is_scaled_by_its_shorter_side_and_cut_to_the_middle(tmp_path: Path):
    stripes = Image.new("RGB", (40, 20))
    stripes.paste((255, 0, 0), (0, 0, 10, 20))
    stripes.paste((0, 0, 255), (30, 0, 40, 20))
    stripes.save(tmp_path / "stripes.png")
    # the middle 20x20, where neither stripe is, halved
    assert decode(tmp_path / "stripes.png", 10)[:, 1:-1].max() == 0
    assert decode(tmp_path / "stripes.png", 10).shape == (10, 10, 3)
    assert decode(tmp_path / "stripes.png", 10, grey=True).shape == (10, 10, 1)
