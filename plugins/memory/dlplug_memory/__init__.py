"""Memory networks: the Neural Turing Machine and the Differentiable Neural Computer, and their tasks."""

from dlplug import hookimpl
from dlplug_memory.recipes import RECIPES


@hookimpl
def register_data():
    return {
        "copy": "dlplug_memory.tasks.copying:Copy",
        "repeat-copy": "dlplug_memory.tasks.copying:RepeatCopy",
        "recall": "dlplug_memory.tasks.recall:Recall",
        "priority-sort": "dlplug_memory.tasks.sorting:PrioritySort",
        "n-grams": "dlplug_memory.tasks.ngrams:NGrams",
        "graph-traversal": "dlplug_memory.tasks.graphs:Traversal",
        "babi": "dlplug_memory.babi.data:Babi",
    }


@hookimpl
def register_models():
    return {
        "ntm": "dlplug_memory.ntm.model:NTM",
        "dnc": "dlplug_memory.dnc.model:DNC",
        "sequence-lstm": "dlplug_memory.baselines:SequenceLSTM",
        "sequence-transformer": "dlplug_memory.baselines:SequenceTransformer",
    }


@hookimpl
def register_losses():
    return {
        "bit-cross-entropy": "dlplug_memory.losses:bit_cross_entropy",
        "word-cross-entropy": "dlplug_memory.losses:word_cross_entropy",
    }


@hookimpl
def register_metrics():
    return {
        "answers": "dlplug_memory.metrics:answers",
        "generalisation": "dlplug_memory.metrics:generalisation",
        "n-grams-optimum": "dlplug_memory.tasks.ngrams:optimum",
        "questions": "dlplug_memory.metrics:questions",
    }


@hookimpl
def register_samplers():
    return {
        "memory": "dlplug_memory.samplers:memory",
        "story": "dlplug_memory.samplers:story",
    }


@hookimpl
def register_recipes():
    return RECIPES


@hookimpl
def register_exercises():
    return "dlplug_memory.exercises:EXERCISES"
