"""Sets are read whole and as they are, and what is wrong with a file is one line that names it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import tarfile
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from dlplug_images.images import Augmentation
from dlplug_images.sets.cifar10_jpeg import CIFAR10Jpeg
from dlplug_images.sets.digits import Digits
from dlplug_images.sets.mnist_cifar import CIFAR10, MNIST, FashionMNIST
from PIL import Image
from torch import nn

from dlplug import UserError, testing
from dlplug.downloads import data_folder

REAL = data_folder() / "FashionMNIST" / "raw"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*arguments: object, **options: object) -> None:
        raise URLError("no network here")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", unreachable)
    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", unreachable)


def test_mnist_is_read_from_its_four_files(tiny_mnist: Path):
    data = MNIST(validation=50, seed=0)
    assert [len(part.y) for part in data.parts.values()] == [250, 50, 60]
    assert data.spec.input == (1, 28, 28)
    assert data.names == tuple("0123456789")
    # the test set byte for byte, by the format's own description
    raw = (tiny_mnist / "t10k-images-idx3-ubyte").read_bytes()
    assert data.split("test").images.numpy().tobytes() == raw[16:]
    assert data.split("test").y.tolist() == [n % 10 for n in range(60)]
    testing.check_data(data, nn.Linear(1, 1))


def test_packed_files_are_read_where_nothing_can_be_written(tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch):
    from torchvision import datasets

    plain = MNIST(validation=50, seed=0)
    resources = []
    for path in sorted(tiny_mnist.iterdir()):
        with gzip.open(tiny_mnist / f"{path.name}.gz", "wb") as file:
            file.write(path.read_bytes())
        path.unlink()
        digest = hashlib.md5((tiny_mnist / f"{path.name}.gz").read_bytes()).hexdigest()
        resources.append((f"{path.name}.gz", digest))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    before = sorted(tiny_mnist.iterdir())
    packed = MNIST(validation=50, seed=0)
    assert sorted(tiny_mnist.iterdir()) == before
    for name, part in plain.parts.items():
        assert torch.equal(part.images, packed.parts[name].images)
        assert torch.equal(part.y, packed.parts[name].y)


@pytest.mark.parametrize("keep", [100_000, 10, 2])
def test_a_truncated_idx_file_is_named(tiny_mnist: Path, keep: int):
    path = tiny_mnist / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=rf"train-images-idx3-ubyte is .*truncated: {keep} bytes"):
        MNIST(validation=50, seed=0)


def test_a_missing_file_offline_says_which_where_and_what_needs_none(tiny_mnist: Path, offline: None):
    (tiny_mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(UserError) as error:
        MNIST(seed=0)
    said = str(error.value)
    assert "\n" not in said
    assert "train-images-idx3-ubyte.gz is missing" in said  # the first that is wanted as it is distributed
    for told in (str(tiny_mnist), "http", "no network here", "DLPLUG_DATA", "digits needs no download"):
        assert told in said


def test_a_failed_download_leaves_no_empty_folders(tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "sets"))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is missing"):
        FashionMNIST(seed=0)
    assert not (tmp_path / "sets" / "FashionMNIST").exists()


def test_a_damaged_archive_offline_is_told_apart_from_a_missing_one(tiny_mnist: Path, offline: None):
    for path in tiny_mnist.iterdir():
        path.rename(path.with_name(path.name + ".gz"))
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz is truncated or damaged in .*raw"):
        MNIST(seed=0)


@pytest.fixture
def tiny_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's python files with 10 images each; torchvision's sums are replaced by theirs."""
    from torchvision import datasets

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    random = np.random.default_rng(0)
    sums = {}
    for name, *_ in [*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list]:
        content = {"data": random.integers(0, 256, (10, 3072), dtype=np.uint8), "labels": list(range(10))}
        sums[name] = write_pickle(folder / name, content)
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    meta = write_pickle(folder / "batches.meta", {"label_names": names})
    for which in ("train_list", "test_list"):
        monkeypatch.setattr(datasets.CIFAR10, which, [[n, sums[n]] for n, _ in getattr(datasets.CIFAR10, which)])
    monkeypatch.setattr(datasets.CIFAR10, "meta", {**datasets.CIFAR10.meta, "md5": meta})
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    return folder


