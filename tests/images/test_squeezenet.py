"""SqueezeNet's weights come out of the authors' file as they went in; its features have one cell for each stride."""

from __future__ import annotations

import hashlib
import struct

import dlplug_images.encoders.squeezenet as module
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dlplug_images.encoders.deep_compression import CODES, Layer, decompressed
from dlplug_images.encoders.squeezenet import MEAN, WEIGHTS, SqueezeNetEncoder, for_rgb, read_weights, squeezenet
from hypothesis import given
from hypothesis import strategies as st
from served import served

from dlplug import UserError
from dlplug.downloads import data_folder

REAL = data_folder() / "squeezenet" / "squeezenet1_0.safetensors"
needs_weights = pytest.mark.skipif(not (data_folder() / WEIGHTS.path).is_file(), reason=f"{WEIGHTS.path} is not here")


def compressed(layers: list[Layer], codebooks: list[np.ndarray]) -> bytes:
    """The slow way: one weight at a time."""
    counts, bodies = [], []
    for (weight, bias), codebook in zip(layers, codebooks, strict=True):
        codes: list[int] = []
        gaps: list[int] = []
        zeros = 0
        for value in weight.ravel():
            if value == 0 and zeros < 15:
                zeros += 1
            else:  # a stored zero ends a long run
                codes.append(0 if value == 0 else int(np.flatnonzero(codebook == value)[0]))
                gaps.append(zeros)
                zeros = 0
        padded = [*gaps, 0]
        pairs = [padded[n] | padded[n + 1] << 4 for n in range(0, len(gaps), 2)]
        counts.append(len(codes))
        bodies.append(codebook.astype("<f4").tobytes() + bias.astype("<f4").tobytes() + bytes(codes) + bytes(pairs))
    return struct.pack(f"<{len(counts)}I", *counts) + b"".join(bodies)


def random_layers(shapes, density: float, seed: int) -> tuple[list[Layer], list[np.ndarray]]:
    random = np.random.default_rng(seed)
    layers, codebooks = [], []
    for shape in shapes:
        codebook = np.concatenate([[0], 1 + random.permutation(CODES - 1)]).astype(np.float32) / 64
        codes = random.integers(1, CODES, shape) * (random.random(shape) < density)
        layers.append(Layer(codebook[codes], random.normal(size=shape[0]).astype(np.float32)))
        codebooks.append(codebook)
    return layers, codebooks


shape = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))


@given(st.lists(shape, min_size=1, max_size=3), st.sampled_from([0.0, 0.02, 0.3, 1.0]), st.integers(0, 99))
def test_a_net_is_decoded_as_it_was_encoded(shapes, density, seed):
    layers, codebooks = random_layers(shapes, density, seed)
    content = compressed(layers, codebooks)
    for found, true in zip(decompressed(content, shapes), layers, strict=True):
        assert np.array_equal(found.weight, true.weight)
        assert np.array_equal(found.bias, true.bias)
    for wrong in (content[:-1], content + b"\0", content[:3], b""):
        with pytest.raises(ValueError, match="bytes, where its"):
            decompressed(wrong, shapes)


def test_a_weight_outside_of_its_layer_is_an_error():
    layers, codebooks = random_layers([(2, 2, 1, 1)], 1.0, 0)
    content = compressed(layers, codebooks)
    with pytest.raises(ValueError, match="weight 63 of a layer that has 4"):
        decompressed(content[:-2] + b"\xff\xff", [(2, 2, 1, 1)])


def test_the_first_layer_takes_rgb_without_a_mean():
    weight, bias = torch.randn(4, 3, 7, 7), torch.randn(4)
    rgb = torch.rand(2, 3, 20, 20)
    caffe = 255 * rgb.flip(1) - torch.tensor(MEAN)[:, None, None]
    new_weight, new_bias = for_rgb(weight, bias)
    assert torch.allclose(F.conv2d(rgb, new_weight, new_bias), F.conv2d(caffe, weight, bias), rtol=1e-3, atol=0.05)


