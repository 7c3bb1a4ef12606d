"""Harder kinds of learning through the same `fit`: each learns what can be checked, and goes on bit for bit."""

import wave
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import toys
from tiny_kinds import audio, detector, graph, pixels, ppo, self_play

from dlplug import Progress, acting, fit
from dlplug.testing import assert_same, check_data, check_loss, through_a_file
from dlplug.training.counters import attributes_of
from dlplug.training.meter import Meter
from dlplug.training.optimizers import adam, lbfgs
from dlplug.training.stepper import Stepper

pytestmark = pytest.mark.usefixtures("_seeded")


@pytest.fixture
def _seeded():
    torch.set_num_threads(1)


class Kind(NamedTuple):
    data: Any
    model: Any
    loss: Any
    steps: int
    make: Any = partial(adam, learning_rate=0.01)


KINDS = {
    "ppo": Kind(ppo.Corridor, ppo.ActorCritic, ppo.Ppo, 10),
    "two-optimizers": Kind(ppo.Corridor, ppo.ActorCritic, ppo.TwoOptimizers, 80),
    "self-play": Kind(self_play.Nim, self_play.PolicyValue, self_play.search_targets, 60),
    "detector": Kind(detector.Squares, detector.Detector, detector.detection, 250),
    "pixels": Kind(pixels.Picture, pixels.Pixels, pixels.Features, 20, lbfgs),
    "accumulated": Kind(toys.Moons, toys.Mlp, partial(toys.cross_entropy, micro=4), 200),
    "audio": Kind(audio.Tones, audio.NextSample, audio.next_sample, 80),
    "graph": Kind(graph.Communities, graph.Gcn, graph.labelled_nodes, 100),
}


class Learner:
    """What a trainer builds and saves."""

    def __init__(self, kind):
        torch.manual_seed(0)
        self.kind, self.data = kind, kind.data(seed=0)
        self.loss = kind.loss(kind.model(self.data.spec))
        parts = {part: self.loss.model.get_submodule(part) for part in self.loss.parts}
        needs_closure = getattr(kind.make, "closures", False)
        self.steppers = {n: Stepper(part, kind.make(part.parameters()), needs_closure) for n, part in parts.items()}
        self.data.meet(self.loss.model)
        self.meter = Meter()

    def learn(self, start, stop):
        def before(step):
            for holder in (self.data, self.loss):
                for progress in attributes_of(holder, Progress):
                    progress.set(step / self.kind.steps)

        self.loss.model.train()
        fit(self.data, self.loss, self.steppers, stop, start=start, before=before,
            after=lambda step, updates: bool(self.meter.add(updates)))  # fmt: skip
        return self

    def state(self):
        return through_a_file({
            "model": self.loss.model.state_dict(), "loss": self.loss.state_dict(), "data": self.data.state_dict(),
            "steppers": {part: stepper.state_dict() for part, stepper in self.steppers.items()},
            "random": torch.get_rng_state(),
        })  # fmt: skip

    def load(self, state):
        self.loss.model.load_state_dict(state["model"])
        self.loss.load_state_dict(state["loss"])
        self.data.load_state_dict(state["data"])
        for part, stepper in self.steppers.items():
            stepper.load_state_dict(state["steppers"][part])
        torch.set_rng_state(state["random"])
        return self


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_learns_and_goes_on_bit_for_bit(name):
    kind = KINDS[name]
    half = kind.steps // 2
    straight = Learner(kind).learn(0, half)
    saved = straight.state()
    straight.learn(half, kind.steps)
    resumed = Learner(kind).load(saved).learn(half, kind.steps)
    assert_same(resumed.state(), straight.state(), "straight, and in two halves")
    with acting(straight.loss.model):
        CHECKS[name](straight)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_keeps_the_contract(name):
    learner = Learner(KINDS[name])
    data = learner.kind.data(seed=0)
    check_data(data, learner.loss.model)
    check_loss(learner.kind.loss(learner.loss.model), next(iter(data.batches(learner.loss.model))))


def walks(learner):
    cells = F.one_hot(torch.arange(5), 5).float()
    assert (learner.loss.product()(cells)[:, 1] > learner.loss.product()(cells)[:, 0]).all()


def walks_with_two_optimizers(learner):
    walks(learner)
    values = learner.meter.flush(learner.kind.steps)
    assert {"actor_largest", "critic_largest", "actor_loss", "critic_loss"} == values.keys()
    assert values["actor_largest"] != values["critic_largest"]


def plays_nim(learner):
    """Leaves the other a multiple of 4 wherever it can, and has three past selves."""
    assert len(learner.data.pool) == 3
    thinks = self_play.opinions(learner.loss.model)
    best = {pile: 1 + thinks[pile][0].index(max(thinks[pile][0])) for pile in (1, 2, 3, 5, 6, 7)}
    assert best == {1: 1, 2: 2, 3: 3, 5: 1, 6: 2, 7: 3}


def finds_boxes(learner):
    held_out = detector.Squares(seed=1).draw(200)
    assert detector.recall(learner.loss.model, held_out) > 0.8


def makes_the_picture_again(learner):
    assert (learner.loss.model.pixels - learner.data.x).abs().max() < 0.05
    values = learner.meter.flush(learner.kind.steps)
    assert values["evaluations"] >= 1


def separates_moons(learner):
    assert toys.accuracy(learner.loss.product(), learner.data.split("val"))["accuracy"] > 0.95


def hums(learner):
    torch.manual_seed(0)
    made = audio.hum(learner.loss.product(), learner.data)["tone"]
    with wave.open(str(made.write(Path("tone.wav")))) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (audio.RATE, 400, 1)
        heard = np.frombuffer(file.readframes(400), "<i2")
    assert np.abs(np.fft.rfft(heard)).argmax() * audio.RATE / 400 == audio.TONE


def tells_communities(learner):
    graph = learner.data.split("val")
    right = (learner.loss.product()(graph).argmax(1) == graph.y)[~graph.learnt]
    assert right.float().mean() > 0.9


CHECKS = {
    "ppo": walks, "two-optimizers": walks_with_two_optimizers, "self-play": plays_nim, "detector": finds_boxes,
    "pixels": makes_the_picture_again, "accumulated": separates_moons, "audio": hums, "graph": tells_communities,
}  # fmt: skip
