"""What else a plugin may register, as types: whatever has these methods fits, and need not name them as a base.

A metric or sampler that annotates what it takes, `def accuracy(product: nn.Module, data: HeldOut)`, is refused by
name before it meets a product or data that it does not fit.
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

    Called in eval mode, without gradients and with the random state put back afterwards; the core writes the split's
    name before each of the metric's ("test/accuracy"). A text named "protocol" among them says by what protocol they
    were measured, where that is more than, or other than, the data's. Its keyword-only arguments are its options.

    `checked_by` has its options looked at before the first step; `neutral_options` names those with which no number
    changes, so that a recipe's target holds whatever they are.
    """

    def __call__(self, product: Product, data: HeldOut, /) -> Mapping[str, Any]: ...


class Sampler(Protocol[Product, HeldOut]):
    """Shows what a product does: media and numbers by name, a text, or a generator of a text's pieces, which are shown
    as they come (what it returns is kept like the rest). Its keyword-only arguments are the command's options:
    `dlplug sample RUN --count 64`.

    Called in eval mode, without gradients (a sampler that needs them enables them itself) and with everything random
    seeded by `seed`, which is also passed to a sampler that names it, as is the `run` whose folder it may look into.
    """

    def __call__(self, product: Product, data: HeldOut, /) -> Mapping[str, Any] | str | Iterator[str]: ...


class Learned(Protocol):
    """What a trainer loads: `product()` of the loss is what metrics and samplers take."""

    @property
    def data(self) -> Data: ...
    @property
    def model(self) -> nn.Module: ...
    @property
    def loss(self) -> Loss: ...


class Trainer(Protocol):
    """Runs a recipe to its end. The keyword-only arguments of the factory that is registered are its options, which
    stand on the command line without a prefix: `--device cuda`."""

    def train(self, run: Run) -> None:
        """Builds data, model and loss (`run.make`), calls `run.start`, trains, and passes what happens to `run.log`.

        Saves below `run.folder / "checkpoints"`, goes on from there where `run.resumed`, and looks at `run.stopping`:
        a run that is stopped saves and returns.
        """
        ...

    def load(self, run: Run) -> Learned:
        """What a run has learnt, for `eval` and `sample`, by its best checkpoint or else its last."""
        ...


class Process(Protocol):
    """A run that was launched; a `subprocess.Popen` is one."""

    def wait(self) -> int:
        """The exit code, once it has ended."""
        ...

    def send_signal(self, sig: int, /) -> None:
        """SIGINT: save and stop. A second one: stop at once."""
        ...


class Launcher(Protocol):
    """Starts the process of a run: here (`local`), on a cluster, in a container. It shares the folder that `dlplug`
    was started in, for the run folder is read there. The keyword-only arguments of the factory that is registered are
    its options: `--launcher slurm --launcher.partition gpu`."""

    def __call__(
        self, words: Sequence[str], *, log: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> Process:
        """words: what stands behind `dlplug` on the command line. log: a file that what it prints is appended to
        (default: this process's own output). environ: environment variables that it gets beside this process's."""
        ...
