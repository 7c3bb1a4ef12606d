"""Images with boxes from files: the layouts of VOC and COCO, what is wrong in them, and augmentation."""

import json
import logging
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from dlplug_detection.boxes.files.annotations import LeftOut
from dlplug_detection.boxes.files.bccd import files, unpacked
from dlplug_detection.boxes.files.sets import CocoFile, Reading, VocFolder
from dlplug_detection.boxes.files.voc import read_voc, voc_splits
from dlplug_detection.boxes.photographs import Augmentation
from PIL import Image
from torch import nn

from dlplug import UserError
from dlplug.testing import check_data

SMALL = Reading(height=30, width=40)
PLAIN = Augmentation(batch_size=4, flip=False)
EVERYTHING = Augmentation(batch_size=4, flip_vertical=True, crop=0.7, zoom_out=1.5, colour=0.3)


def save_image(path, width=80, height=60, value=40):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path)


def save_xml(path, *objects, size=(80, 60)):
    def element(name, box, difficult=0):
        edges = "".join(f"<{edge}>{v}</{edge}>" for edge, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{edges}</bndbox></object>"

    path.parent.mkdir(parents=True, exist_ok=True)
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    path.write_text(f"<annotation>{stated}{''.join(element(*one) for one in objects)}</annotation>")


def voc(root, splits=True):
    """Twelve images of 80x60, each with a cell at 1 1 20 20 and, in those of odd numbers, a difficult dog."""
    for n in range(12):
        save_image(root / f"JPEGImages/{n:02d}.png", value=20 * n)
        dog = [("dog", (21, 11, 60, 50), 1)] * (n % 2)
        save_xml(root / f"Annotations/{n:02d}.xml", ("cell", (1, 1, 20, 20)), *dog)
    if splits:
        lists = {"train": range(8), "val": (8, 9), "test": (10, 11), "trainval": range(10)}
        for split, numbers in lists.items():
            path = root / f"ImageSets/Main/{split}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{n:02d}\n" for n in numbers))
    return root


def coco(root, **changes):
    save_image(root / "a.png")
    content = {
        "images": [{"id": 5, "file_name": "a.png", "width": 80, "height": 60}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "cell"}],
        "annotations": [
            {"image_id": 5, "category_id": 7, "bbox": [10, 10, 20.0, 30], "iscrowd": 0},
            {"image_id": 5, "category_id": 3, "bbox": [0, 0, 80, 60], "iscrowd": 1},
        ],
    }
    path = root / "boxes.json"
    path.write_text(json.dumps(content | changes))
    return str(path)


def test_voc_s_pixels_count_from_one(tmp_path):
    data = VocFolder(path=str(voc(tmp_path)), reading=SMALL, augmentation=PLAIN, seed=0)
    assert [len(data.parts[split].images) for split in ("train", "val", "test")] == [8, 2, 2]
    assert data.names == ("cell", "dog")
    images, targets, _ = data.split("val")
    assert images.shape == (2, 30, 40, 3)
    assert targets.boxes[1].tolist() == [[0, 0, 10, 10], [10, 5, 30, 25]]
    assert targets.difficult.tolist() == [[False, False], [False, True]]
    batch = next(data.batches(nn.Linear(1, 1)))
    assert batch.counts.tolist() == [1] * 4  # difficult objects are not trained on
    assert batch.boxes.shape == (4, 1, 4)
    assert data.spec.sizes.tolist() == [[10, 10]] * 8


def test_without_lists_images_are_split_by_the_hash_of_their_names(tmp_path):
    root = voc(tmp_path, splits=False)
    halves = Reading(height=30, width=40, validation=0.3, test=0.3)
    parts = VocFolder(path=str(root), reading=halves, augmentation=Augmentation(batch_size=1), seed=0).parts
    again = VocFolder(path=str(root), reading=halves, augmentation=Augmentation(batch_size=1), seed=9).parts
    assert sum(len(part.images) for part in parts.values()) == 12
    assert all(torch.equal(parts[split].images, again[split].images) for split in parts)


