"""The loss of predictors of frames."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from dlplug import UserError, minimise
from dlplug_video.prediction.moving_digits import Clips


@minimise
def frame_error(model: nn.Module, batch: Clips) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Mean squared error per pixel of all predicted frames. Its sum over a frame's pixels, averaged over frames, is
    logged as mse_sum."""
    predicted = model(batch.past)
    if predicted.shape != batch.future.shape:
        raise UserError(
            f"the loss frame-error needs a model that predicts frames {tuple(batch.future.shape[1:])}, such as simvp "
            f"or convlstm; got {tuple(predicted.shape[1:])}"
        )
    error = squared_error(predicted, batch.future).mean()
    return error / batch.future[0, 0].numel(), {"mse_sum": error.detach()}


def squared_error(predicted: Tensor, true: Tensor) -> Tensor:
    """(N, T): the squared error of each frame of (N, T, C, H, W), summed over its pixels."""
    return ((predicted - true) ** 2).sum((2, 3, 4))
