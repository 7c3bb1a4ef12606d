"""Pictures of detectors' work, and anybody's pictures and films annotated."""

import csv
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from dlplug_detection.annotate.inputs import annotated
from dlplug_detection.annotate.seeing import enlarged, network_input, scaled_back
from dlplug_detection.annotate.watching import folded, watched
from dlplug_detection.boxes.batches import Detections, HeldOut, Targets
from dlplug_detection.boxes.fitting import fitted
from dlplug_detection.layers import conv_norm_relu
from dlplug_detection.measures.mistakes import mistakes_of
from dlplug_detection.pictures.detections import detections
from dlplug_detection.pictures.drawing import colour_of, with_detections
from dlplug_detection.pictures.mistakes import mistakes
from dlplug_detection.segmentation.batches import HeldOutMaps
from dlplug_detection.segmentation.pictures import masks
from PIL import Image
from torch import nn

from dlplug import UserError
from dlplug.testing import check_sampler

TINY = {
    "data.height": 48,
    "data.width": 48,
    "data.sizes": (12, 20),
    "data.objects": (1, 2),
    "data.batch_size": 2,
    "data.validation": 4,
    "data.test": 4,
}


class Bright(nn.Linear):
    """Finds the box of all bright pixels, which is of class 1; and the class of each pixel, 1 where it is bright."""

    def __init__(self):
        super().__init__(1, 1)

    def detect(self, images):
        found = []
        for image in images:
            points = (image.mean(0) > 0.5).nonzero().flip(1).float()
            box = (
                torch.cat([points.min(0).values, points.max(0).values + 1])[None] if len(points) else torch.empty(0, 4)
            )
            found.append(Detections(box, torch.ones(len(box)), torch.ones(len(box), dtype=torch.long)))
        return found

    def segment(self, images):
        return (images.mean(1) > 0.5).long()


def targets_of(boxes, labels, **flags):
    labels = torch.tensor(labels)
    none = {name: torch.zeros_like(labels, dtype=torch.bool) for name in ("difficult", "crowd")}
    return Targets(torch.tensor(boxes).float(), labels, (labels >= 0).sum(1), **(none | flags))


def data_of(channels=3, height=24, width=32):
    images = torch.zeros(1, height, width, channels, dtype=torch.uint8)
    return HeldOut(images, targets_of([[[0, 0, 8, 8]]], [[0]]), ("cat", "cell"))


