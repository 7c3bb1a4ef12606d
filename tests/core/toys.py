"""A plugin of five tiny recipes that share nothing but the contract: classifier, WGAN-GP, DDPM, LSTM, DQN.

It is loaded as `-p tests/core/toys.py`, as anybody's unpackaged plugin is. Each shape of learning that the contract
must carry stands here once: one loss; two parts that take turns; averaged weights; sequences; a player with a replay.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import (
    Data,
    Labelled,
    Lagged,
    Loss,
    Order,
    Preset,
    Recipe,
    Spec,
    Target,
    Text,
    Turn,
    Update,
    hookimpl,
    minimise,
    use,
)


def device_of(model):
    return next(model.parameters()).device


def on(device, *tensors):
    return [tensor.to(device) for tensor in tensors]


# A classifier of points in two moons


class Moons(Data):
    """Two half circles.

    size: how many points.
    noise: deviation of the points from their half circle.
    batch_size: points a batch.
    """

    unit = "points"
    finite = True
    splits = ("val", "test")

    def __init__(self, *, size: int = 512, noise: float = 0.1, batch_size: int = 32, seed: int) -> None:
        self.order = Order(size, batch_size, seed)
        generator = torch.Generator().manual_seed(seed)
        angle = torch.rand(3 * size, generator=generator) * torch.pi
        y = (torch.arange(3 * size) % 2).long()
        side = 1.0 - 2.0 * y
        x = torch.stack([side * angle.cos() + y, side * angle.sin() + 0.5 * y], 1)
        x += noise * torch.randn(x.shape, generator=generator)
        self.parts = {name: (x[i::3], y[i::3]) for i, name in enumerate(("train", "val", "test"))}
        self.spec = Spec(input=(2,), output=2)

    def batches(self, model):
        x, y = on(device_of(model), *self.parts["train"])
        while True:
            index = self.order.next().to(x.device)
            self.count += len(index)
            yield Labelled(x[index], y[index])

    def steps_per_epoch(self):
        return self.order.steps_per_epoch

    def split(self, name):
        return Labelled(*self.parts[name])


class Mlp(nn.Sequential):
    """A hidden layer of tanh.

    width: of the hidden layer.
    dropout: probability of dropping a hidden number.
    """

    def __init__(self, spec: Spec, *, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__(nn.Linear(spec.input[0], width), nn.Tanh(), nn.Dropout(dropout), nn.Linear(width, spec.output))


@minimise
def cross_entropy(model, batch, *, smoothing: float = 0.0):
    """Cross entropy.

    smoothing: of the labels.
    """
    logits = model(batch.x)
    accuracy = (logits.argmax(1) == batch.y).float().mean()
    return F.cross_entropy(logits, batch.y, label_smoothing=smoothing), {"accuracy": accuracy}


def accuracy(product, data):
    """The share of right answers."""
    x, y = on(device_of(product), *data)
    right = (product(x).argmax(1) == y).float().mean().item()
    return {"accuracy": right, "note": Text(f"{right:.3f} of {len(data.y)}")}


# WGAN-GP with five critic steps


class Ring(Data):
    """Eight Gaussians on a ring, drawn anew for each batch."""

    def __init__(self, *, batch_size: int = 64, seed: int) -> None:
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(2,), output=2)

    def batches(self, model):
        y = torch.zeros(self.batch_size, dtype=torch.long)
        while True:
            yield Labelled(*on(device_of(model), self.draw(self.batch_size), y))

    def draw(self, count):
        angle = torch.randint(8, (count,), generator=self.generator) * (torch.pi / 4)
        centre = 2 * torch.stack([angle.cos(), angle.sin()], 1)
        return centre + 0.05 * torch.randn(count, 2, generator=self.generator)


class Pair(nn.Module):
    """A generator and a critic of points."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 1))


