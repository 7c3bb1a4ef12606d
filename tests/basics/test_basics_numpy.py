"""The NumPy network's gradients against autograd and finite differences; the computation graph against both."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from dlplug_basics import activations, networks
from dlplug_basics.graph.figure import layout
from dlplug_basics.graph.nodes import Node, lecture_example
from dlplug_basics.in_numpy import bridge as numpy_bridge
from dlplug_basics.in_numpy import network as numpy_network
from dlplug_basics.in_numpy.bridge import LayerUpdate, NumpyCrossEntropy, NumpyNetwork, layer_update
from hypothesis import given, settings
from hypothesis import strategies as st

from dlplug import Labelled, Spec

NAMES = list(numpy_network.ACTIVATIONS)


def double(network: numpy_network.Network) -> numpy_network.Network:
    for layer in network.layers:
        layer.weights = {name: weight.astype(float) for name, weight in layer.weights.items()}
    return network


def in_torch(network: numpy_network.Network, activation: str, x: torch.Tensor, weights: list[torch.Tensor]):
    """The same network by torch's own operations."""
    for number in range(0, len(weights), 2):
        x = x @ weights[number] + weights[number + 1]
        if number + 2 < len(weights):
            x = activations.ACTIVATIONS[activation](x)
    return x


def test_every_activation_of_the_course_is_there():
    assert list(activations.ACTIVATIONS) == NAMES
    assert list(get_args(networks.Activation)) == list(get_args(numpy_bridge.Activation)) == NAMES


@pytest.mark.parametrize("activation", NAMES)
def test_every_gradient_is_autograds(activation: str):
    random = np.random.default_rng(0)
    network = double(numpy_network.perceptron([5, 7, 6, 3], activation, random))
    x, y = random.normal(size=(11, 5)), random.integers(0, 3, 11)
    loss, slope = numpy_network.cross_entropy(network.forward(x), y)
    to_x = network.backward(slope)

    input_ = torch.tensor(x, requires_grad=True)
    weights = [torch.tensor(w, requires_grad=True) for layer in network.layers for w in layer.weights.values()]
    expected = torch.nn.functional.cross_entropy(in_torch(network, activation, input_, weights), torch.tensor(y))
    gradients = torch.autograd.grad(expected, [input_, *weights])

    mine = [to_x, *(layer.gradients[name] for layer in network.layers for name in layer.weights)]
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for one, other in zip(mine, gradients, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", NAMES)
def test_gradients_are_finite_differences(activation: str):
    random = np.random.default_rng(1)
    network = double(numpy_network.perceptron([3, 4, 2], activation, random))
    x, y = random.normal(size=(5, 3)), random.integers(0, 2, 5)
    network.backward(numpy_network.cross_entropy(network.forward(x), y)[1])
    for layer in network.layers:
        gradients = {name: gradient.copy() for name, gradient in layer.gradients.items()}
        for name, weight in layer.weights.items():
            for place in np.ndindex(weight.shape):
                sides, kept = [], weight[place]
                for step in (1e-6, -1e-6):
                    weight[place] = kept + step
                    sides.append(numpy_network.cross_entropy(network.forward(x), y)[0])
                weight[place] = kept
                assert gradients[name][place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "maxout"])
def test_activations_are_torchs(name: str):
    x = torch.linspace(-30, 30, 241)
    functional = torch.nn.functional
    theirs = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": functional.relu,
        "leaky-relu": lambda x: functional.leaky_relu(x, 0.1),
        "elu": functional.elu,
        "identity": lambda x: x,
    }[name](x)
    torch.testing.assert_close(activations.ACTIVATIONS[name](x), theirs)
    torch.testing.assert_close(torch.tensor(numpy_network.ACTIVATIONS[name]().forward(x.numpy())), theirs)


def test_maxout_is_the_larger_of_neighbours():
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor([[max(row[2 * i], row[2 * i + 1]) for i in range(3)] for row in x.tolist()])
    torch.testing.assert_close(activations.maxout(x), expected)
    torch.testing.assert_close(torch.tensor(numpy_network.Maxout().forward(x.numpy())), expected)


