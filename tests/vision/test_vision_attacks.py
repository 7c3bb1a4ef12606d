"""Attacks against what is known by hand: on a linear model the best perturbation has a formula."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from dlplug_images.images import HeldOut
from dlplug_images.sets.digits import Digits
from dlplug_vision.attacks.gradient import fgsm, pgd, pgd_of_fixed_length, random_start, step_size_or_usual, within
from dlplug_vision.attacks.metric import attack, predicted, show_attack
from dlplug_vision.attacks.recipes import ADVERSARIAL_RECIPES
from dlplug_vision.attacks.training import Adversarial, Ramp
from dlplug_vision.classification.quick import QuickNet
from dlplug_vision.classification.strided import StridedNet
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import dlplug
from dlplug import Labelled, Spec, Update, UserError, testing
from dlplug.training.optimizers import adam
from dlplug.training.stepper import Stepper

SPEC = Spec((1, 6, 6), 3, 0.5, 0.25, ("a", "b", "c"))


def linear(classes: int = 2, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, classes))


def some(count: int = 8, classes: int = 2, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 6, 6, generator=generator), torch.arange(count) % classes


def losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return F.cross_entropy(model(x), y, reduction="none")


@pytest.fixture(scope="module")
def learnt() -> tuple[nn.Module, HeldOut]:
    """A tiny net that has learnt the digits, and images that it was not shown."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = Digits(seed=0)
    model = QuickNet(data.spec, width=8, stages=2)
    stepper = Stepper(model, adam(model.parameters(), learning_rate=0.01))
    stream = data.batches(model)
    for _ in range(60):
        batch = next(stream)
        stepper.take(Update(F.cross_entropy(model(batch.x), batch.y)))
    test = data.split("test")
    return model.eval(), test._replace(images=test.images[:100], y=test.y[:100])


# The maths


def test_fgsm_on_a_linear_model_is_its_formula():
    model, (x, y) = linear(3), some(classes=3)
    weight = model[1].weight.detach()
    made = fgsm(model, x, y, 0.2)
    for n in range(len(x)):
        p = (weight @ x[n].flatten() + model[1].bias.detach()).softmax(0)
        # ∇_x of the cross entropy: Σ_c (p_c - [c = y]) w_c
        gradient = sum((p[c] - float(c == y[n])) * weight[c] for c in range(3))
        for i, pixel in enumerate(x[n].flatten().tolist()):
            moved = pixel + 0.2 * (1 if gradient[i] > 0 else -1)
            assert made[n].flatten()[i].item() == pytest.approx(min(1.0, max(0.0, moved)), abs=1e-6)


def test_pgd_on_a_linear_model_reaches_the_best_there_is():
    model, (x, y) = linear(), some()
    model[1].bias.data = torch.tensor([0.0, 0.0])
    weight = model[1].weight.detach()
    x = torch.where(((weight[0] - weight[1]) @ x.flatten(1).T > 0)[:, None, None, None], x, 1 - x)
    y = model(x).argmax(1)
    made = pgd(model, x, y, epsilon=0.01, step_size=0.004, steps=8)
    for n in range(len(x)):
        right = int(y[n])
        slope = (weight[1 - right] - weight[right]).view(1, 6, 6)
        best = (x[n] + 0.01 * slope.sign()).clamp(0, 1)
        if losses(model, best[None], y[n : n + 1]) < 0.69:  # else it is fooled, and was left alone
            torch.testing.assert_close(made[n], best)
        else:
            assert model(made[n : n + 1]).argmax() != right


