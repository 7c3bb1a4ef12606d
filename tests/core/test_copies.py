"""Past selves of a model, and a model in use: a pool, and `acting`."""

import pytest
import torch
from torch import nn

from dlplug import Pool, acting
from dlplug.testing import through_a_file
from dlplug.training.precision import acting_in_bf16


def filled(model, size, count):
    pool = Pool(model, size)
    for number in range(count):
        with torch.no_grad():
            model.weight.fill_(number)
        pool.add(model)
    return pool


def values(pool):
    return [member.get_parameter("weight").max().item() for member in pool]


def test_a_pool_keeps_the_newest_as_they_were():
    model = nn.Linear(2, 2)
    pool = filled(model, 3, 5)
    assert values(pool) == [2, 3, 4]
    assert pool[0].get_parameter("weight").max() == 2
    assert not any(p.requires_grad or member.training for member in pool for p in member.parameters())
    with torch.no_grad():
        model.weight.fill_(9)
    assert values(pool) == [2, 3, 4]


def test_a_pool_grows_and_shrinks_to_what_was_saved():
    saved = through_a_file(filled(nn.Linear(2, 2), 3, 2).state_dict())
    for before in (0, 3):
        pool = filled(nn.Linear(2, 2), 3, before)
        pool.load_state_dict(saved)
        assert values(pool) == [0, 1]
    with pytest.raises(ValueError, match="size must be at least 1"):
        Pool(nn.Linear(2, 2), 0)


def test_acting_leaves_every_module_in_its_mode():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2))
    model[2].eval()  # as a frozen feature net is
    with acting(model):
        assert not any(module.training for module in model.modules())
        assert not model(torch.ones(3, 2)).requires_grad
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert torch.is_grad_enabled()


def test_acting_computes_in_the_runs_precision_but_for_what_measures():
    model = nn.Linear(2, 2)
    with acting(model):
        assert model(torch.ones(1, 2)).dtype == torch.float32
    with acting_in_bf16(torch.device("cpu")):
        with acting(model):
            assert model(torch.ones(1, 2)).dtype == torch.bfloat16
        with acting(model, full_precision=True):
            assert model(torch.ones(1, 2)).dtype == torch.float32
        assert model(torch.ones(1, 2)).dtype == torch.float32