@pytest.mark.parametrize(("height", "width"), [(16, 32), (17, 50), (33, 24)])
def test_features_have_one_cell_for_each_stride_of_any_image(height, width):
    encoder = SqueezeNetEncoder((2, 4, 8, 16), weights=False)
    maps = encoder(torch.rand(2, 1, height, width))
    for stride, channels, found in zip(encoder.strides, encoder.channels, maps, strict=True):
        assert found.shape == (2, channels, -(-height // stride), -(-width // stride))


def test_grey_images_count_as_rgb_and_features_are_torchvisions():
    torch.manual_seed(0)
    encoder = SqueezeNetEncoder((4, 8), weights=False)
    grey = torch.rand(1, 1, 32, 32)
    for one, three in zip(encoder(grey), encoder(grey.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(one, three)
    framed = F.pad(grey, (3, 3, 3, 3), mode="replicate").repeat(1, 3, 1, 1)
    assert torch.allclose(encoder(grey)[1], encoder.features(framed))
    assert len(encoder.features) == 11, "the layers after the coarsest map are left out"
    with pytest.raises(UserError, match="strides are some of 2, 4, 8, 16 in order"):
        SqueezeNetEncoder((8, 4), weights=False)


@pytest.fixture
def tiny_remote(tmp_path, monkeypatch):
    """Random weights of SqueezeNet's shapes in the authors' format, on a server; gives the layers."""
    state = squeezenet(weights=False).state_dict()
    shapes = [tuple(value.shape) for name, value in state.items() if name.endswith("weight")]
    layers = [Layer(np.zeros(shape, np.float32), np.full(shape[0], 2.0, np.float32)) for shape in shapes]
    for layer in layers:
        layer.weight.ravel()[3] = 0.5
    codebook = np.zeros(CODES, np.float32)
    codebook[9] = 0.5
    counts = struct.pack("<26I", *[1] * 26)
    content = counts + b"".join(codebook.tobytes() + layer.bias.tobytes() + bytes([9, 3]) for layer in layers)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "some.net").write_bytes(content)
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path / "data"))
    with served(tmp_path / "there") as address:
        sha256 = hashlib.sha256(content).hexdigest()
        remote = WEIGHTS._replace(address=f"{address}/some.net", size=len(content), sha256=sha256)
        monkeypatch.setattr(module, "WEIGHTS", remote)
        yield remote


def test_the_weights_are_downloaded_once_and_verified(tiny_remote, tmp_path):
    state = squeezenet().state_dict()
    path = tmp_path / "data" / tiny_remote.path
    assert path.stat().st_size == tiny_remote.size
    assert state["classifier.1.weight"].ravel()[:5].tolist() == [0, 0, 0, 0.5, 0]
    assert state["features.3.squeeze.bias"].unique().tolist() == [2]
    assert len(SqueezeNetEncoder().channels) == 3
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"compressed_SqueezeNet.net is damaged: \d+ bytes of \d+; remove it"):
        squeezenet()
    with pytest.raises(UserError, match=r"is not compressed_SqueezeNet.net of SqueezeNet, or is truncated"):
        read_weights(path, squeezenet(weights=False))


def test_without_a_network_the_message_says_where_the_weights_are(tmp_path, monkeypatch):
    monkeypatch.setenv("DLPLUG_DATA", str(tmp_path))
    monkeypatch.setattr(module, "WEIGHTS", WEIGHTS._replace(address="http://127.0.0.1:9/some.net"))
    with pytest.raises(UserError, match=r"compressed_SqueezeNet.net is missing in .*put http.* there"):
        squeezenet()


@needs_weights
@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL.name} is not here")
def test_the_authors_file_has_the_weights_that_others_decoded():
    from safetensors.torch import load_file

    known = load_file(REAL)
    state = squeezenet().state_dict()
    assert state.keys() == known.keys()
    for name, value in state.items():
        assert torch.equal(value.to(known[name].dtype), known[name]), name


@needs_weights
def test_it_knows_what_is_in_a_picture():
    from sklearn.datasets import load_sample_image
    from torchvision.models import SqueezeNet1_0_Weights

    flower = torch.from_numpy(load_sample_image("flower.jpg")[:, 106:533].copy()).permute(2, 0, 1)[None] / 255
    logits = squeezenet().eval()(F.interpolate(flower, (227, 227), mode="bilinear", antialias=True))
    share, number = logits.softmax(1).max(1)
    assert SqueezeNet1_0_Weights.DEFAULT.meta["categories"][int(number)] == "sea urchin"
    assert 0.6 < float(share) < 0.9
