"""A convolutional autoencoder of series, a deep classifier of its code, and an end-to-end net, trained side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Labelled, Loss, PositiveInt, ProperFraction, Spec, Update, UserError
from dlplug_signals.spectra.nets.layers import Standardise, check_odd, check_series, conv_norm_relu, length_after
from dlplug_signals.spectra.nets.series_net import SeriesNet

STRIDE = 4  # of each convolution


class SeriesAutoencoder(nn.Module):
    """Strided convolutions to a code, and back: the standardised x (B, C, L) → its reconstruction.

    width: channels of the first stage; each further stage has twice as many.
    """

    def __init__(self, spec: Spec, *, width: int, stages: int, kernel: int, code: int) -> None:
        super().__init__()
        channels, length = spec.input
        short = length_after(length, STRIDE, stages)
        widths = [width * 2**stage for stage in range(stages)]
        inner = widths[-1] * short
        down = [conv_norm_relu(a, b, kernel, STRIDE) for a, b in pairwise([channels, *widths])]
        up = [lengthening(a, b) for a, b in pairwise(widths[::-1])]
        self.encoder = nn.Sequential(
            *(layer for stage in down for layer in stage), nn.Flatten(), nn.Linear(inner, code)
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(code, inner, bias=False), nn.Unflatten(1, (widths[-1], short))),
            *(nn.BatchNorm1d(widths[-1]), nn.ReLU(inplace=True)),
            *(layer for stage in up for layer in stage),
            *(nn.Conv1d(width, STRIDE * channels, 5, padding=2), Interleave(), Crop(length)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


def lengthening(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """(B, inputs, L) → (B, outputs, 4 L)."""
    convolution = nn.Conv1d(inputs, STRIDE * outputs, 5, padding=2, bias=False)
    return convolution, Interleave(), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)


class Interleave(nn.Module):
    """(B, 4 C, L) → (B, C, 4 L): a pixel shuffle in one dimension (Shi et al. 2016, arXiv:1609.05158)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, STRIDE)).transpose(2, 3).flatten(2)


class Crop(nn.Module):
    """The first points of a series, for lengths that the strides do not divide."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.length]


class Outputs(NamedTuple):
    """The standardised input and its reconstruction (B, C, L), the code (B, code), and the logits (B, classes) of the
    classifier of the code and of the end-to-end net."""

    x: Tensor
    reconstruction: Tensor
    code: Tensor
    code_logits: Tensor
    logits: Tensor


class TwoPipelines(nn.Module):
    """A convolutional autoencoder with a deep classifier of its code, and a net that is trained end to end.

    code: dimensions of the code.
    width, stages, kernel: of the autoencoder's convolutions and of the end-to-end net's (see `series-net`).
    hidden: hidden size of the code's classifier, which has two hidden layers.
    dropout: dropout rate of both classifiers.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        code: PositiveInt = 64,
        width: PositiveInt = 16,
        stages: PositiveInt = 3,
        kernel: PositiveInt = 9,
        hidden: PositiveInt = 256,
        dropout: ProperFraction = 0.3,
    ) -> None:
        check_series("two-pipelines", spec)
        check_odd(kernel)
        super().__init__()
        self.standardise = Standardise(spec)
        self.autoencoder = SeriesAutoencoder(spec, width=width, stages=stages, kernel=kernel, code=code)
        self.classifier = nn.Sequential(
            nn.BatchNorm1d(code, affine=False),
            *(nn.Linear(code, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            nn.Linear(hidden, spec.output),
        )
        self.net = SeriesNet(spec, width=width, stages=stages + 1, stride=STRIDE, kernel=kernel, dropout=dropout)

    def forward(self, x: Tensor) -> Outputs:
        standardised = self.standardise(x)
        code = self.autoencoder.encoder(standardised)
        # the classifier learns from the code, which the autoencoder alone determines
        return Outputs(standardised, self.autoencoder.decoder(code), code, self.classifier(code.detach()), self.net(x))


class TwoPipelinesLoss(Loss):
    """The autoencoder's squared error, and cross entropy of the code's classifier and of the end-to-end net: each
    minimises its own, on the same batches.

    smoothing: label smoothing ε (Szegedy et al. 2016, section 7).
    """

    parts = ("autoencoder", "classifier", "net")

    def __init__(self, model: nn.Module, *, smoothing: ProperFraction = 0.1) -> None:
        super().__init__(model)
        if not isinstance(model, TwoPipelines):
            raise UserError("the loss two-pipelines trains an autoencoder and two classifiers: --model two-pipelines")
        self.smoothing = smoothing

    def updates(self, batch: Labelled) -> Iterator[Update]:
        outputs = self.model(batch.x)
        yield Update(F.mse_loss(outputs.reconstruction, outputs.x), "autoencoder")
        yield Update(F.cross_entropy(outputs.code_logits, batch.y, label_smoothing=self.smoothing), "classifier")
        yield Update(F.cross_entropy(outputs.logits, batch.y, label_smoothing=self.smoothing), "net")