def test_what_is_wrong_with_a_voc_folder_is_said_in_a_line_each(tmp_path, caplog):
    root = voc(tmp_path)
    save_xml(root / "Annotations/00.xml")  # no object: fine
    save_xml(root / "Annotations/01.xml", ("cell", (5, 5, 5, 9)), ("cell", (90, 5, 95, 9)), ("cell", (-9, 1, 200, 20)))
    (root / "Annotations/02.xml").write_text("<annotation><object>")
    save_xml(root / "Annotations/03.xml", ("cell", (1, 1, 20, 20)), size=(60, 80))
    (root / "JPEGImages/04.png").unlink()
    (root / "JPEGImages/05.png").write_bytes(b"no image")
    save_xml(root / "Annotations/08.xml", ("whale", (1, 1, 20, 20)))
    save_image(root / "JPEGImages/99.png")
    with caplog.at_level(logging.WARNING):
        data = VocFolder(path=str(root), reading=SMALL, augmentation=Augmentation(batch_size=4, flip=False), seed=0)
    lines = [record.getMessage() for record in caplog.records]
    for part in (
        "1 boxes left out, which have no area: cell of JPEGImages/01.png at 5 5 5 9",
        "1 boxes left out, which lie outside their image: cell of JPEGImages/01.png at 89 4 95 9",
        "1 boxes clipped, which reach beyond their image: cell of JPEGImages/01.png at -10 0 200 20",
        "1 annotations left out, which cannot be read: 02.xml",
        "1 images left out, of another size than annotated: JPEGImages/03.png (80x60, not 60x80)",
        "1 images left out, whose file is missing: JPEGImages/04",
        "1 images left out, which cannot be read: JPEGImages/05.png",
        "1 boxes left out, of a class that is none of cell, dog: whale of JPEGImages/08.png",
        "1 images left out, which have no annotation: 99",
        "1 images of ImageSets left out, which have no annotation: 02",
    ):
        assert sum(part in line for line in lines) == 1, part
    images, targets = data.parts["train"]
    assert len(images) == 4
    assert targets.counts.tolist() == [0, 1, 1, 2]
    assert targets.boxes[1, 0].tolist() == [0, 0, 40, 10]
    assert 0 in next(data.batches(nn.Linear(1, 1))).counts


@pytest.mark.parametrize("missing", ["JPEGImages", "Annotations"])
def test_a_folder_of_another_layout_is_refused(tmp_path, missing):
    (voc(tmp_path, splits=False) / missing).rename(tmp_path / "other")
    with pytest.raises(UserError, match=f"no folder {missing}"):
        VocFolder(path=str(tmp_path), seed=0)


def test_classes_may_be_chosen_and_must_be_there(tmp_path):
    root = str(voc(tmp_path))
    data = VocFolder(path=root, reading=Reading(30, 40, classes=("dog",)), augmentation=PLAIN, seed=0)
    assert data.split("test").targets.labels.tolist() == [[-1], [0]]
    with pytest.raises(UserError, match="no box is a 'cow'; there are cell, dog"):
        VocFolder(path=root, reading=Reading(classes=("cow",)), seed=0)


def coco_data(path):
    return CocoFile(path=path, val_path=path, test_path=path, reading=SMALL, augmentation=Augmentation(1), seed=0)


def test_a_coco_file_with_gaps_between_its_categories_and_a_crowd(tmp_path):
    data = coco_data(coco(tmp_path))
    assert data.names == ("cat", "cell")
    _, targets, _ = data.split("val")
    assert targets.boxes.tolist() == [[[5, 5, 15, 20], [0, 0, 40, 30]]]
    assert targets.labels.tolist() == [[0, 1]]
    assert targets.crowd.tolist() == [[False, True]]
    assert next(data.batches(nn.Linear(1, 1))).labels.tolist() == [[0]]