@given(st.floats(0.01, 0.6), st.floats(0.005, 0.5), st.integers(1, 4), st.integers(1, 3), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_what_is_made_stays_in_the_ball_and_is_an_image(epsilon, step_size, steps, restarts, seed):
    model, (x, y) = linear(seed=seed), some(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for made in (
        fgsm(model, x, y, epsilon),
        pgd(model, x, y, epsilon=epsilon, step_size=step_size, steps=steps, restarts=restarts, generator=generator),
        pgd_of_fixed_length(model, x, y, epsilon=epsilon, step_size=step_size, steps=steps),
        random_start(x, epsilon, generator),
    ):
        assert (made - x).abs().max() <= epsilon + 1e-6
        assert made.min() >= 0
        assert made.max() <= 1


@given(st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_more_restarts_never_weaken(seed):
    torch.manual_seed(seed)
    model, (x, _) = StridedNet(SPEC, width=2, hidden=8).eval(), some(seed=seed)
    y = model(x).argmax(1)
    before = torch.zeros(len(x), dtype=torch.bool), losses(model, x, y)
    for restarts in (1, 2, 4):
        generator = torch.Generator().manual_seed(seed)
        made = pgd(model, x, y, epsilon=0.05, step_size=0.02, steps=3, restarts=restarts, generator=generator)
        fooled, loss = model(made).argmax(1) != y, losses(model, made, y)
        assert not (before[0] & ~fooled).any()
        assert (fooled | (loss >= before[1] - 1e-6)).all()
        before = fooled, loss


def test_more_steps_fool_more(learnt):
    model, test = learnt
    x, y = test.images.permute(0, 3, 1, 2) / 255, test.y

    def fooled(steps: int) -> int:
        made = pgd(model, x, y, epsilon=0.15, step_size=0.02, steps=steps, generator=torch.Generator().manual_seed(0))
        return int((model(made).argmax(1) != y).sum())

    assert int((model(x).argmax(1) != y).sum()) < 10 < fooled(2) < fooled(20)


def test_images_that_are_fooled_are_left_alone():
    """Counted by the images that the model is asked about: those that are wrong from the first are asked about once."""
    model, (x, _) = linear(), some()
    asked: list[int] = []
    model.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    wrong = 1 - model(x).argmax(1)
    asked.clear()
    assert torch.equal(pgd(model, x, wrong, epsilon=0.1, step_size=0.1, steps=5, restarts=3), x)
    assert asked == [8]
    asked.clear()
    pgd(model, x, 1 - wrong, epsilon=1.0, step_size=1.0, steps=5, restarts=3)  # falls at the first step
    assert asked[:2] == [8, 8]
    assert sum(asked) <= 24


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_as_it_was(training):
    torch.manual_seed(0)
    model, (x, y) = QuickNet(SPEC, width=2, stages=1, dropout=0.5).train(training), some(classes=3)
    modes: list[bool] = []
    model.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with torch.no_grad():  # as metrics are called
        fgsm(model, x, y, 0.1)
        pgd(model, x, y, epsilon=0.1, step_size=0.05, steps=2, restarts=2)
        pgd_of_fixed_length(model, x, y, epsilon=0.1, step_size=0.05, steps=2)
    assert not any(modes)
    assert model.training is training
    testing.assert_same(model.state_dict(), state, "the model after attacks")
    assert all(bool((parameter.grad == 1).all()) for parameter in model.parameters())


def test_the_usual_step_crosses_the_ball():
    assert step_size_or_usual(0.3, 0.0, 50) == pytest.approx(0.015)
    assert step_size_or_usual(0.3, 0.01, 50) == 0.01
    for wrong in ((0.0, 0.1, 1), (1.5, 0.1, 1), (0.3, -0.1, 1), (0.3, 0.1, 0)):
        with pytest.raises(UserError, match=r"an attack needs ε in \(0, 1\]"):
            step_size_or_usual(*wrong)


def test_within_is_the_nearest_image_of_the_ball():
    x = torch.tensor([0.0, 0.5, 0.95])
    assert within(torch.tensor([-1.0, 0.9, 2.0]), x, 0.1).tolist() == pytest.approx([0.0, 0.6, 1.0])
    assert within(x, x, 0.1).tolist() == x.tolist()


# The loss


def test_the_loss_is_that_of_the_images_that_its_attack_makes():
    torch.manual_seed(0)
    model, (x, y) = StridedNet(SPEC, width=2, hidden=8), some(classes=3)
    loss = Adversarial(model, epsilon=0.2, steps=2, smoothing=0.1)
    torch.manual_seed(5)
    (update,) = loss.updates(Labelled(x, y))
    torch.manual_seed(5)
    made = pgd_of_fixed_length(model, x, y, epsilon=0.2, step_size=0.25, steps=2)
    expected = F.cross_entropy(model(made), y, label_smoothing=0.1)
    assert update.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert update.loss > F.cross_entropy(model(x), y, label_smoothing=0.1)
    right = (model(made).argmax(1) == y).float().mean()
    assert torch.as_tensor(update.values["robust_accuracy"]).item() == pytest.approx(right.item())


def test_the_ball_grows_and_goes_on_growing_after_a_resume():
    ramp = Ramp(4)
    first = [ramp().item() for _ in range(2)]
    other = Ramp(4)
    other.load_state_dict(testing.through_a_file(ramp.state_dict()))
    assert [*first, *(other().item() for _ in range(4))] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert Ramp(0)().item() == 1


def test_the_loss_keeps_the_contract():
    testing.check_loss(Adversarial(StridedNet(SPEC, width=2, hidden=8), ramp=3), Labelled(*some(classes=3)))
    with pytest.raises(UserError, match="ramp is at least 0"):
        Adversarial(linear(), ramp=-1)
    with pytest.raises(UserError, match="at least 4x4, got 3x3"):
        StridedNet(Spec((1, 3, 3), 2))


# The metric, the sampler, the recipe


def test_the_metric_counts_what_is_right_before_and_after(learnt):
    model, test = learnt
    with torch.no_grad():
        values = attack(model, test, method="pgd", epsilon=0.1, attack_steps=5, restarts=2, attack_count=40, seed=0)
        clean = (predicted(model, test.images[:40].permute(0, 3, 1, 2) / 255) == test.y[:40]).float().mean().item()
    assert 0 < values["robust_accuracy"] < clean
    assert values["protocol"] == "PGD, ε 0.1 in each pixel of [0, 1], 5 steps of 0.05, 2 random starts, 40 images"
    assert values["attack"].pixels.std() > 10
    assert attack(model, test, seed=0) == {}


def test_one_step_is_weaker_than_many(learnt):
    model, test = learnt
    with torch.no_grad():
        once = attack(model, test, method="fgsm", epsilon=0.15, seed=0)
        many = attack(model, test, method="pgd", epsilon=0.15, seed=0)
    assert many["robust_accuracy"] < once["robust_accuracy"]
    assert once["protocol"] == "FGSM, ε 0.15 in each pixel of [0, 1], 100 images"


def test_the_sampler_shows_as_many_images_as_it_is_asked_for(learnt):
    model, test = learnt
    with torch.no_grad():
        few, many = (show_attack(model, test, count=count, attack_steps=2, seed=0)["attack"] for count in (2, 4))
    assert few.pixels.shape[1] < many.pixels.shape[1]


def test_eval_measures_any_run_by_bare_options(tmp_path):
    overlay = {**testing.QUIET, "steps": 3, "model.width": 4}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    run = dlplug.run("digits", overlay, out=str(tmp_path / "run"))
    assert not any("robust" in key for key in run.result["metrics"])
    asked = {"attack": "pgd", "epsilon": "0.1", "attack-steps": "3", "restarts": "2"}
    values = dlplug.evaluate(str(run.folder), asked)
    assert values["test/robust_accuracy"] <= values["test/accuracy"]
    assert "ε 0.1 in each pixel of [0, 1], 3 steps of 0.0833333, 2 random starts, 360 images" in values["protocol"]


def test_mnist_adversarial_learns_and_resumes(tiny_mnist):
    small = {"data.validation": 50, "data.batch_size": 25, "model.width": 2, "model.hidden": 8, "loss.steps": 2}
    testing.check_recipe("mnist-adversarial", small)


def test_training_watches_by_less_than_eval_measures(tiny_mnist, tmp_path):
    overlay = {**testing.QUIET, "steps": 2, "data.validation": 50, "model.width": 2, "attack_count": 10}
    if "wandb" in testing.load_host().names("observers"):
        overlay["wandb.mode"] = "off"
    overlay["metrics.attack.attack_count"] = overlay.pop("attack_count")
    run = dlplug.run("mnist-adversarial", overlay, out=str(tmp_path / "run"))
    assert "20 steps of 0.0375, 2 random starts, 10 images" in run.result["protocol"]
    protocol = dlplug.evaluate(str(run.folder))["protocol"]
    assert "50 steps of 0.01, 10 random starts, 60 images" in protocol
    (target,) = ADVERSARIAL_RECIPES["mnist-adversarial"].targets
    assert "50 steps of 0.01, 10 random starts" in target.protocol
    assert "2 steps" in dlplug.evaluate(str(run.folder), {"attack_steps": 2, "restarts": 1})["protocol"]
