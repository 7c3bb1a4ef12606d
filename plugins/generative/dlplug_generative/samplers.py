"""What a generative model has learnt to make, and how it came to it. For every product that keeps `Generating`."""

from __future__ import annotations

from typing import Any

from dlplug import Image, NonNegativeInt, PositiveInt, Run, UserError, Video, checked_by, neutral_options
from dlplug_generative.generating import examples_of, generating
from dlplug_generative.pictures import even, frames, grid, kept, pixels, scatter


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
    """What the model makes of noise: a grid of pictures, or points over those of the data.

    As a metric it keeps a picture of the same noise each time, for `dlplug sample RUN --what history`.

    count: how many pictures or points.
    label: the class to make, of a model that has learnt classes.
    steps: of a sampler that makes its pictures by and by.
    single: each picture as a file of its own.
    """
    made = generating(product).generate(count, seed=seed, label=label, steps=steps)
    of = "" if label is None else f" of the label {label}"
    if made.ndim == 2:
        return {"generated": scatter(made, examples_of(data).x, f"{count:,} generated points{of}, over the data")}
    if single:
        digits = len(str(count - 1))
        return {f"generated-{n:0{digits}d}": Image(alone(x)) for n, x in enumerate(made.split(1))}
    return {"generated": Image(grid(made), f"{count} generated pictures{of}")}


def alone(x: Any) -> Any:
    """A picture (1, C, H, W) in [0, 1] as it is, uint8 (H, W, 3)."""
    return pixels(x[0].float().cpu().clamp(0, 1).permute(1, 2, 0).expand(-1, -1, 3))


def history(
    product: Any, data: Any, *, picture: str = "generated", fps: PositiveInt = 5, still: PositiveInt = 5, run: Run
) -> dict[str, Video | int]:
    """The pictures that a run kept as it learnt, as a film; `--out film.gif` makes a GIF of it.

    picture: the name of the pictures, as files in the run's `media` have it.
    fps: pictures a second.
    still: how many times longer the last one is shown.
    """
    paths = kept(run.folder / "media", picture)
    if not paths:
        raise UserError(
            f"{run.folder} kept no pictures {picture!r}: a run with the metric {picture} and --eval-every keeps them"
        )
    caption = f"{len(paths)} pictures of the same noise, as the model learnt"
    return {"history": Video((even(frame) for frame in frames(paths, still)), fps, caption), "pictures": len(paths)}
