"""Random search, and the tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna with its storage beside
the runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlplug.errors import UserError
from dlplug_report.sweep.plan import Job, Sweep, digest
from dlplug_report.sweep.runs import Outcome
from dlplug_report.sweep.values import Choices

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

FAILED = "failed"  # attribute of a trial whose run ended with an error; it counts as a trial, a stopped one is repeated


class Search:
    """An Optuna study of the sweep. Another call with the same sweep continues it; the method may change.

    Each trial is run with every seed; its value is the mean.
    """

    def __init__(self, sweep: Sweep, method: str, trials: int) -> None:
        """Raises UserError where Optuna is missing."""
        assert sweep.goal is not None
        self.sweep, self.goal, self.trials = sweep, sweep.goal, trials
        self.study = _study(sweep, method)
        self.open: dict[Path, list[Trial]] = {}
        for trial in self.study.trials:
            if trial.state.name == "RUNNING":  # an earlier call was stopped: its runs are resumed
                self.study.tell(trial.number, state=_state("FAIL"))
                self.study.enqueue_trial(trial.params)

    @property
    def left(self) -> int:
        """The number of remaining trials."""
        finished = sum(trial.state.name == "COMPLETE" or FAILED in trial.user_attrs for trial in self.study.trials)
        return max(0, self.trials - finished)

    def plans(self) -> Iterator[list[Job]]:
        """The runs of each remaining trial."""
        for _ in range(self.left):
            trial = self.study.ask()
            jobs = self.jobs(self._suggested(trial))
            self.open.setdefault(jobs[0].folder, []).append(trial)
            yield jobs

    def jobs(self, tried: dict[str, Any]) -> list[Job]:
        return [self.sweep.job(tried, seed) for seed in self.sweep.seeds]

    def finish(self, outcomes: list[Outcome]) -> None:
        """Reports a trial's value to the study. A stopped trial stays open in the storage, for the next call."""
        trial = self.open[outcomes[0].job.folder].pop(0)
        if any(outcome.status in ("interrupted", "left") for outcome in outcomes):
            return
        values = [self.goal.value(outcome.result) for outcome in outcomes]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        if len(finite) == len(values) and all(outcome.status != "failed" for outcome in outcomes):
            self.study.tell(trial, sum(finite) / len(finite))
            return
        measured = "is not finite" if any(value is not None for value in values) else "was not measured"
        message = next((outcome.message for outcome in outcomes if outcome.message), f"{self.goal.metric} {measured}")
        trial.set_user_attr(FAILED, message)
        self.study.tell(trial, state=_state("FAIL"))

    def all_jobs(self) -> list[Job]:
        """The jobs of all trials so far."""
        return [job for trial in self.study.trials if trial.params for job in self.jobs(self._ordered(trial))]

    def _suggested(self, trial: Trial) -> dict[str, Any]:
        tried: dict[str, Any] = {}
        for option, space in self.sweep.tried.items():
            if isinstance(space, Choices):
                tried[option] = trial.suggest_categorical(option, space.values)
            elif isinstance(space.low, int) and isinstance(space.high, int):
                tried[option] = trial.suggest_int(option, space.low, space.high, log=space.log)
            else:
                tried[option] = trial.suggest_float(option, space.low, space.high, log=space.log)
        return tried

    def _ordered(self, trial: FrozenTrial) -> dict[str, Any]:
        return {option: trial.params[option] for option in self.sweep.tried if option in trial.params}


def _study(sweep: Sweep, method: str) -> Study:
    try:
        import optuna
    except ModuleNotFoundError:
        raise UserError("a search needs Optuna: pip install optuna") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    assert sweep.goal is not None
    sweep.out.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{(sweep.out / 'search.db').resolve()}",
        study_name=digest(sweep.digest, sweep.tried, sweep.seeds, sweep.goal),
        direction="maximize" if sweep.goal.maximise else "minimize",
        load_if_exists=True,
    )
    drawn = len(study.trials)  # the sampler's seed: a constant one would draw the same trials again
    if method == "random":
        study.sampler = optuna.samplers.RandomSampler(seed=drawn)
    else:
        study.sampler = optuna.samplers.TPESampler(seed=drawn, constant_liar=True)
    return study


def _state(name: str) -> Any:
    from optuna.trial import TrialState

    return TrialState[name]
