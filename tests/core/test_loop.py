"""The contract under five shapes of learning, all through the same `fit`."""

import pytest
import torch
import toys
from torch import nn

from dlplug import Lagged, Loss, Turn, Update, UserError, distributed, fit, minimise
from dlplug.sampling import Order, epoch_order, own_share
from dlplug.training.graph import turns_of
from dlplug.training.loop import learn_from
from dlplug.training.optimizers import adam, sgd
from dlplug.training.precision import in_bf16
from dlplug.training.stepper import Stepper


def steppers_of(loss, rate=0.01):
    parts = {part: loss.model.get_submodule(part) for part in loss.parts}
    return {part: Stepper(module, adam(module.parameters(), learning_rate=rate)) for part, module in parts.items()}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def test_classifier_learns():
    data = toys.Moons(seed=0)
    loss = toys.cross_entropy(toys.Mlp(data.spec))
    assert fit(data, loss, steppers_of(loss), 300) == 300
    assert toys.accuracy(loss.product(), data.split("val"))["accuracy"] > 0.95
    assert data.count == 300 * 32


def test_wgan_gp_takes_five_critic_steps_for_one_generator_step():
    data = toys.Ring(seed=0)
    loss = toys.WassersteinPenalty(toys.Pair(data.spec))
    moved = []
    fit(data, loss, steppers_of(loss), 20, after=lambda step, updates: bool(moved.append([u.part for u in updates])))
    assert moved == 4 * (4 * [["critic"]] + [["critic", "generator"]])


def test_wgan_gp_brings_the_generator_to_the_data():
    data = toys.Ring(seed=0)
    loss = toys.WassersteinPenalty(toys.Pair(data.spec, width=64))
    radius = lambda: loss.product()(torch.randn(500, 4)).norm(dim=1).mean().item()  # noqa: E731
    before = radius()
    fit(data, loss, steppers_of(loss, 0.005), 3000)
    assert abs(radius() - 2) < 0.4 < abs(before - 2)


def test_ddpm_averages_weights_and_learns():
    data = toys.Ring(seed=0)
    model = toys.Denoiser(data.spec)
    loss = toys.Diffusion(model)
    losses = []
    fit(data, loss, steppers_of(loss), 400, after=lambda s, u: bool(losses.append(u[0].loss.item())))
    assert sum(losses[-50:]) < 0.8 * sum(losses[:50])
    assert loss.product().training is False
    gap = [(a - b).abs().max() for a, b in zip(loss.averaged.parameters(), model.parameters(), strict=True)]
    assert 0 < max(gap) < 0.2


def test_lstm_learns_to_copy():
    data = toys.Copy(seed=0)
    loss = toys.repeat(toys.Recurrent(data.spec))
    losses = []
    fit(data, loss, steppers_of(loss), 200, after=lambda s, u: bool(losses.append(u[0].loss.item())))
    assert losses[0] > 1.0
    assert losses[-1] < 0.1


def test_dqn_learns_the_way_out_of_the_corridor():
    data = toys.Walk(seed=0)
    loss = toys.Q(toys.Mlp(data.spec))
    fit(data, loss, steppers_of(loss), 400)
    assert toys.walk_length(loss.product(), data)["moves"] == 5


class TwoParts(Loss):
    """Records, between its yields, what has moved."""

    parts = ("first", "second")

    def __init__(self, model):
        super().__init__(model)
        self.seen = []

    def weights(self):
        return [self.model.first.weight.item(), self.model.second.weight.item()]

    def updates(self, batch):
        before = self.weights()
        product = self.model.second(self.model.first(torch.ones(1, 1)))
        yield Update(product.sum(), "first")
        between = self.weights()
        yield Update(self.model.second(self.model.first(torch.ones(1, 1))).sum(), "second")
        self.seen = [before, between, self.weights()]


