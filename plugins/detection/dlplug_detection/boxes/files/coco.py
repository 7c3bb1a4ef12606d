"""The layout of COCO: one JSON file of images, categories and annotations, beside a folder of images."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from dlplug import UserError
from dlplug_detection.boxes.files.annotations import Annotation, LeftOut, Object


def read_coco(path: Path, left_out: LeftOut) -> list[Annotation]:
    """The annotation of each image, also of those without objects. A box is x, y, width, height from 0. Raises
    UserError for a file that is no such JSON."""
    try:
        content = json.loads(path.read_bytes())
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        boxes = defaultdict(list)
        for one in content["annotations"]:
            boxes[one["image_id"]].append(one)
        annotations = [annotation(image, boxes.pop(image["id"], []), names, left_out) for image in content["images"]]
        for number in boxes:
            left_out("boxes left out, whose image is not in the file", str(number))
        return annotations
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no JSON file, or is truncated: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not in COCO's layout, images, categories and annotations: {error!r}") from None


def annotation(image: dict[str, Any], boxes: list[Any], names: dict[Any, str], left_out: LeftOut) -> Annotation:
    objects = []
    for one in boxes:
        if one["category_id"] not in names:
            left_out(
                "boxes left out, whose category is not in the file", f"{one['category_id']} of {image['file_name']}"
            )
            continue
        x, y, width, height = map(float, one["bbox"])
        box = x, y, x + width, y + height
        objects.append(Object(box, names[one["category_id"]], crowd=bool(one.get("iscrowd", 0))))
    width, height = image.get("width"), image.get("height")
    return Annotation(str(image["file_name"]), (width, height) if width and height else None, objects)
