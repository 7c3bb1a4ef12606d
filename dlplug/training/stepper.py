"""The `Stepper` of one part of the model: applies an `Update` as an optimizer step."""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlplug.contracts import Closure, Update, value_and_logged
from dlplug.distributed import average, average_gradients
from dlplug.errors import UserError
from dlplug.ranges import Fraction, PositiveFloat
from dlplug.training.optimizers import Schedule, rate_factor


class Stepper:
    """Updates one part of a model: backward to its weights alone, average over processes, clip, step, zero.

    needs_closure: whether the optimizer evaluates the loss itself, several times per step (L-BFGS). Not an option.
    clip_norm: largest norm of the part's gradient; larger ones are scaled down. None never clips.
    schedule: learning rate schedule over the training.
    warmup: fraction of the training over which the learning rate rises linearly from zero.
    final: final learning rate of a decaying schedule, as a fraction of the learning rate.
    """

    def __init__(
        self,
        part: nn.Module,
        optimizer: Optimizer,
        needs_closure: bool = False,
        *,
        clip_norm: PositiveFloat | None = None,
        schedule: Schedule = "constant",
        warmup: Fraction = 0.0,
        final: Fraction = 0.0,
    ) -> None:
        self.parameters: Sequence[nn.Parameter] = [p for p in part.parameters() if p.requires_grad]
        _check_partition(part, optimizer)
        self.optimizer, self.needs_closure, self.clip_norm = optimizer, needs_closure, clip_norm
        self.holds = self.capturable = False
        self.schedule: Schedule = schedule
        self.warmup, self.final = warmup, final
        for group in optimizer.param_groups:
            group["lr"] *= group.pop("rate", 1.0)
        self.rates: list[float] = [float(group["lr"]) for group in optimizer.param_groups]
        self.scheduled = schedule != "constant" or warmup > 0.0
        self.initial = [_options(group) for group in optimizer.param_groups]

    def take(self, update: Update) -> None:
        """Takes an optimizer step on an update's loss, or only accumulates its gradients if the update holds them.

        Raises UserError for a plain loss where the optimizer needs a closure, and for a closure where gradients are
        held or steps are captured.
        """
        if update.closure is not None:
            self._evaluate(update, update.closure)
            return
        if self.needs_closure:
            raise UserError(
                f"the optimizer {type(self.optimizer).__name__} evaluates the loss several times a step, and the loss"
                f" {_of(update)} is a value: yield Update(lambda: …), or choose another --optimizer"
            )
        update.loss.backward(inputs=self.parameters)
        self.holds = update.hold
        if not update.hold:
            self._average_and_clip()
            self.optimizer.step()
            self._drop_gradients()

    def _drop_gradients(self) -> None:
        for parameter in self.parameters:  # torch's `zero_grad` takes ten times as long for a range in the profiler
            parameter.grad = None

    def _average_and_clip(self) -> None:
        average_gradients(self.parameters)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)

    def _evaluate(self, update: Update, closure: Closure) -> None:
        """A step with a closure; sets the update's loss and values to those of the first evaluation."""
        if self.holds:
            raise UserError(f"gradients are held, and a closure cannot add to them: the loss {_of(update)}")
        if self.capturable:
            raise UserError(
                f"--graph: the loss {_of(update)} is a closure, which a graph cannot hold; leave --graph out"
            )
        evaluated: list[tuple[Tensor, dict[str, Any]]] = []

        def evaluate() -> Any:  # a tensor, which torch's types call a float
            self._drop_gradients()
            loss, values = value_and_logged(closure())
            loss.backward(inputs=self.parameters)
            self._average_and_clip()
            mean = average(loss.detach())  # line searches must see the same value in all processes
            evaluated.append((mean, values))
            return mean

        self.optimizer.step(evaluate)
        self._drop_gradients()
        update.loss, values = evaluated[0]
        update.values = {**update.values, **values, "evaluations": len(evaluated)}

    def set_progress(self, progress: float) -> None:
        """Sets the learning rate. progress: the fraction of the training that is done, in [0, 1]."""
        if not self.scheduled:
            return
        factor = rate_factor(progress, self.schedule, self.warmup, self.final)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor

    def make_capturable(self) -> None:
        """Moves the learning rate to the device, so that a CUDA graph can capture the step."""
        self.capturable = True
        for group in self.optimizer.param_groups:
            device = group["params"][0].device
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
            if "capturable" in group:
                group["capturable"] = True
        self.initial = [_options(group) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state, with the learning rates before any schedule, and the names of the group options that
        the optimizer itself has changed, which are state too."""
        state = self.optimizer.state_dict()
        groups = [{**group, "lr": rate} for group, rate in zip(state["param_groups"], self.rates, strict=True)]
        changed = [
            [name for name, value in _options(group).items() if name != "lr" and not _equal(value, initial.get(name))]
            for group, initial in zip(groups, self.initial, strict=True)
        ]
        return {**state, "param_groups": groups, "optimizer": type(self.optimizer).__name__, "changed": changed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the state alone: this optimizer keeps its own learning rate, weight decay and other options.

        Raises UserError for the state of another optimizer, or for other weights.
        """
        mine, saved = self.optimizer.param_groups, state["param_groups"]
        name = type(self.optimizer).__name__
        if state.get("optimizer", name) != name:
            raise UserError(
                f"the checkpoint's optimizer is {state['optimizer']}, and {name} cannot go on from its state"
            )
        if [len(group["params"]) for group in mine] != [len(group["params"]) for group in saved]:
            raise UserError(f"the checkpoint's {name} moves other weights than this one")
        changed = state.get("changed") or [[] for _ in mine]
        settings = [_options(group) for group in mine]
        for options, group, names in zip(settings, saved, changed, strict=True):
            options |= {name: group[name] for name in names}
        groups = [{**options, "params": group["params"]} for options, group in zip(settings, saved, strict=True)]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
        for group, options, before in zip(self.optimizer.param_groups, settings, saved, strict=True):
            group.update(options)  # torch copied the values; a captured step reads the original tensor
            if any(name not in before or not _equal(value, before[name]) for name, value in options.items()):
                if self.needs_closure:
                    self.optimizer.state.clear()  # its curvature estimate was made with other options
                else:
                    _add_missing_state(self.optimizer, group)


def _check_partition(part: nn.Module, optimizer: Optimizer) -> None:
    """Raises UserError where the optimizer's groups do not hold each trainable weight of the part exactly once."""
    held = Counter(id(parameter) for group in optimizer.param_groups for parameter in group["params"])
    counts = {name: held[id(weight)] for name, weight in part.named_parameters() if weight.requires_grad}
    wrong = [name for name, count in counts.items() if count != 1]
    if wrong:
        found = "several times" if counts[wrong[0]] else "not at all"
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise UserError(
            f"the optimizer {type(optimizer).__name__} moves {wrong[0]!r}{more} {found}: each trainable weight belongs"
            " to exactly one of its groups"
        )


def _of(update: Update) -> str:
    return f"of the part {update.part!r}" if update.part else "of the model"


def _options(group: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one.cpu(), other.cpu())
    return bool(one == other)


@torch.no_grad()
def _add_missing_state(optimizer: Optimizer, group: dict[str, Any]) -> None:
    """Adds the state that the group's options need and the checkpoint lacks (a momentum buffer, where the run began
    without momentum), with the optimizer's initial values: from a step of a copy of the optimizer on zeros."""
    for parameter in group["params"]:
        state = optimizer.state.get(parameter)
        if not state:
            continue  # the first step creates it
        zeros = torch.zeros_like(parameter, requires_grad=True)
        zeros.grad = torch.zeros_like(parameter)
        fresh = copy.copy(optimizer)
        eager = {"lr": float(group["lr"])} | ({"capturable": False} if "capturable" in group else {})
        fresh.state, fresh.param_groups = defaultdict(dict), [group | eager | {"params": [zeros]}]
        fresh.step()
        missing = fresh.state[zeros].keys() - state.keys()
        state.update({key: fresh.state[zeros][key] for key in missing})
