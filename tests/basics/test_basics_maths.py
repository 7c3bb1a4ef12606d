"""Batch normalisation against torch's, the race against its theory, the closed form against another solver."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dlplug_basics.activations import ACTIVATIONS
from dlplug_basics.batch_norm import BatchNorm
from dlplug_basics.data import HeldOut, NoisyLine
from dlplug_basics.losses import cross_entropy
from dlplug_basics.metrics import accuracy, closed_form, normal_equations
from dlplug_basics.networks import Affine, MultilayerPerceptron, OneForEachActivation
from dlplug_basics.race import RACERS, Valley, descent_by_theory, excess, minimum, squared_error
from dlplug_basics.samplers import confusion

from dlplug import Labelled, Spec


@pytest.mark.parametrize("batch", [2, 16])
def test_batch_normalisation_is_torchs_in_training_and_after(batch: int):
    torch.manual_seed(0)
    mine, theirs = BatchNorm(5).double(), torch.nn.BatchNorm1d(5).double()
    with torch.no_grad():
        for one, other in ((mine.gamma, theirs.weight), (mine.beta, theirs.bias)):
            one.copy_(torch.randn(5))
            other.copy_(one)
    for _ in range(4):
        x = torch.randn(batch, 5, dtype=torch.float64) * 3 + 1
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        outputs = [layer(input_) for layer, input_ in zip((mine, theirs), inputs, strict=True)]
        torch.testing.assert_close(*outputs)
        weights = torch.randn_like(x)
        one = torch.autograd.grad((outputs[0] * weights).sum(), [inputs[0], mine.gamma, mine.beta])
        other = torch.autograd.grad((outputs[1] * weights).sum(), [inputs[1], theirs.weight, theirs.bias])
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(mine.running_mean, theirs.running_mean)
    torch.testing.assert_close(mine.running_variance, theirs.running_var)
    mine.eval()
    theirs.eval()
    kept = mine.running_mean.clone()
    torch.testing.assert_close(mine(x), theirs(x))
    torch.testing.assert_close(mine(x[:1]), theirs(x[:1]))
    assert torch.equal(mine.running_mean, kept)


def test_a_batch_of_one_cannot_be_normalised():
    with pytest.raises(ValueError, match="at least two"):
        BatchNorm(3)(torch.ones(1, 3))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_perceptron_of_every_activation_learns(activation, batch_norm: bool):
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    y = (x.sum(1) > 0).long()
    model = MultilayerPerceptron(
        Spec(input=(3,), output=2), activation=activation, width=16, depth=2, batch_norm=batch_norm
    )
    loss, adam = cross_entropy(model), torch.optim.Adam(model.parameters(), 0.02)
    values = []
    for _ in range(60):
        (update,) = loss.updates(Labelled(x, y))
        adam.zero_grad()
        update.loss.backward()
        adam.step()
        values.append(update.loss.item())
    assert values[-1] < 0.5 * values[0]
    assert sum(isinstance(layer, BatchNorm) for layer in model) == 2 * batch_norm


def test_the_compared_networks_start_alike():
    model = OneForEachActivation(Spec(input=(4,), output=3))
    first = [dict(model.get_submodule(name).named_parameters()) for name in ACTIVATIONS if name != "maxout"]
    for other in first[1:]:
        assert other.keys() == first[0].keys()
        assert all(torch.equal(other[name], first[0][name]) for name in other)


def test_cross_entropy_and_its_ridge_are_sums_over_loops():
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 4)
    x, y = torch.randn(5, 3), torch.tensor([0, 3, 1, 1, 2])
    (update,) = cross_entropy(model, ridge=0.1).updates(Labelled(x, y))
    expected = 0.0
    for row, label in zip(model(x).tolist(), y.tolist(), strict=True):
        expected -= np.log(np.exp(row[label]) / np.exp(row).sum()) / 5
    expected += 0.1 / 2 * sum(w**2 for row in model.weight.tolist() for w in row)
    assert update.loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("features", [1, 4])
def test_the_closed_form_is_scikit_learns(features: int):
    from sklearn.linear_model import LinearRegression

    data = NoisyLine(features=features, seed=3)
    x, y = data.parts["train"]
    peer = LinearRegression().fit(x.double().numpy(), y.double().numpy())
    best = normal_equations(x, y)
    np.testing.assert_allclose(best.numpy(), [*peer.coef_, peer.intercept_], rtol=1e-8)
    model = Affine(data.spec)
    with torch.no_grad():
        model.weight.copy_(best[None, :-1])
        model.bias.copy_(best[-1:] + 0.25)
        values = closed_form(model, data.split("test"))
    assert values["distance_to_closed_form"] == pytest.approx(0.25, abs=1e-5)
    assert values["closed_form_mse"] == pytest.approx(
        float(((peer.predict(data.parts["test"].x) - data.parts["test"].y.numpy()) ** 2).mean()), rel=1e-5
    )


@pytest.mark.parametrize("seed", [0, 4])
def test_the_valley_has_the_curvature_it_promises(seed: int):
    best, hessian = minimum(Valley(flatness=20, seed=seed))
    torch.testing.assert_close(torch.linalg.eigvalsh(hessian), torch.tensor([0.05, 1.0]).double(), atol=1e-5, rtol=0)
    assert (best - torch.tensor([2.0, 1.0])).abs().max() < 1


@pytest.mark.parametrize("learning_rate", [0.1, 2.02])
def test_gradient_descent_is_where_theory_puts_it(learning_rate: float):
    data = Valley(seed=0)
    weight = torch.tensor([-1.0, 2.5], dtype=torch.float64, requires_grad=True)
    path = [weight.detach().clone()]
    for _ in range(30):
        (slope,) = torch.autograd.grad(squared_error(data.x.double() @ weight, data.y.double()), weight)
        weight = (weight - learning_rate * slope).detach().requires_grad_()
        path.append(weight.detach())
    walked = torch.stack(path)
    torch.testing.assert_close(walked, descent_by_theory(data, path[0], learning_rate, 30), atol=1e-9, rtol=1e-9)
    above = excess(walked[:, None], data)[:, 0]
    best, _ = minimum(data)
    lowest = squared_error(data.x.double() @ best, data.y.double())
    losses = torch.stack([squared_error(data.x.double() @ w, data.y.double()) for w in walked])
    torch.testing.assert_close(above, losses - lowest, atol=1e-9, rtol=1e-9)
    assert bool(above[-1] > above[0]) == (learning_rate > 2)
    assert len(RACERS) == 5


def test_accuracy_and_confusion_count():
    x = torch.eye(4)
    y = torch.tensor([0, 1, 2, 2])
    answers = torch.nn.Linear(4, 3)
    with torch.no_grad():
        answers.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]]))
        answers.bias.zero_()
        data = HeldOut(x, y, x, y)
        assert accuracy(answers, data) == {"accuracy": 0.75}
        assert confusion(answers, data)["confusion"].pixels.std() > 10
        one = torch.nn.Linear(4, 1)
        one.weight.copy_(torch.tensor([[1.0, -1, 1, -1]]))
        one.bias.zero_()
        assert accuracy(one, HeldOut(x, torch.tensor([1.0, -1, -1, -1]), x, x)) == {"accuracy": 0.75}


def test_more_features_than_examples_have_the_shortest_of_the_closed_forms():
    data = NoisyLine(features=9, size=5, seed=0)
    x, y = data.parts["train"]
    best = normal_equations(x, y)
    np.testing.assert_allclose(np.c_[x, np.ones(5)] @ best.numpy(), y, atol=1e-6)
    np.testing.assert_allclose(best, np.linalg.pinv(np.c_[x, np.ones(5)]) @ y.numpy(), atol=1e-6)