class WassersteinPenalty(Loss):
    """WGAN-GP (Gulrajani et al. 2017): `critic_steps` steps of the critic for one of the generator.

    critic_steps: critic steps for one generator step.
    penalty: weight λ of the gradient penalty.
    """

    parts = ("critic", "generator")

    def __init__(self, model: nn.Module, *, critic_steps: int = 5, penalty: float = 10.0) -> None:
        super().__init__(model)
        self.turn, self.penalty = Turn(critic_steps), penalty

    def updates(self, batch):
        fake = self.model.generator(torch.randn(len(batch.x), 4, device=batch.x.device))
        real_score, fake_score = self.model.critic(batch.x).mean(), self.model.critic(fake.detach()).mean()
        penalty = gradient_penalty(self.model.critic, batch.x, fake.detach())
        yield Update(fake_score - real_score + self.penalty * penalty, "critic", gradient_penalty=penalty)
        if self.turn():
            yield Update(-self.model.critic(fake).mean(), "generator")

    def product(self):
        return self.model.generator


def gradient_penalty(critic, real: Tensor, fake: Tensor) -> Tensor:
    """(|∇ D(x̂)| - 1)² at points x̂ between real and fake ones, both (B, D)."""
    share = torch.rand(len(real), 1, device=real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.norm(dim=1) - 1) ** 2).mean()


# DDPM with averaged weights


class Denoiser(nn.Module):
    """Predicts the noise in a noisy point at a time."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.net(torch.cat([x, time[:, None]], 1))


class Diffusion(Loss):
    """DDPM's simple loss (Ho et al. 2020), with averaged weights as the product."""

    def __init__(self, model: nn.Module, *, rate: float = 0.1) -> None:
        super().__init__(model)
        self.averaged = Lagged(model, rate)

    def updates(self, batch):
        time = torch.rand(len(batch.x), device=batch.x.device)
        kept = torch.cos(time * torch.pi / 2)[:, None]  # √ᾱ of a cosine schedule
        noise = torch.randn_like(batch.x)
        noisy = kept * batch.x + (1 - kept**2).sqrt() * noise
        yield Update(F.mse_loss(self.model(noisy, time), noise))
        self.averaged.follow(self.model)

    def product(self):
        return self.averaged


# An LSTM on a copy task


class Copy(Data):
    """Three symbols, then three blanks in which to repeat them."""

    def __init__(self, *, batch_size: int = 32, seed: int) -> None:
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(6,), output=4)

    def batches(self, model):
        while True:
            symbols = torch.randint(1, 4, (self.batch_size, 3), generator=self.generator)
            yield Labelled(*on(device_of(model), F.pad(symbols, (0, 3)), symbols))


class Recurrent(nn.Module):
    """An embedding, an LSTM and a read-out."""

    def __init__(self, spec: Spec, *, width: int = 32) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(spec.output, width), nn.LSTM(width, width, batch_first=True)
        self.read = nn.Linear(width, spec.output)

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.lstm(self.embed(x))[0])


@minimise
def repeat(model, batch):
    """Cross entropy of the repeated symbols."""
    return F.cross_entropy(model(batch.x)[:, 3:].transpose(1, 2), batch.y)


# DQN on a corridor


class Step(NamedTuple):
    obs: Tensor
    action: Tensor
    reward: Tensor
    next_obs: Tensor
    terminated: Tensor


class Walk(Data):
    """Five cells in a row; walking off the right end pays 1. The player acts with the model it is given."""

    unit = "moves"
    distributed = False

    def __init__(self, *, batch_size: int = 16, epsilon: float = 0.3, seed: int) -> None:
        self.batch_size, self.epsilon = batch_size, epsilon
        self.generator = torch.Generator().manual_seed(seed)
        self.spec = Spec(input=(5,), output=2)
        self.cell, self.memory, self.finished = 0, [], 0
        self.remembers = ("count", "cell", "memory", "finished")

    def batches(self, model):
        while True:
            obs = self.look(self.cell)
            with torch.no_grad():
                best = int(model(obs[None].to(device_of(model)))[0].argmax())
            explore = torch.rand((), generator=self.generator) < self.epsilon
            action = int(torch.randint(2, (), generator=self.generator)) if explore else best
            cell = max(0, self.cell + (1 if action else -1))
            over = cell == 5
            self.memory = [*self.memory[-255:], [self.cell, action, float(over), 0 if over else cell, float(over)]]
            self.cell, self.finished = 0 if over else cell, self.finished + over
            self.count += 1
            if len(self.memory) >= self.batch_size:
                yield Step(*on(device_of(model), *self.sample()))

    def sample(self):
        chosen = torch.randint(len(self.memory), (self.batch_size,), generator=self.generator).tolist()
        cell, action, reward, after, terminated = map(torch.tensor, zip(*(self.memory[i] for i in chosen), strict=True))
        return Step(self.look(cell), action, reward, self.look(after), terminated)

    def look(self, cell):
        return F.one_hot(torch.as_tensor(cell), 5).float()

    def values(self):
        finished, self.finished = self.finished, 0
        return {"finished": finished}