def test_update_goes_down_the_gradient():
    layer = numpy_network.Affine(2, 2, np.random.default_rng(0))
    before = {name: weight.copy() for name, weight in layer.weights.items()}
    layer.forward(np.ones((3, 2), np.float32))
    layer.backward(np.ones((3, 2), np.float32))
    layer.update(0.5)
    np.testing.assert_allclose(layer.weights["w"], before["w"] - 0.5 * 3)
    np.testing.assert_allclose(layer.weights["b"], before["b"] - 0.5 * 3)


def test_the_network_learns_without_torch():
    from sklearn.datasets import make_moons

    x, y = make_moons(200, noise=0.1, random_state=0)
    network = numpy_network.perceptron([2, 16, 2], "tanh", np.random.default_rng(0))
    for _ in range(1500):
        loss, gradient = numpy_network.cross_entropy(network.forward(x), y)
        network.backward(gradient)
        network.update(0.5)
    assert loss < 0.05
    assert (network.forward(x).argmax(1) == y).mean() > 0.98


def test_the_trainer_trains_the_very_same_numbers():
    """Steps through the bridge equal steps of a bare NumPy loop, bit for bit."""
    random = np.random.default_rng(5)
    x, y = random.normal(size=(8, 4)).astype(np.float32), random.integers(0, 3, 8)
    model = NumpyNetwork(Spec(input=(4,), output=3), width=6, seed=9)
    bare = numpy_network.perceptron([4, 6, 3], "relu", np.random.default_rng(9))
    loss, optimizer = NumpyCrossEntropy(model), layer_update(model.parameters(), learning_rate=0.2)
    for _ in range(5):
        value, gradient = numpy_network.cross_entropy(bare.forward(x), y)
        bare.backward(gradient)
        bare.update(0.2)
        (update,) = loss.updates(Labelled(torch.tensor(x), torch.tensor(y)))
        assert update.loss.item() == value
        update.loss.backward(inputs=list(model.parameters()))
        optimizer.step()
        optimizer.zero_grad()
    for layer, other in zip(model.network.layers, bare.layers, strict=True):
        for name in layer.weights:
            np.testing.assert_array_equal(layer.weights[name], other.weights[name])
    assert isinstance(optimizer, LayerUpdate)


def test_what_is_done_to_the_gradient_counts():
    model = NumpyNetwork(Spec(input=(2,), output=2), depth=0, seed=0)
    before = [weight.detach().clone() for weight in model.parameters()]
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, 2.0)
    layer_update(model.parameters(), learning_rate=0.1).step()
    for weight, kept in zip(model.parameters(), before, strict=True):
        torch.testing.assert_close(weight.detach(), kept - 0.2)


def test_loaded_weights_are_the_layers():
    one, other = (NumpyNetwork(Spec(input=(4,), output=3), seed=seed) for seed in (0, 1))
    x = torch.ones(1, 4)
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


@settings(max_examples=50, deadline=None)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.3, 3))
def test_the_lectures_derivative_is_autograds_and_a_finite_difference(x1: float, x2: float, x3: float):
    point = (x1, x2, x3)
    nodes = [Node(x, f"x{i}") for i, x in enumerate(point)]
    result = lecture_example(*nodes)
    result.backward()

    a, b, c = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in point)
    f = (a * b * torch.sin(c) + torch.exp(a * b)) / c
    assert result.value == pytest.approx(f.item(), rel=1e-12)
    for node, expected in zip(nodes, torch.autograd.grad(f, [a, b, c]), strict=True):
        assert node.gradient == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)

    def plain(x):
        return (x[0] * x[1] * np.sin(x[2]) + np.exp(x[0] * x[1])) / x[2]

    for i, node in enumerate(nodes):
        step = 1e-5 * np.eye(3)[i]
        slope = (plain(point + step) - plain(point - step)) / 2e-5
        assert node.gradient == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_a_second_backward_does_not_add_to_the_first():
    x = Node(3.0, "x")
    square = x * x
    square.backward()
    square.backward()
    assert x.gradient == 6.0


def test_each_node_is_drawn_in_a_place_of_its_own_right_of_what_it_needs():
    result = lecture_example(Node(1.0, "a"), Node(2.0, "b"), Node(3.0, "c"))
    order, places = result.ancestors(), layout(result)
    assert [node.label for node in order].count("×") == 2
    assert len(order) == len({places[id(node)] for node in order}) == 9
    for node in order:
        assert all(places[id(parent)][0] < places[id(node)][0] for parent in node.parents)
