"""The recipes. Only dnc-babi needs a download."""

from __future__ import annotations

from math import inf
from typing import Any

from dlplug import Preset, Recipe, Target, Use, use

GRAVES_2014 = "Graves, Wayne & Danihelka 2014 (arXiv:1410.5401)"
GRAVES_2016 = "Graves et al. 2016 (doi:10.1038/nature20101)"
CSORDAS = "Csordás & Schmidhuber 2019 (arXiv:1904.10278)"
OWN = "this project's own bar"
METRICS = ["answers", "generalisation"]
WATCH = ["train/bits_per_sequence", "train/bit_error"]
TORCH = use("torch", threads=1, log_every=50, eval_every=625)


def rmsprop(*, epsilon: float = 1e-8, schedule: str = "linear") -> Use:
    """RMSProp: α and momentum of Graves 2013 (arXiv:1308.0850), which Graves et al. 2014 refer to; torch's ε; the
    gradient's clipping norm of RobertCsordas/dnc. The learning rate decays linearly to 0 unless the schedule is
    constant."""
    return use(
        "rmsprop",
        learning_rate=7e-4,
        alpha=0.95,
        momentum=0.9,
        epsilon=epsilon,
        centered=False,
        clip_norm=10.0,
        schedule=schedule,
    )


# On a solved task the gradient is noise, which a small ε scales up to full steps: NTMs that had learnt to copy 120
# vectors unlearnt it. Graves 2013 has 1e-4 under the root, for a loss that is a sum; here it is a mean over bits.
NTM_RMSPROP = rmsprop(epsilon=1e-6)
COMPILED = {"cpu": "20k sequences"}  # twice the speed, after a minute
ADAM = use("adam", learning_rate=3e-3, clip_norm=1.0, schedule="linear")


def recipe(summary: str, data: Use | str, model: Use, length: str, source: str, **more: Any) -> Recipe:
    """A recipe on sequences of bits."""
    parts: dict[str, Any] = {
        "loss": "bit-cross-entropy",
        "metrics": METRICS,
        "samplers": ["memory"],
        "trainer": TORCH,
        "watch": WATCH,
    }
    return Recipe(summary=summary, data=data, model=model, length=length, source=source, **(parts | more))


def copy_targets(model: str, bits: float, error: float) -> list[Target]:
    """Targets for the recipe's own task and network. bits, error: the bars; infinite for a baseline."""
    where = {"data": "copy", "data.bits": 8, "data.max_length": 20, "model": model}
    claimed = bits < inf
    return [
        Target(
            "test/bits_per_sequence",
            "copy, lengths 1 to 20 of 8 bits, 10 held-out sequences of each; trained on at most 50,000",
            f"{OWN}; {GRAVES_2014}, figure 3: about 0 after 100,000 sequences or more" if claimed else "",
            at_most=bits,
            where=where,
        ),
        Target(
            "test/bit_error_x6",
            "copy, length 120 of 8 bits, 20 held-out sequences; trained on lengths 1 to 20",
            f"{OWN}; {GRAVES_2014}, figure 4: local errors and one duplicated vector at length 120" if claimed else "",
            at_most=error,
            where=where,
        ),
    ]


REPEAT_COPY = {"data": "repeat-copy", "data.bits": 8, "data.max_length": 10, "data.max_repeats": 10}
REPEAT_COPY_TARGETS = [
    Target(
        "test/bits_per_sequence",
        "repeat copy, 1 to 10 vectors of 8 bits 1 to 10 times, and the end told; 10 held-out sequences of each number",
        f"{OWN}; {GRAVES_2014}, figure 7: about 0 after 50,000 to 100,000 sequences",
        at_most=0.5,
        where=REPEAT_COPY,
    ),
    Target(
        "test/bit_error_x2",
        "repeat copy, 10 vectors 20 times; 20 held-out sequences; trained on 1 to 10 times",
        f"{OWN}; {GRAVES_2014}, figure 8: of more than 10 no count is kept",
        at_most=0.01,
        where=REPEAT_COPY | {"data.grow": "repeats"},
    ),
]


