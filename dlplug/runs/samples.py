"""What a trained run makes to be looked at: pictures, videos and numbers, or a text that is shown as it is written."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.errors import UserError, nearest
from dlplug.host.plugins import Entry, Host
from dlplug.host.signatures import Option
from dlplug.host.startup import lasting
from dlplug.options.parsing import flag, parse
from dlplug.options.reading import Config
from dlplug.output import command
from dlplug.ranges import Seed
from dlplug.recipes import as_use
from dlplug.runs.folder import current_config, located
from dlplug.runs.sample_files import SampleFiles, Show

if TYPE_CHECKING:
    from dlplug.runs.run import Run

log = logging.getLogger("dlplug")


def sample(
    name: str | Path | Run,
    options: Mapping[str, Any] | None = None,
    *,
    what: str = "",
    out: str = "",
    host: Host | None = None,
    show: Show = None,
) -> dict[str, Any]:
    """Runs a sampler on a trained run and writes its output. Returns numbers, and the paths of the files written.

    name: a run, a run folder, or a recipe's name for its newest run.
    options: the sampler's own and `seed` (the run's by default); others overlay the run's, {"data.game": "breakout"}.
    what: the sampler; "" is the recipe's first. out: a file, or a new folder, instead of one below the run folder.
    show: called with each piece of a text while it is generated.

    Raises UserError for what a user can mend.
    """
    folder, host = located(name, host)
    saved = current_config(folder, host)
    sampler, known = sampler_of(host, saved["recipe"], what, saved["seed"])
    if sampler.name not in sampler_names(host, saved["recipe"]):
        log.info(f"{sampler.name} is no sampler of {saved['recipe']}'s own, and may not fit it")
    of_sampler, of_run = _divided(host, sampler, known, saved, options or {})
    values = parse(known, of_sampler, f"dlplug sample {folder}")
    seed = values.pop("seed")
    files = SampleFiles(folder, out)

    from dlplug.runs.runner import open_run

    execution = open_run(folder, of_run, host=host)
    with lasting():  # torch: what is wrong shows before it takes its seconds
        from dlplug.training.checks import check_factories, check_fits
        from dlplug.training.precision import acting
        from dlplug.training.trainer import seed_everything
    arguments = sampler.signature().arguments(values, seed=seed, run=execution)
    check_factories(execution, {f"sampler {sampler.name}": sampler.load()})
    job = execution.make("trainer").load(execution)
    seed_everything(seed)
    try:
        product, held_out = job.loss.product(), job.data.split(job.data.splits[-1])
        check_fits(
            sampler.load(), product, held_out, f"sampler {sampler.name}", (saved["loss"], execution.config["data"])
        )
        with acting(job.model), files:
            return files.write(sampler.name, sampler.load()(product, held_out, **arguments), show)
    finally:
        job.data.close()


def sampler_names(host: Host, recipe: str) -> list[str]:
    return [as_use(sampler).name for sampler in host.recipe(recipe).samplers]


def sampler_of(host: Host, recipe: str, what: str = "", seed: int = 0) -> tuple[Entry, list[Option]]:
    """The sampler of that name, or a recipe's first; and its options, `seed` among them, with the defaults that the
    recipe gives them. Raises UserError where there is none."""
    definition = host.recipe(recipe)
    named = {as_use(sampler).name: as_use(sampler).options for sampler in definition.samplers}
    if not named and not what:
        metrics = ", ".join(as_use(metric).name for metric in definition.metrics)
        instead = f"`{command('eval', recipe)}` has its metrics: {metrics}" if metrics else "nor has it metrics"
        raise UserError(f"recipe {recipe} has no sampler; {instead}")
    what = what or next(iter(named))
    if what not in host.names("samplers") and named:
        raise UserError(f"recipe {recipe} has no sampler {what!r}.{nearest(what, named)}")
    sampler, defaults = host.get("samplers", what), named.get(what, {})
    known = [dataclasses.replace(o, default=defaults.get(o.name, o.default)) for o in sampler.signature().options]
    return sampler, [*known, Option("seed", Seed, seed, "seed of all random number generators")]


def _divided(
    host: Host, sampler: Entry, known: list[Option], saved: Config, options: Mapping[str, Any]
) -> tuple[Config, Config]:
    """The sampler's options, and the rest, which is for the run. Raises UserError for a name that neither has."""
    names = [option.name for option in known]
    allowed = [*names, *(key for key in saved if "." not in key), *host.names("observers")]
    for key in options:
        if "." not in key and key not in allowed:
            hint = nearest(flag(key), map(flag, allowed))
            raise UserError(f"sampler {sampler.name} has no option {flag(key)}.{hint}")
    rest = {key: value for key, value in options.items() if key not in names}
    return {key: value for key, value in options.items() if key in names}, rest
