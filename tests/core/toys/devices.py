"""Where a model and its batch are."""

from __future__ import annotations


def device_of(model):
    return next(model.parameters()).device


def on(device, *tensors):
    return [tensor.to(device) for tensor in tensors]
