"""The network of a team's members: one for all, with memory, and with what it was when it was younger."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable

import torch
from dlplug_play.on_policy.actor_critic import ActorCritic, Branch
from dlplug_play.on_policy.standardise import Standardise
from dlplug_play.specs import PlaySpec
from torch import nn

from dlplug import PositiveInt


class TeamNet(ActorCritic):
    """An actor with a critic.

    younger: a frozen copy, the initial network until `remember_itself` replaces it. It is saved with the weights, so
        that a trained run can be measured against it.
    """

    def __init__(self, spec: PlaySpec, branches: Iterable[Branch], standardise: Standardise) -> None:
        super().__init__(spec, branches, standardise)
        self.younger = copy.deepcopy(self).requires_grad_(False)

    @torch.no_grad()
    def remember_itself(self) -> None:
        own = self.state_dict()
        self.younger.load_state_dict({name: own[name] for name in self.younger.state_dict()})


def team_net(spec: PlaySpec, *, hidden: PositiveInt = 64, memory: PositiveInt = 64) -> TeamNet:
    """Two dense layers and an LSTM, shared by actor and critic, and by all members of a team.

    hidden: hidden size of the dense layers; MAPPO's (Yu et al. 2022, arXiv:2103.01955)
    memory: hidden size of the LSTM
    """
    sizes = [spec.input[0], hidden, hidden]
    layers = [layer for n, m in itertools.pairwise(sizes) for layer in (nn.Linear(n, m), nn.ReLU())]
    return TeamNet(spec, [Branch(nn.Sequential(*layers), hidden, memory)], Standardise())
