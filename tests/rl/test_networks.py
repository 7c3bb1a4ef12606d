"""Q-networks: the published shape, and what they do to raw frames."""

from __future__ import annotations

import pytest
import torch
from dlplug_rl.networks import mlp, nature, small
from torch import nn

from dlplug import Spec, UserError

FRAMES = Spec(input=(4, 84, 84), output=6, mean=87.0, deviation=40.0)


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_nature_has_the_published_size() -> None:
    convolutions = (8 * 8 * 4 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + (3 * 3 * 64 * 64 + 64)
    dense = (7 * 7 * 64 * 512 + 512) + (512 * 6 + 6)
    assert weights(nature(FRAMES)) == convolutions + dense == 1_687_206
    assert nature(FRAMES)(torch.zeros(2, 4, 84, 84, dtype=torch.uint8)).shape == (2, 6)


def test_small_takes_frames_of_42() -> None:
    network = small(Spec(input=(4, 42, 42), output=3, mean=1.0, deviation=2.0))
    assert network(torch.zeros(5, 4, 42, 42, dtype=torch.uint8)).shape == (5, 3)
    assert network.layers[7].in_features == 4 * 4 * 32  # type: ignore[union-attr]


@pytest.mark.parametrize("scaling", ["standardise", "unit"])
def test_frames_are_scaled_as_by_hand(scaling: str) -> None:
    torch.manual_seed(0)
    network = nature(FRAMES, scaling=scaling)  # type: ignore[arg-type]
    obs = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    x = (obs.double() - 87.0) / 40.0 if scaling == "standardise" else obs.double() / 255.0
    x = x.float()
    for layer in network.layers:  # type: ignore[union-attr]
        x = layer(x)
    torch.testing.assert_close(network(obs), x, rtol=1e-4, atol=1e-5)


def test_what_a_network_is_given_is_left_alone() -> None:
    network = mlp(Spec(input=(4,), output=2, mean=1.0, deviation=3.0))
    for obs in (torch.rand(3, 4), torch.rand(3, 4, dtype=torch.float64)):
        before = obs.clone()
        assert network(obs).dtype == torch.float32
        assert obs.equal(before)


def test_a_checkpoint_carries_the_statistics_of_the_frames() -> None:
    saved = small(Spec(input=(4, 42, 42), output=6, mean=50.0, deviation=9.0)).state_dict()
    other = small(Spec(input=(4, 42, 42), output=6, mean=1.0, deviation=1.0))
    other.load_state_dict(saved)
    assert (float(other.mean), float(other.deviation)) == (50.0, 9.0)


def test_every_pixel_may_have_its_own_mean() -> None:
    torch.manual_seed(0)
    mean = 255 * torch.rand(42, 42)
    obs = torch.randint(0, 256, (3, 4, 42, 42), dtype=torch.uint8)
    network = small(Spec(input=(4, 42, 42), output=3, mean=mean, deviation=2.0))
    plain = small(Spec(input=(4, 42, 42), output=3))
    plain.layers.load_state_dict(network.layers.state_dict())  # type: ignore[union-attr]
    torch.testing.assert_close(network(obs), plain((obs - mean) / 2.0), rtol=1e-4, atol=1e-4)


def test_mlp_takes_grids() -> None:
    network = mlp(Spec(input=(10, 5), output=3), hidden=16, depth=1)
    assert network(torch.zeros(2, 10, 5)).shape == (2, 3)
    assert weights(network) == 50 * 16 + 16 + 16 * 3 + 3


def test_frames_too_small_for_the_network_are_refused() -> None:
    with pytest.raises(UserError, match="frames of 20x20 are too small"):
        nature(Spec(input=(4, 20, 20), output=6))