def write_pickle(path: Path, content: dict) -> str:
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_cifar_has_its_colours_in_place(tiny_cifar: Path):
    data = CIFAR10(validation=10, augmentation=Augmentation(batch_size=8), seed=0)
    assert [len(part.y) for part in data.parts.values()] == [40, 10, 10]
    assert data.names[0] == "airplane"
    with open(tiny_cifar / "test_batch", "rb") as file:
        row = pickle.load(file)["data"][3]
    for channel in range(3):
        for i in (0, 5, 31):
            # 1024 reds, then greens, then blues, row by row
            assert data.split("test").images[3, i, 7, channel] == row[1024 * channel + 32 * i + 7]


def test_a_truncated_cifar_batch_is_named(tiny_cifar: Path, offline: None):
    path = tiny_cifar / "data_batch_3"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"data_batch_3 is truncated or damaged in .*cifar-10-batches-py.*http"):
        CIFAR10(seed=0)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cifar10_jpeg" / "cifar10_jpeg_q75.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as files:
        for part, count in (("train", 8), ("test", 3)):
            for name, colour in (("cat", (250, 0, 0)), ("bird", (0, 0, 250))):
                for n in range(count):
                    content = io.BytesIO()
                    Image.new("RGB", (32, 32), colour).save(content, "JPEG")
                    member = tarfile.TarInfo(f"cifar10_jpeg/{part}/{name}/{n:04}.jpg")
                    member.size = len(content.getvalue())
                    files.addfile(member, io.BytesIO(content.getvalue()))
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    return path


def test_the_lossy_copy_is_read_from_its_archive_and_says_what_it_is(archive: Path):
    data = CIFAR10Jpeg(validation=4, augmentation=Augmentation(batch_size=4), seed=0)
    assert data.names == ("bird", "cat")
    assert [len(part.y) for part in data.parts.values()] == [12, 4, 6]
    assert all((image[0, 0, 0] > 200) == (y == 1) for image, y in zip(*data.parts["train"], strict=True))
    assert "not comparable" in data.protocol
    archive.write_bytes(archive.read_bytes()[:-300])
    with pytest.raises(UserError, match=r"q75\.tar\.gz is truncated or damaged"):
        CIFAR10Jpeg(validation=4, seed=0)
    archive.unlink()
    with pytest.raises(UserError, match=r"is missing in .*cifar10_jpeg.*github\.com.*digits"):
        CIFAR10Jpeg(validation=4, seed=0)


def test_digits_are_split_without_overlap_and_alike_for_every_seed():
    one, other = Digits(seed=0), Digits(seed=1)
    assert [len(part.y) for part in one.parts.values()] == [1078, 359, 360]
    rows = [tuple(image.flatten().tolist()) for part in one.parts.values() for image in part.images]
    assert len(set(rows)) == 1797
    assert all(torch.equal(one.parts[name].images, other.parts[name].images) for name in one.parts)
    model = nn.Linear(1, 1)
    assert not torch.equal(next(one.batches(model)).x, next(other.batches(model)).x)


@pytest.mark.skipif(not list(REAL.glob("train-images*")), reason=f"no Fashion-MNIST in {REAL} (DLPLUG_DATA)")
def test_the_real_fashion_mnist_is_what_its_authors_say():
    before = sorted(os.listdir(REAL))
    data = FashionMNIST(seed=0)
    assert sorted(os.listdir(REAL)) == before
    assert torch.bincount(data.split("test").y).tolist() == [1000] * 10
    assert len(data.parts["train"].y) == 55_000
    assert data.names[9] == "Ankle boot"
    assert data.spec.mean == pytest.approx((0.2860,), abs=1e-3)
    assert data.spec.deviation == pytest.approx((0.3530,), abs=1e-3)
