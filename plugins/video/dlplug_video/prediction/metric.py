"""Errors of predicted frames beside those of the last frame copied, and films of truth beside prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlplug import PositiveInt, Table, neutral_options
from dlplug.stop import stoppable
from dlplug_video.films import side_by_side
from dlplug_video.prediction.loss import squared_error
from dlplug_video.prediction.moving_digits import HeldOutClips, as_floats
from dlplug_video.prediction.ssim import ssim


@neutral_options("count")
def prediction(model: nn.Module, data: HeldOutClips, *, count: PositiveInt = 4) -> Mapping[str, Any]:
    """Squared error and SSIM of the predicted frames of a whole split, and a film.

    mse_sum_generated is summed over a frame's pixels in [0, 1] and averaged over frames and sequences; ssim has a
    Gaussian window of 11x11 pixels. copy_last_mse_sum and copy_last_ssim are those of the last given frame, copied.

    count: number of sequences in the film.
    """
    errors, baseline, films = [], [], []
    for past, future in stoppable(zip(data.past.split(50), data.future.split(50), strict=True)):
        true, predicted = as_floats(future), predicted_by(model, past)
        errors.append(scores(predicted, true))
        baseline.append(scores(as_floats(past)[:, -1:].expand_as(true), true))
        if not films:
            films = [past[:count], future[:count], predicted[:count]]
    (mse, similarity), (copied_mse, copied_similarity) = (torch.cat(each).mean(0) for each in (errors, baseline))
    return {
        "mse_sum_generated": mse.mean(),
        "ssim": similarity.mean(),
        "copy_last_mse_sum": copied_mse.mean(),
        "copy_last_ssim": copied_similarity.mean(),
        "frames": by_frame(mse, similarity, copied_mse),
        "film": side_by_side(*films),
    }


def predicted_by(model: nn.Module, past: Tensor) -> Tensor:
    """The predicted frames (N, T', C, H, W) in [0, 1] after uint8 frames (N, T, C, H, W), on the CPU."""
    device = next(model.parameters()).device
    return model(as_floats(past.to(device))).float().cpu()


def scores(predicted: Tensor, true: Tensor) -> Tensor:
    """(N, 2, T'): each frame's squared error, summed over its pixels, and its SSIM."""
    similarity = ssim(predicted.flatten(0, 1), true.flatten(0, 1)).view(true.shape[:2])
    return torch.stack([squared_error(predicted, true), similarity], 1)


def by_frame(mse: Tensor, similarity: Tensor, copied: Tensor) -> Table:
    rows = [
        [f"{n}", *(f"{value:.4g}" for value in row)]
        for n, row in enumerate(torch.stack([mse, similarity, copied], 1).tolist(), 1)
    ]
    return Table(["frame", "mse_sum", "ssim", "copy_last_mse_sum"], rows, "errors of each predicted frame")


def show_prediction(model: nn.Module, data: HeldOutClips, *, count: PositiveInt = 4, seed: int) -> Mapping[str, Any]:
    """A film of true frames beside predicted ones.

    count: number of sequences, drawn from the split by the seed.
    """
    drawn = torch.randperm(len(data.past), generator=torch.Generator().manual_seed(seed))[:count]
    past, future = data.past[drawn], data.future[drawn]
    return {"film": side_by_side(past, future, predicted_by(model, past))}