def recall_target(bar: float) -> Target:
    """bar: infinite for a baseline."""
    return Target(
        "test/solved",
        "associative recall, 2 to 6 items of 3 vectors of 6 bits, held-out sequences without a mistake",
        f"{OWN}; {GRAVES_2014}, figure 10: about 0 bits after 30,000 sequences" if bar > 0 else "",
        at_least=bar,
        where={"data": "recall", "data.max_items": 6, "data.bits": 6, "data.vectors": 3},
    )


# without a bar, for comparison
SORT_TARGET = Target(
    "test/bits_per_sequence",
    "priority sort, the first 16 of 20 vectors of 8 bits; 10 held-out sequences, 128 bits each",
    "",
    at_most=inf,
    where={"data": "priority-sort", "data.bits": 8, "data.max_vectors": 20, "data.share": 0.8},
)


def graph_target(bar: float) -> Target:
    """bar: infinite for a baseline."""
    return Target(
        "test/solved",
        "a path of 4 edges through a graph of 2 to 6 nodes with 2 edges each, held-out paths without a mistake",
        f"{OWN}; {GRAVES_2016}: 98.8 % of its last lesson, an LSTM 37 % of the first" if bar > 0 else "",
        at_least=bar,
        where={"data": "graph-traversal", "data.path": 4, "data.degree": 2, "data.max_nodes": 6},
    )


def babi_target(task: int, bar: float, source: str) -> Target:
    which = f"task {task} alone, its 1,000 test questions" if task else "joint training, mean over the 20 tasks' tests"
    return Target(
        "test/error",
        f"bAbI en-10k, {which}",
        f"{source} ({CSORDAS})",
        at_most=bar,
        where={"data": "babi", "data.task": task, "data.language": "en-10k"},
    )