def test_a_category_that_a_coco_file_lacks_is_named(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        coco_data(coco(tmp_path, categories=[{"id": 7, "name": "cat"}]))
    assert "3 boxes left out, whose category is not in the file: 3 of a.png" in caplog.text


def test_boxes_of_an_image_that_a_coco_file_lacks_are_named(tmp_path, caplog):
    path = Path(coco(tmp_path))
    content = json.loads(path.read_text())
    content["annotations"].append({"image_id": 99, "category_id": 7, "bbox": [0, 0, 5, 5]})
    path.write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING):
        coco_data(str(path))
    assert "boxes left out, whose image is not in the file: 99" in caplog.text


def test_broken_json_is_refused(tmp_path):
    path = coco(tmp_path)
    with pytest.raises(UserError, match="not in COCO's layout"):
        coco_data(coco(tmp_path, annotations=[{"image_id": 5}]))
    Path(path).write_text('{"images": [')
    with pytest.raises(UserError, match="is no JSON file, or is truncated"):
        coco_data(path)
    with pytest.raises(UserError, match="cannot read"):
        coco_data(path + "x")


def test_images_without_a_file_at_all_are_an_error(tmp_path):
    path = coco(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match="none of the annotated images can be read"):
        coco_data(path)


def test_augmented_batches_resume_and_leave_the_random_state_alone(tmp_path):
    data = VocFolder(path=str(voc(tmp_path)), reading=SMALL, augmentation=EVERYTHING, seed=3)
    model = nn.Linear(1, 1)
    check_data(data, model)
    before = torch.random.get_rng_state()
    next(data.batches(model))
    assert torch.equal(before, torch.random.get_rng_state())


def test_boxes_move_with_their_pixels(tmp_path):
    root = voc(tmp_path)
    for n in range(8):
        picture = np.full((60, 80, 3), 250, np.uint8)
        picture[10:40, 20:50] = 0
        Image.fromarray(picture).save(root / f"JPEGImages/{n:02d}.png")
        save_xml(root / f"Annotations/{n:02d}.xml", ("cell", (21, 11, 50, 40)))
    plain = Augmentation(batch_size=8, flip_vertical=True, crop=0.5, zoom_out=1.6)
    data = VocFolder(path=str(root), reading=Reading(60, 80), augmentation=plain, seed=3)
    batch = next(data.batches(nn.Linear(1, 1)))
    assert len(batch.boxes.unique(dim=0)) > 4
    for image, boxes in zip(batch.images, batch.boxes, strict=True):
        dark = (image.mean(0) < 0.4).nonzero()
        top, left, bottom, right = (*dark.min(0).values.tolist(), *(dark.max(0).values + 1).tolist())
        assert boxes[0].tolist() == pytest.approx([left, top, right, bottom], abs=2)


def test_a_damaged_archive_is_refused(tmp_path):
    with pytest.raises(UserError, match="truncated or damaged"):
        unpacked(b"\x1f\x8b no archive", tmp_path / "BCCD.tar.gz")


@pytest.mark.skipif(
    not Path(os.environ.get("DLPLUG_DATA", ""), "bccd/BCCD.tar.gz").is_file(), reason="BCCD is not in $DLPLUG_DATA"
)
def test_bccd_has_its_splits_and_counts():
    left_out = LeftOut()
    parts = voc_splits(*read_voc(files(), left_out), {}, left_out)
    counts = {split: Counter(one.name for each in part for one in each.objects) for split, part in parts.items()}
    assert counts["train"] == {"RBC": 2382, "WBC": 214, "Platelets": 209}  # one RBC of no area
    assert counts["val"] == {"RBC": 968, "WBC": 87, "Platelets": 83}  # another
    assert counts["test"] == {"RBC": 805, "WBC": 71, "Platelets": 69}
    assert {split: len(part) for split, part in parts.items()} == {"train": 205, "val": 87, "test": 72}
