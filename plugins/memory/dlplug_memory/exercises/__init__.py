"""Exercises: functions of memory networks that a student writes."""

from dlplug import Exercise, Target

COPY = Target("val/bit_error", "copy, lengths 1 to 4 of 4 bits, held-out sequences; guessing 0.5", at_most=0.2)
SHORT = {"data.max_length": 4, "data.bits": 4, "model.slots": 16, "sequences": 6000, "eval_every": 0}
SHORT |= {"metrics": ["answers"]}

EXERCISES = {
    "circular-shift": Exercise(
        summary="How the heads of a Neural Turing Machine move: a circular convolution",
        function="dlplug_memory.ntm.addressing:shift",
        check="dlplug_memory.exercises.checks:shift",
        recipe="ntm-copy",
        options=SHORT,
        target=COPY,
        hints=[
            "A head that is certain of slot i and shifts by 1 is then certain of slot i + 1, and after the last slot of"
            " slot 0.",
            "Each shift is the weights rolled by so many slots; the result is a mean, weighted by the distribution.",
            "The first entry of the distribution shifts by -R, the one in the middle by 0, the last by R.",
        ],
        level=3,
    ),
    "cosine-similarity": Exercise(
        summary="Content addressing: the cosine similarity of each key and each slot of a memory",
        function="dlplug_memory.cells.content:similarity",
        check="dlplug_memory.exercises.checks:similarity",
        recipe="ntm-copy",
        options=SHORT,
        target=COPY,
        hints=[
            "keys @ memory.mT has all dot products, (B, H, N), at once.",
            "Divide by both lengths. A blank slot has length 0: add EPSILON to the squared length under the root.",
            "With a mask both the key and every slot are multiplied by it, also where their lengths are taken.",
        ],
        level=3,
    ),
}
