"""Transfer learning: the weights of another run, or torchvision's, are loaded where they fit; the last layer is new."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from dlplug import PositiveFloat, Run, Spec, UserError, nearest, trained
from dlplug.distributed import rank
from dlplug.errors import message_of
from dlplug.output import command
from dlplug.runs.folder import began
from dlplug.runs.records import write_text
from dlplug_vision.transfer import pretrained

log = logging.getLogger("dlplug")


class Transfer(nn.Module):
    """Another run's network, or one of torchvision's pretrained networks, with a new last layer for these data.

    The network's architecture is saved in the run folder beside the checkpoints: it can be resumed, evaluated
    and reused as a source when its own source is gone.

    source: pretrained network: a run folder, a recipe's name for its newest run, or torchvision:resnet18 and the like.
    freeze: names of submodules to freeze, separated by commas; their batch norms stay in eval mode.
    rate: multiplier of the learning rate for all pretrained weights.
    keep_head: load the last layer too, for data with the same classes.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        source: str = "mnist-cnn",
        freeze: str = "",
        rate: PositiveFloat = 1.0,
        keep_head: bool = False,
        run: Run,
    ) -> None:
        super().__init__()
        if rate <= 0:
            raise UserError(f"--model.rate must be above 0, got {rate:g}; --model.freeze freezes submodules")
        note = run.folder / "source.json"
        started = note.is_file()
        origin, weights = (Origin.read(note), {}) if started else read_origin(source, run)
        self.network, self.prepare = built(origin, spec, run)
        if not started:
            origin = origin._replace(new=load(self.network, weights, keep_head))
            if rank() == 0:
                origin.write(note)
        self.rate, self.new = rate, set(origin.new)
        self.frozen = frozen(self.network, freeze, self.new)
        if not started:
            log.info(f"starts from {origin.source}: {summary(self)}")

    def forward(self, x: Tensor) -> Tensor:
        return self.network(self.prepare(x))

    def train(self, mode: bool = True) -> Transfer:
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The loaded parameters and the new ones: two groups for the optimizer, or one where the other is empty."""
        moving = [(name, p) for name, p in self.network.named_parameters() if p.requires_grad]
        loaded = [p for name, p in moving if name not in self.new]
        new = [p for name, p in moving if name in self.new]
        groups = [{"params": loaded, "rate": self.rate}, {"params": new}]
        return [group for group in groups if group["params"]]


class Origin(NamedTuple):
    """The source of a network, how it was built, and the names of the newly initialised weights."""

    source: str
    model: str
    options: Mapping[str, Any]
    new: tuple[str, ...] = ()

    @staticmethod
    def read(path: Path) -> Origin:
        try:
            return Origin(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged: {message_of(error)}") from None

    def write(self, path: Path) -> None:
        write_text(path, json.dumps(self._asdict(), indent=2, default=str) + "\n")


def read_origin(source: str, run: Run) -> tuple[Origin, dict[str, Tensor]]:
    """The source and its weights. Raises UserError, with what to do, where there is none."""
    if source.startswith(pretrained.PREFIX):
        return Origin(source, source, {}), pretrained.weights_of(source)
    if source in run.host.names("recipes"):
        source = newest(source)
    earlier = trained(source, host=run.host)
    if earlier.model == "transfer":  # continue with its network
        origin = Origin.read(earlier.folder / "source.json")
        weights = {name.removeprefix("network."): value for name, value in earlier.weights.items()}
        return Origin(str(earlier.folder), origin.model, origin.options), weights
    return Origin(str(earlier.folder), earlier.model, earlier.options), earlier.weights


def newest(recipe: str) -> str:
    """The folder of a recipe's newest run with a checkpoint (the run that begins now has none)."""
    folders = sorted((path.parent for path in Path("runs", recipe).glob("*/checkpoints")), key=began)
    if not folders:
        raise UserError(
            f"--model.source {recipe} has not been run here: `{command('run', recipe)}` first, or name another run, or "
            f"{pretrained.PREFIX}resnet18"
        )
    return str(folders[-1])


def built(origin: Origin, spec: Spec, run: Run) -> tuple[nn.Module, nn.Module]:
    """The source's network for these data, with new weights; and its preprocessing."""
    if origin.model.startswith(pretrained.PREFIX):
        return pretrained.network(origin.model, spec), pretrained.Prepare(origin.model)
    entry = run.host.get("models", origin.model)
    arguments = entry.signature().arguments(origin.options, seed=run.seed, run=run)
    return entry.load()(spec, **arguments), nn.Identity()


def load(network: nn.Module, weights: Mapping[str, Tensor], keep_head: bool) -> tuple[str, ...]:
    """Loads what fits by name and shape, except the last layer; returns the names of the parameters that stay new."""
    own = network.state_dict()
    left = () if keep_head else head(network)
    fits = {n: value for n, value in weights.items() if n in own and own[n].shape == value.shape and n not in left}
    new = tuple(name for name, _ in network.named_parameters() if name not in fits)
    if len(new) == len(list(network.parameters())):
        raise UserError("nothing of --model.source fits these data: no tensor has the same name and shape")
    network.load_state_dict(fits, strict=False)
    return new


def head(network: nn.Module) -> tuple[str, ...]:
    """The names of the last affine layer's parameters."""
    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    return tuple(f"{layers[-1][0]}.{name}" for name, _ in layers[-1][1].named_parameters()) if layers else ()


def frozen(network: nn.Module, names: str, new: set[str]) -> list[nn.Module]:
    """The submodules of those names, frozen. Raises UserError for an unknown name, for a submodule without loaded
    weights, and where nothing is left to train."""
    parts = dict(network.named_modules())
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in parts:
            near = nearest(name, parts) or f" Its children: {', '.join(dict(network.named_children()))}."
            raise UserError(f"--model.freeze: the network has no submodule {name!r}.{near}")
        if fresh := next((p for p in new if p.startswith(f"{name}.")), None):
            raise UserError(f"--model.freeze {name}: its {fresh} is newly initialised")
        parts[name].requires_grad_(False)
    if not any(p.requires_grad for p in network.parameters()):
        raise UserError(f"--model.freeze {names} leaves nothing to train")
    return [parts[name] for name in chosen]


def summary(model: Transfer) -> str:
    weights = dict(model.network.named_parameters())
    loaded = sum(p.numel() for name, p in weights.items() if name not in model.new)
    stays = sum(p.numel() for p in weights.values() if not p.requires_grad)
    new = ", ".join(sorted(model.new)) or "none"
    return (
        f"{loaded:,} of {loaded + sum(weights[n].numel() for n in model.new):,} weights, {stays:,} frozen; new: {new}"
    )