def scene(height=60, width=101):
    """A bright rectangle at 40 20 70 50."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[20:50, 40:70] = 240
    return pixels


def save_film(path, frames, rate=10):
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=rate, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = (*frames[0].shape[:2], "yuv420p")
        for pixels in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        film.mux(stream.encode())


def test_what_is_found_is_scaled_back_to_the_picture():
    x, scale = network_input(scene(), data_of(channels=1).images, torch.device("cpu"))
    assert x.shape == (1, 1, 19, 32)
    found = scaled_back(Bright().detect(x)[0], 60, 101, scale)
    assert found.boxes[0].tolist() == pytest.approx([40, 20, 70, 50], abs=2 / scale)


def test_maps_are_enlarged_by_the_nearest_pixel():
    small, scale = fitted(np.arange(12, dtype=np.uint8).reshape(3, 4, 1), 3, 4)
    assert scale == 1
    big = enlarged(torch.from_numpy(small[None, ..., 0].copy()), 6, 8, 0.5)
    assert big[0].tolist() == np.arange(12).reshape(3, 4).repeat(2, 0).repeat(2, 1).tolist()


def test_boxes_are_drawn_in_the_colour_of_their_class():
    found = Detections(torch.tensor([[10.0, 20, 30, 40]]), torch.tensor([0.9]), torch.tensor([3]))
    drawn = with_detections(np.zeros((60, 60, 1), np.uint8), found, ("a", "b", "c", "d"))
    assert drawn[30, 10].tolist() == drawn[39, 20].tolist() == list(colour_of(3))
    assert not drawn[30, 20].any()


def test_pictures_and_films_of_a_folder_are_annotated_at_their_own_size(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(scene()).save(folder / "one.png")
    save_film(folder / "two.mp4", [scene(60, 102)] * 5)
    (folder / "notes.txt").write_text("nothing")
    media = detections(Bright(), data_of(), input=str(folder), seed=0)
    assert list(media) == ["one", "two"]
    for name, one in media.items():
        one.save(tmp_path / f"{name}{one.suffix}")
    picture = np.asarray(Image.open(media["one"].path))
    assert picture.shape == (60, 101, 3)
    assert (picture == colour_of(1)).all(2).any()
    with av.open(media["two"].path) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert len(frames) == 5
    assert frames[0].shape == (60, 102, 3)
    assert (abs(frames[4].astype(int) - colour_of(1)).max(2) < 60).any()


def test_a_table_has_the_boxes_of_pictures_and_of_every_frame(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "one.png")
    save_film(tmp_path / "two.mp4", [scene(60, 102)] * 3)
    table = detections(Bright(), data_of(channels=1), input=str(tmp_path), draw=False, seed=0)["boxes"]
    table.save(tmp_path / "boxes.csv")
    rows = list(csv.reader(table.path.open()))
    assert rows[0] == ["file", "seconds", "class", "score", "x1", "y1", "x2", "y2"]
    assert [row[:4] for row in rows[1:]] == [
        ["one.png", "0.000", "cell", "1.0"],
        *(["two.mp4", f"{n / 10:.3f}", "cell", "1.0"] for n in range(3)),
    ]
    for row in rows[1:]:
        assert [float(edge) for edge in row[4:]] == pytest.approx([40, 20, 70, 50], abs=7)


class Lying:
    """A frame of a film that is to be turned by 90 degrees, as telephones store them."""

    rotation, time = 90, 0.5

    def __init__(self, pixels):
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]

    def to_ndarray(self, *, width, height, **_):
        return np.asarray(Image.fromarray(self.pixels).resize((width, height), Image.Resampling.BOX))


def test_a_film_that_lies_on_its_side_is_turned(monkeypatch):
    frame = Lying(np.rot90(scene(), -1))
    assert np.array_equal(np.rot90(frame.pixels), scene())
    monkeypatch.setattr("dlplug_detection.annotate.watching.decoded", lambda source: iter([frame]))
    ((seconds, found),) = watched(Path("film.mp4"), Bright(), data_of().images)
    assert seconds == 0.5
    assert found.boxes[0].tolist() == pytest.approx([40, 20, 70, 50], abs=7)


def test_batch_normalisation_is_folded_into_convolutions():
    model = nn.Sequential(conv_norm_relu(3, 8), conv_norm_relu(8, 4, stride=2))
    for _ in range(3):
        model(torch.rand(4, 3, 16, 16) * 3)
    quick, x = folded(model), torch.rand(2, 3, 16, 16)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in quick.modules())
    with torch.no_grad():
        torch.testing.assert_close(quick(x), model.eval()(x), atol=1e-5, rtol=1e-4)


def test_class_colours_are_laid_over_pictures_of_ones_own(tmp_path):
    Image.fromarray(scene()).save(tmp_path / "one.png")
    data = HeldOutMaps(torch.zeros(1, 24, 32, 1, dtype=torch.uint8), torch.zeros(1, 24, 32), ("nothing", "cell"), True)
    media = masks(Bright(), data, input=str(tmp_path / "one.png"))["one"]
    media.save(tmp_path / "out.png")
    changed = (np.asarray(Image.open(media.path)) != scene()).any(2)
    assert changed[25:45, 45:65].all()
    assert not changed[:, :36].any()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("film.mp4", b"no film at all", "cannot be decoded as a film"),
        ("picture.png", b"no picture", "is no picture that can be read"),
    ],
)
def test_what_cannot_be_decoded_is_named_and_leaves_nothing(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    (medium,) = annotated(str(tmp_path / name), lambda pixels: pixels).values()
    with pytest.raises(UserError, match=message):
        medium.save(tmp_path / f"out{medium.suffix}")
    assert not (tmp_path / f"out{medium.suffix}").exists()


def test_a_film_that_breaks_off_is_named_and_leaves_nothing(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), dtype=np.uint8)
    save_film(tmp_path / "film.mkv", list(noise))
    content = bytearray((tmp_path / "film.mkv").read_bytes())
    content[len(content) // 3 :] = b"\0" * (len(content) - len(content) // 3)
    (tmp_path / "film.avi").write_bytes(content[: len(content) // 100])
    (medium,) = annotated(str(tmp_path / "film.avi"), lambda pixels: pixels).values()
    with pytest.raises(UserError, match=r"film\.avi"):
        medium.save(tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_an_empty_folder_and_a_path_that_is_none_are_refused(tmp_path):
    with pytest.raises(UserError, match="has no picture or film"):
        annotated(str(tmp_path), lambda pixels: pixels)
    with pytest.raises(UserError, match="neither a file nor a folder"):
        annotated(str(tmp_path / "absent"), lambda pixels: pixels)


def test_mistakes_are_told_apart():
    targets = targets_of([[[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [60, 0, 70, 10]]], [[0, 0, 1, 0]])
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [25, 0, 35, 10], [40, 0, 50, 10], [80, 0, 90, 10]]
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.95])
    found = Detections(torch.tensor(boxes).float(), scores, torch.tensor([0, 0, 0, 0, 0]))
    kinds = {one.kind: one.weight for one in mistakes_of([found], targets, 0.5) if one.kind != "missed"}
    expected = {"false": 0.95, "found twice": 0.8, "badly placed": 0.7, "wrong class": 0.6}
    assert kinds == pytest.approx(expected)
    missed = [one.box for one in mistakes_of([found], targets, 0.5) if one.kind == "missed"]
    assert sorted(missed) == [(20, 0, 30, 10), (60, 0, 70, 10)]


def test_what_is_found_at_a_difficult_object_or_in_a_crowd_is_no_mistake():
    boxes, labels = [[[0, 0, 10, 10], [20, 0, 60, 40]]], [[0, 0]]
    flags = {"difficult": torch.tensor([[True, False]]), "crowd": torch.tensor([[False, True]])}
    found = Detections(torch.tensor([[0.0, 0, 10, 10], [25, 5, 30, 10]]), torch.ones(2), torch.zeros(2).long())
    assert mistakes_of([found], targets_of(boxes, labels, **flags), 0.5) == []


def test_mistakes_have_a_figure_and_numbers_even_without_objects_or_detections():
    data = data_of()
    values = mistakes(Bright(), data, count=2)
    assert values["missed"] == 1
    assert values["mistakes"].pixels.ndim == 3
    empty = data._replace(targets=targets_of([[[0, 0, 0, 0]]], [[-1]]))
    assert mistakes(Bright(), empty, count=2)["missed"] == 0


def test_the_sampler_fits_a_detector_s_run():
    check_sampler("canvas-yolo", "detections", TINY)
