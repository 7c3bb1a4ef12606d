"""A player with a replay: DQN on a corridor."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Data, Lagged, Loss, Spec, Update

from .devices import device_of, on


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
