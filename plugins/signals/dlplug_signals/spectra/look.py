"""What an autoencoder of spectra has learnt, as pictures: a sampler."""

from __future__ import annotations

import torch
from torch import nn

from dlplug import Image, PositiveInt
from dlplug_signals.spectra.metrics import outputs_of
from dlplug_signals.spectra.pictures import code_picture, confusion_picture, reconstructions_picture
from dlplug_signals.spectra.series import HeldOut


def spectra_pictures(model: nn.Module, data: HeldOut, *, count: PositiveInt = 4, seed: int) -> dict[str, Image]:
    """Spectra with their reconstructions from the code, the code in two dimensions, and the confusion matrices of both
    classifiers.

    count: number of spectra to show, drawn by the seed.
    """
    outputs = outputs_of(model, data.x)
    drawn = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(seed))[:count]
    titles = [data.names[label] for label in data.y[drawn].tolist()]
    return {
        "reconstructions": reconstructions_picture(outputs.x[drawn], outputs.reconstruction[drawn], titles),
        "code": code_picture(outputs.code, data.y, data.names),
        "confusion": confusion_picture(outputs.logits.argmax(1), data),
        "code_confusion": confusion_picture(outputs.code_logits.argmax(1), data),
    }