RECIPES = {
    "ntm-copy": recipe(
        "A Neural Turing Machine learns to copy, and generalises to six times the training length",
        use("copy", batch_size=8),
        # a head that moves at every step does not wrap around in the 241 steps of length 120
        use("ntm", slots=256, control="lstm"),
        "50k sequences",
        GRAVES_2014,
        optimizer=NTM_RMSPROP,
        compile_from=COMPILED,
        targets=copy_targets("ntm", 0.05, 0.01),
    ),
    "dnc-copy": recipe(
        "A Differentiable Neural Computer learns to copy, and is tested on longer sequences with more memory slots",
        use("copy", batch_size=8),
        use("dnc", slots=128),
        "20k sequences",
        f"{GRAVES_2016}; masked and de-allocating: {CSORDAS}",
        optimizer=rmsprop(),
        # soft allocation overwrites memory when few slots are free
        evaluation={"model.slots": 256},
        targets=copy_targets("dnc", 0.05, 0.01),
    ),
    "lstm-copy": recipe(
        "An LSTM baseline for ntm-copy, with as many parameters",
        "copy",
        use("sequence-lstm", width=119),
        "50k sequences",
        GRAVES_2014,
        optimizer=ADAM,
        targets=copy_targets("sequence-lstm", inf, inf),
    ),
    "transformer-copy": recipe(
        "A transformer baseline for ntm-copy, with as many parameters; it fails beyond the training length",
        "copy",
        use("sequence-transformer", width=50, heads=5),
        "50k sequences",
        GRAVES_2014,
        optimizer=ADAM,
        targets=copy_targets("sequence-transformer", inf, inf),
    ),
    "ntm-repeat-copy": recipe(
        "A Neural Turing Machine repeats a sequence as many times as requested, beyond training as well",
        # marks extend beyond training; a single number beyond the training range is not learnt
        use("repeat-copy", batch_size=8, told="marks"),
        # as above: 10 vectors, 20 times, are 232 steps
        use("ntm", slots=256, control="lstm"),
        "100k sequences",
        GRAVES_2014,
        optimizer=NTM_RMSPROP,
        compile_from=COMPILED,
        targets=REPEAT_COPY_TARGETS,
    ),
    "dnc-repeat-copy": recipe(
        "A Differentiable Neural Computer repeats a sequence as many times as requested, beyond training as well",
        use("repeat-copy", batch_size=8, told="marks"),
        use("dnc", slots=48, sharpen=True),
        "60k sequences",
        f"{GRAVES_2016}; masked, de-allocating, with sharp links: {CSORDAS}",
        optimizer=rmsprop(),
        targets=REPEAT_COPY_TARGETS,
    ),
    "ntm-recall": recipe(
        "A Neural Turing Machine learns associative recall: which item came after the query?",
        use("recall", batch_size=8),
        use("ntm", slots=64, control="lstm", ready=True),
        "30k sequences",
        GRAVES_2014,
        optimizer=NTM_RMSPROP,
        compile_from=COMPILED,
        targets=[recall_target(0.95)],
    ),
    "dnc-recall": recipe(
        "A Differentiable Neural Computer learns associative recall: which item came after the query?",
        use("recall", batch_size=8),
        use("dnc", slots=64),
        "80k sequences",
        f"{GRAVES_2016}; masked and de-allocating: {CSORDAS}",
        optimizer=rmsprop(),
        targets=[recall_target(0.95)],
    ),
    "lstm-recall": recipe(
        "An LSTM baseline for dnc-recall, with as many parameters",
        "recall",
        use("sequence-lstm", width=81),
        "100k sequences",
        GRAVES_2014,
        targets=[recall_target(-inf)],
        optimizer=ADAM,
    ),
    "ntm-sort": recipe(
        "A Neural Turing Machine learns to sort vectors by priority",
        use("priority-sort", batch_size=8),
        use("ntm", reads=4, width=200, control="lstm", ready=True),
        "80k sequences",
        GRAVES_2014,
        optimizer=NTM_RMSPROP,
        compile_from=COMPILED,
        targets=[SORT_TARGET],
    ),
    "dnc-graph": recipe(
        "A Differentiable Neural Computer reads the edges of a graph and follows a path through it",
        use("graph-traversal", batch_size=8, min_nodes=2),
        use("dnc", slots=32, word=32, reads=2, width=128, ready=True),
        "60k sequences",
        GRAVES_2016,
        optimizer=rmsprop(),
        targets=[graph_target(0.9)],
    ),
    "lstm-graph": recipe(
        "An LSTM baseline for dnc-graph, with as many parameters",
        use("graph-traversal", min_nodes=2),
        use("sequence-lstm", width=180),
        "100k sequences",
        GRAVES_2016,
        optimizer=ADAM,
        targets=[graph_target(-inf)],
    ),
    "dnc-babi": Recipe(
        summary="A Differentiable Neural Computer reads stories and answers questions about them",
        # trained on whole stories only, it learns no more than to answer with the last place mentioned
        data=use("babi", task=1, language="en-10k", batch_size=8, curriculum=90_000),
        model=use("dnc", slots=64, word=32, reads=2, width=128, ready=True),
        loss="word-cross-entropy",
        optimizer=rmsprop(schedule="constant"),
        length="100k sequences",
        source=f"{GRAVES_2016}; Weston et al. 2016 (arXiv:1502.05698); {CSORDAS}",
        metrics=["questions"],
        samplers=["story"],
        trainer=TORCH,
        targets=[babi_target(1, 0.02, f"{OWN}; joint training on all 20 tasks: 16.7 % ± 7.6 %, mended 9.5 % ± 1.6 %")],
        presets={
            "joint": Preset(
                "all twenty tasks at once, with the papers' memory: hours on a GPU",
                {
                    "data.task": 0,
                    "data.curriculum": 0,
                    "data.pad": True,
                    "model.slots": 256,
                    "model.word": 64,
                    "model.reads": 4,
                    "model.width": 256,
                    "model.ready": False,  # a story may have more words than the memory has slots
                    "sequences": 1_000_000,
                    "graph": True,
                },
                [babi_target(0, 0.167, f"{GRAVES_2016}: 16.7 % ± 7.6 % the mean of its runs; mended 9.5 % ± 1.6 %")],
            )
        },
        watch=["train/loss", "train/word_error"],
        needs="the bAbI tasks, 16 MB",
    ),
}
