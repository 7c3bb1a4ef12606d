"""Typed protocols of metrics, samplers, trainers and launchers: an object with their methods needs no base class.

The annotations of a metric or sampler, `def accuracy(product: nn.Module, data: HeldOut)`, are compared with the run's
product and data before training; a mismatch is an error that names the metric or sampler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import nn

    from dlplug.contracts import Data, Loss
    from dlplug.runs.run import Run

Product = TypeVar("Product", contravariant=True)
HeldOut = TypeVar("HeldOut", contravariant=True)


class Metric(Protocol[Product, HeldOut]):
    """Measures a product on held-out data: a mapping of short names ("accuracy") to numbers or media.

    It is called in eval mode, without gradients, and the random state is restored afterwards. The core prefixes each
    name with the split ("test/accuracy"). A string under the name "protocol" says what these numbers mean, in
    place of the data's protocol; those of several metrics are joined. The metric's keyword-only arguments are its
    options.

    The decorator `checked_by` validates its options before the first step; `neutral_options` names those that change
    none of its numbers, so that a recipe's target applies whatever their values.
    """

    def __call__(self, product: Product, data: HeldOut, /) -> Mapping[str, Any]: ...


class Sampler(Protocol[Product, HeldOut]):
    """Shows what a product does. It returns media and numbers by name, or a string, or is a generator of pieces of
    text, which are printed as they arrive (the generator's return value is handled like that of any other sampler). Its
    keyword-only arguments are options of the command: `dlplug sample RUN --count 64`.

    It is called in eval mode, without gradients (a sampler that needs them enables them itself), and with all random
    number generators seeded by `seed`. It may declare the arguments `seed` and `run`, to read the run's folder.
    """

    def __call__(self, product: Product, data: HeldOut, /) -> Mapping[str, Any] | str | Iterator[str]: ...


class Learned(Protocol):
    """What `Trainer.load` returns: metrics and samplers receive `loss.product()`."""

    @property
    def data(self) -> Data: ...
    @property
    def model(self) -> nn.Module: ...
    @property
    def loss(self) -> Loss: ...


class Trainer(Protocol):
    """Runs a recipe to its end. The keyword-only arguments of the registered factory are its options, without a prefix
    on the command line: `--device cuda`."""

    def train(self, run: Run) -> None:
        """Builds data, model and loss (`run.make`), calls `run.start`, trains, and passes values to `run.log`.

        Saves to `run.folder / "checkpoints"`, continues from there if `run.resumed`, and checks `run.stopping`: if it
        is set, saves and returns.
        """
        ...

    def load(self, run: Run) -> Learned:
        """The trained data, model and loss, for `eval` and `sample`: from the best checkpoint, or else the last."""
        ...


class Process(Protocol):
    """The process of a launched run, such as a `subprocess.Popen`."""

    def wait(self) -> int:
        """Waits for its end and returns the exit code."""
        ...

    def send_signal(self, sig: int, /) -> None:
        """SIGINT: save and stop. A second one: stop at once."""
        ...


class Launcher(Protocol):
    """Starts the process of a run: here (`local`), on a cluster, in a container. The process must share the current
    folder, from which the run folder is read. The keyword-only arguments of the registered factory are its options:
    `--launcher slurm --launcher.partition gpu`."""

    def __call__(
        self, words: Sequence[str], *, log: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> Process:
        """words: the arguments of `dlplug`. log: a file to which its output is appended (default: this process's
        output). environ: environment variables in addition to this process's."""
        ...