class Q(Loss):
    """Q-learning with a target network (Mnih et al. 2015)."""

    def __init__(self, model: nn.Module, *, gamma: float = 0.9, every: int = 10) -> None:
        super().__init__(model)
        self.gamma, self.target = gamma, Lagged(model, every=every)

    def updates(self, batch):
        with torch.no_grad():
            goal = batch.reward + self.gamma * (1 - batch.terminated) * self.target(batch.next_obs).amax(1)
        chosen = self.model(batch.obs).gather(1, batch.action[:, None])[:, 0]
        yield Update(F.smooth_l1_loss(chosen, goal), q=chosen.mean())
        self.target.follow(self.model)


def walk_length(product, data):
    """Greedy moves from the left end to the right, 100 where it never arrives."""
    cell, moves, device = 0, 0, device_of(product)
    while cell < 5 and moves < 100:
        cell, moves = max(0, cell + (1 if product(data.look(cell)[None].to(device)).argmax() else -1)), moves + 1
    return {"moves": moves}


@hookimpl
def register_data():
    return {"moons": Moons, "ring": Ring, "copy-three": Copy, "walk": Walk}


@hookimpl
def register_models():
    return {"mlp-toy": Mlp, "pair-toy": Pair, "denoiser-toy": Denoiser, "lstm-toy": Recurrent}


@hookimpl
def register_losses():
    return {"cross-entropy-toy": cross_entropy, "wgan-gp-toy": WassersteinPenalty, "ddpm-toy": Diffusion,
            "repeat-toy": repeat, "q-toy": Q}  # fmt: skip


@hookimpl
def register_metrics():
    return {"accuracy-toy": accuracy, "walk-length": walk_length}


@hookimpl
def register_recipes():
    adam = use("adam", learning_rate=0.01)
    return {
        "toy-moons": Recipe(
            summary="classify two moons", data="moons", model="mlp-toy", loss="cross-entropy-toy", optimizer=adam,
            length="400 steps", metrics=["accuracy-toy"], source="none",
            trainer=use("torch", threads=1, log_every=50, eval_every=100),
            targets=[Target("test/accuracy", "test split", "none", at_least=0.9)],
            presets={"tiny": Preset("a narrow net", {"model.width": 4, "points": 6400},
                                    [Target("test/accuracy", "test split", "none", at_least=0.8)])},
        ),
        "toy-gan": Recipe(
            summary="points on a ring", data="ring", model="pair-toy", loss="wgan-gp-toy", length="100 steps",
            optimizer={"critic": adam, "generator": use("adam", learning_rate=0.001, beta1=0.5)}, source="none",
            trainer=use("torch", threads=1),
        ),
        "toy-ddpm": Recipe(
            summary="denoise a ring", data="ring", model="denoiser-toy", loss="ddpm-toy", length="100 steps",
            optimizer=use("adamw", learning_rate=0.01, schedule="cosine", warmup=0.1, clip_norm=1.0), source="none",
            trainer=use("torch", threads=1),
        ),
        "toy-lstm": Recipe(
            summary="repeat three symbols", data="copy-three", model="lstm-toy", loss="repeat-toy", length="200 steps",
            optimizer=use("rmsprop", learning_rate=0.01), source="none", trainer=use("torch", threads=1),
        ),
        "toy-dqn": Recipe(
            summary="walk to the right", data="walk", model="mlp-toy", loss="q-toy", length="500 moves",
            optimizer=adam, metrics=["walk-length"], source="none", trainer=use("torch", threads=1),
            targets=[Target("eval/moves", "greedy, from the left end", "none", at_most=5)],
        ),
    }  # fmt: skip
