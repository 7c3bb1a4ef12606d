"""Q-networks: published shapes, and every part against the same by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from dlplug_rl.networks.heads import Head, NoisyLinear
from dlplug_rl.networks.q_network import QNetwork, q_network
from dlplug_rl.networks.returns import COSINES, Implicit
from torch import nn

from dlplug import Spec, UserError

FRAMES = Spec(input=(4, 84, 84), output=6, mean=87.0, deviation=40.0)
SMALL = Spec(input=(4, 42, 42), output=3, mean=1.0, deviation=2.0)
VECTOR = Spec(input=(4,), output=2, mean=1.0, deviation=3.0)


def weights(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_nature_has_the_published_size() -> None:
    convolutions = (8 * 8 * 4 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + (3 * 3 * 64 * 64 + 64)
    dense = (7 * 7 * 64 * 512 + 512) + (512 * 6 + 6)
    assert weights(q_network(FRAMES)) == convolutions + dense == 1_687_206
    assert q_network(FRAMES)(torch.zeros(2, 4, 84, 84, dtype=torch.uint8)).shape == (2, 6)


def test_rainbow_has_the_size_that_its_parts_add_up_to() -> None:
    convolutions = (8 * 8 * 4 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + (3 * 3 * 64 * 64 + 64)
    dense = 2 * (7 * 7 * 64 * 512 + 512) + (512 + 1) * 51 * (6 + 1)
    rainbow = q_network(FRAMES, dueling=True, noisy=True, returns="categorical")
    assert weights(rainbow) == convolutions + 2 * dense  # every noisy weight has a size of its noise


def test_small_takes_frames_of_42_and_tiny_takes_boards() -> None:
    network = q_network(SMALL, torso="small", hidden=256)
    assert network(torch.zeros(5, 4, 42, 42, dtype=torch.uint8)).shape == (5, 3)
    assert network.head.advantage[0].in_features == 4 * 4 * 32
    board = q_network(Spec(input=(6, 10, 10), output=3), torso="tiny", hidden=128)
    assert board(torch.zeros(2, 6, 10, 10, dtype=torch.uint8)).shape == (2, 3)


@pytest.mark.parametrize("size", [42, 84])
def test_impala_gives_the_same_features_for_any_size(size: int) -> None:
    network = q_network(Spec(input=(4, size, size), output=6), torso="impala", width=2, hidden=64)
    assert network(torch.zeros(2, 4, size, size, dtype=torch.uint8)).shape == (2, 6)
    assert network.head.advantage[0].in_features == 64 * 6 * 6
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 3 * 5  # Espeholt et al. 2018, figure 3: 15 of them


def test_impala_s_residual_weights_are_of_spectral_norm_one() -> None:
    network = q_network(SMALL, torso="impala", hidden=16).train()
    for _ in range(30):  # power iteration takes a step in every pass
        network(torch.randint(0, 256, (2, 4, 42, 42), dtype=torch.uint8))
    network.eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and hasattr(layer, "parametrizations"):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("scaling", ["standardise", "unit"])
def test_frames_are_scaled_as_by_hand(scaling: Any) -> None:
    torch.manual_seed(0)
    network = q_network(FRAMES, scaling=scaling)
    obs = torch.randint(0, 256, (3, 4, 84, 84), dtype=torch.uint8)
    x = (obs.double() - 87.0) / 40.0 if scaling == "standardise" else obs.double() / 255.0
    expected = network.head.advantage(network.torso(x.float())).squeeze(-1)
    torch.testing.assert_close(network(obs), expected, rtol=1e-4, atol=1e-5)


def test_what_a_network_is_given_is_left_alone() -> None:
    network = q_network(VECTOR, torso="mlp")
    for obs in (torch.rand(3, 4), torch.rand(3, 4, dtype=torch.float64)):
        before = obs.clone()
        assert network(obs).dtype == torch.float32
        assert obs.equal(before)


def test_a_checkpoint_carries_the_statistics_of_the_frames() -> None:
    saved = q_network(Spec(input=(4, 42, 42), output=6, mean=50.0, deviation=9.0), torso="small").state_dict()
    other = q_network(Spec(input=(4, 42, 42), output=6, mean=1.0, deviation=1.0), torso="small")
    other.load_state_dict(saved)
    assert (float(other.mean), float(other.deviation)) == (50.0, 9.0)


def test_every_pixel_may_have_its_own_mean() -> None:
    torch.manual_seed(0)
    mean = 255 * torch.rand(42, 42)
    obs = torch.randint(0, 256, (3, 4, 42, 42), dtype=torch.uint8)
    network = q_network(Spec(input=(4, 42, 42), output=3, mean=mean, deviation=2.0), torso="small")
    plain = q_network(Spec(input=(4, 42, 42), output=3), torso="small")
    plain.torso.load_state_dict(network.torso.state_dict())
    plain.head.load_state_dict(network.head.state_dict())
    torch.testing.assert_close(network(obs), plain((obs - mean) / 2.0), rtol=1e-4, atol=1e-4)


def test_mlp_takes_grids() -> None:
    network = q_network(Spec(input=(10, 5), output=3), torso="mlp", hidden=16, depth=1)
    assert network(torch.zeros(2, 10, 5)).shape == (2, 3)
    assert weights(network) == 50 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3


def test_dueling_adds_what_an_action_is_worth_beyond_the_mean() -> None:
    torch.manual_seed(0)
    head = Head(5, 8, 3, 2, dueling=True, noisy=False, layer_norm=False)
    features = torch.randn(4, 5)
    advantage, value = head.advantage(features).detach(), head.value(features).detach()  # type: ignore[misc]
    for b in range(4):
        for a in range(3):
            for k in range(2):
                mean = sum(float(advantage[b, other, k]) for other in range(3)) / 3
                expected = float(value[b, 0, k]) + float(advantage[b, a, k]) - mean
                assert head(features)[b, a, k].item() == pytest.approx(expected, abs=1e-5)


def test_noise_is_new_in_every_pass_of_training_and_gone_in_eval() -> None:
    torch.manual_seed(0)
    layer, x = NoisyLinear(16, 8), torch.randn(3, 16)
    plain = nn.functional.linear(x, layer.weight, layer.bias)
    assert layer.eval()(x).equal(plain)
    layer.train()
    passes = torch.stack([layer(x) for _ in range(4000)])
    assert not passes[0].equal(passes[1])
    # E f(ε)² = E|ε| = √(2/π), for the row's and each column's noise; every sigma is 0.5 / √16
    variance, sigma = (2 / torch.pi) ** 0.5, 0.5 / 4
    expected = sigma**2 * variance * (variance * x.square().sum(1) + 1)
    torch.testing.assert_close(passes.mean(0), plain, atol=0.03, rtol=0)
    torch.testing.assert_close(passes.var(0), expected[:, None].expand(3, 8), rtol=0.2, atol=0)


def test_categorical_values_are_means_over_the_atoms() -> None:
    network = q_network(VECTOR, torso="mlp", returns="categorical", atoms=5, low=-2.0, high=2.0)
    obs = torch.rand(3, 4)
    p = network.outputs(obs).softmax(-1)
    expected = [[sum(float(p[b, a, i]) * (i - 2) for i in range(5)) for a in range(2)] for b in range(3)]
    torch.testing.assert_close(network(obs), torch.tensor(expected))


def test_implicit_quantiles_embed_their_fractions() -> None:
    torch.manual_seed(0)
    network = q_network(VECTOR, torso="mlp", hidden=6, returns="implicit", atoms=4)
    obs, tau = torch.rand(2, 4), torch.rand(2, 3)
    implicit = network.returns
    assert isinstance(implicit, Implicit)
    features = network.torso((obs - 1.0) / 3.0)
    for b in range(2):
        for n in range(3):
            cosines = torch.tensor([torch.cos(torch.pi * i * tau[b, n]) for i in range(COSINES)])
            embedded = features[b] * implicit.embedding(cosines).relu()
            torch.testing.assert_close(network.outputs(obs, tau)[b, :, n], network.head(embedded)[:, 0])
    means = network.outputs(obs, torch.tensor([[0.125, 0.375, 0.625, 0.875]]).expand(2, -1)).mean(-1)
    torch.testing.assert_close(network(obs), means)


@pytest.mark.parametrize("returns", ["mean", "categorical", "quantile", "implicit"])
@pytest.mark.parametrize("torso", ["small", "impala"])
def test_every_combination_runs_forwards_and_backwards(torso: Any, returns: Any) -> None:
    network = q_network(
        SMALL, torso=torso, width=1, hidden=32, dueling=True, noisy=True, layer_norm=True, returns=returns, atoms=7
    )
    q = network(torch.randint(0, 256, (2, 4, 42, 42), dtype=torch.uint8))
    assert q.shape == (2, 3)
    q.sum().backward()
    assert isinstance(network, QNetwork)
    assert all(p.grad is not None for name, p in network.named_parameters() if "norm" not in name)


def test_what_a_network_cannot_look_at_is_refused() -> None:
    with pytest.raises(UserError, match=r"images of \(4, 20, 20\) \(channels, height, width\) are too small"):
        q_network(Spec(input=(4, 20, 20), output=6))
    with pytest.raises(UserError, match="it needs 42x42 or more"):
        q_network(Spec(input=(4, 40, 40), output=6), torso="impala")
    with pytest.raises(UserError, match=r"needs images \(channels, height, width\), got .*use --model\.torso mlp"):
        q_network(VECTOR)