def test_a_part_has_moved_when_control_returns_and_the_other_has_not():
    model = nn.Module()
    model.first, model.second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    loss = TwoParts(model)
    optimizers = {part: sgd(model.get_submodule(part).parameters(), learning_rate=1.0) for part in loss.parts}
    steppers = {part: Stepper(model.get_submodule(part), o) for part, o in optimizers.items()}
    learn_from(loss, steppers, None)
    before, between, after = loss.seen
    # the gradient of a·b by a is b, and by b it is the a that has moved already
    assert between == pytest.approx([before[0] - before[1], before[1]])
    assert after == pytest.approx([between[0], before[1] - between[0]])
    assert all(p.grad is None for p in model.parameters())


def test_bf16_is_left_before_a_loss_is_minimised():
    modes = []

    class Watching(Loss):
        def updates(self, batch):
            modes.append(torch.is_autocast_enabled("cpu"))
            product = self.model(torch.ones(4, 8))
            assert product.dtype == torch.bfloat16
            yield Update(product.float().sum())
            modes.append(torch.is_autocast_enabled("cpu"))

    loss = Watching(nn.Linear(8, 2))
    for _ in in_bf16(torch.device("cpu"))(loss.updates(None)):
        modes.append(torch.is_autocast_enabled("cpu"))
    assert modes == [True, False, True]
    assert not torch.is_autocast_enabled("cpu")


def test_minimise_keeps_the_functions_options():
    @minimise
    def scaled(model, batch, *, scale: float = 2.0):
        return scale * model(batch).sum()

    model = nn.Linear(1, 1, bias=False)
    (update,) = scaled(model, scale=3.0).updates(torch.ones(1, 1))
    assert update.loss.item() == pytest.approx(3 * model.weight.item())
    with pytest.raises(TypeError):
        scaled(model, factor=3.0)


@pytest.mark.parametrize("every", [1, 2, 5])
def test_turn_is_due_at_every_nth_call_and_peek_does_not_count(every):
    turn = Turn(every)
    for call in range(1, 12):
        assert turn.peek() == turn.peek() == (call % every == 0)
        assert turn() == (call % every == 0)


@pytest.mark.parametrize(("rate", "every"), [(1.0, 3), (0.25, 1), (0.5, 2)])
def test_lagged_follows_as_a_loop_over_weights_would(rate, every):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    lagged = Lagged(model, rate, every)
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    for call in range(1, 8):
        model(torch.randn(5, 2))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += torch.randn_like(parameter)
        lagged.follow(model)
        if call % every == 0:
            for name, value in model.state_dict().items():
                if value.is_floating_point():
                    expected[name] = expected[name] + rate * (value - expected[name])
                else:
                    expected[name] = value.clone()
        for name, value in lagged.module.state_dict().items():
            torch.testing.assert_close(value, expected[name])
    assert not any(p.requires_grad for p in lagged.parameters())
    assert lagged.train().module.training is False


def test_lagged_saves_where_in_its_turn_it_is():
    model = nn.Linear(1, 1)
    lagged = Lagged(model, every=3)
    lagged.follow(model)
    other = Lagged(nn.Linear(1, 1), every=3)
    other.load_state_dict(lagged.state_dict())
    assert other.turn.calls == 1
    assert list(turns_of(toys.Q(model))) != []


def test_every_epoch_has_each_example_once_and_orders_are_reproducible():
    order = Order(10, 5, seed=3)
    epochs = [torch.cat([order.next(), order.next()]) for _ in range(3)]
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()
    assert epochs[2].tolist() == epoch_order(10, 3, 2).tolist()


def test_an_order_goes_on_from_its_three_integers():
    order = Order(10, 3, seed=1)
    for _ in range(5):
        order.next()
    state = order.state_dict()
    assert state == {"seed": 1, "epoch": 1, "index": 6}
    expected = [order.next().tolist() for _ in range(5)]
    fresh = Order(10, 3, seed=99)
    fresh.load_state_dict(state)
    assert [fresh.next().tolist() for _ in range(5)] == expected


def test_processes_share_a_batch_and_draw_it_each_by_a_seed_of_its_own(monkeypatch):
    drawn = []
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    for rank in range(2):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        drawn += [own_share(8, 3, count) for count in range(0, 800, 8)]
    assert {rows for rows, _ in drawn} == {4}
    assert len({seed for _, seed in drawn}) == len(drawn)
    with pytest.raises(UserError, match="does not divide among 2 processes"):
        own_share(7, 3, 0)
