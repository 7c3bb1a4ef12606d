"""Generated samples, and a film of those logged during training. For every product with the protocol `Generating`."""

from __future__ import annotations

from typing import Any

from dlplug_figures.figure import even

from dlplug import Image, NonNegativeInt, PositiveInt, Run, UserError, Video, checked_by, neutral_options
from dlplug_generative.generating import examples_of, generating
from dlplug_generative.samples.drawing import frames, grid, pixels, saved_images, scatter


def check_generated(
    product: Any, data: Any, *, count: int, label: int | None, steps: int | None, single: bool, seed: int
) -> None:
    generating(product).check(count, label, steps)


@checked_by(check_generated)
@neutral_options("count", "label", "steps", "single")
def generated(
    product: Any,
    data: Any,
    *,
    count: PositiveInt = 64,
    label: NonNegativeInt | None = None,
    steps: PositiveInt | None = None,
    single: bool = False,
    seed: int,
) -> dict[str, Image]:
    """Generated samples: a grid of images, or points over those of the data.

    As a metric it logs samples from the same noise each time, for `dlplug sample RUN --what history`.

    count: number of images or points.
    label: class to generate, for a conditional model.
    steps: sampling steps, for diffusion models.
    single: write each image to a file of its own.
    """
    samples = generating(product).generate(count, seed=seed, label=label, steps=steps)
    of = "" if label is None else f" of class {label}"
    if samples.ndim == 2:
        return {"generated": scatter(samples, examples_of(data).x, f"{count:,} generated points{of}, over the data")}
    if single:
        digits = len(str(count - 1))
        return {f"generated-{n:0{digits}d}": Image(alone(x)) for n, x in enumerate(samples.split(1))}
    return {"generated": Image(grid(samples), f"{count} generated images{of}")}


def alone(x: Any) -> Any:
    """An image (1, C, H, W) in [0, 1] as it is, uint8 (H, W, 3)."""
    return pixels(x[0].float().cpu().clamp(0, 1).permute(1, 2, 0).expand(-1, -1, 3))


def history(
    product: Any, data: Any, *, picture: str = "generated", fps: PositiveInt = 5, still: PositiveInt = 5, run: Run
) -> dict[str, Video | int]:
    """The images that a run logged during training, as a film; `--out film.gif` writes a GIF.

    picture: name of the logged pictures, as in the run's `media` folder.
    fps: frames per second.
    still: how many times longer the last frame is shown.
    """
    paths = saved_images(run.folder / "media", picture)
    if not paths:
        raise UserError(
            f"{run.folder} logged no images {picture!r}: a run with the metric {picture} and --eval-every logs them"
        )
    caption = f"samples from the same noise at {len(paths)} steps of training"
    return {"history": Video((even(frame) for frame in frames(paths, still)), fps, caption), "pictures": len(paths)}
