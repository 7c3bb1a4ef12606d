"""Exercises: functions of language models that a student writes."""

from dlplug import Exercise, Target

BITS = Target("val/bits_per_char", "Python's standard library, the validation modules; characters at random 6.6",
              at_most=4.2)  # fmt: skip

EXERCISES = {
    "lstm-step": Exercise(
        summary="One step of an LSTM: the gates, the cell, the hidden state",
        function="dlplug_text.language.cells:lstm_step",
        check="dlplug_text.exercises.checks:lstm_step",
        recipe="char-lstm",
        options={
            "model.written_out": True,
            "model.units": 64,
            "model.depth": 1,
            "tokens": 150_000,
            "eval_every": 0,
            "metrics": ["prediction"],
        },
        target=BITS,
        hints=[
            "F.linear(h, W, w) + x has all four gates side by side, (B, 4H), in the order i, f, g, o.",
            "i, f and o are switches between 0 and 1: a sigmoid of each. g is what could be written: tanh.",
            "The cell forgets by f and takes up i times g; h is o times the tanh of the new cell. Return (h, c).",
        ],
        level=2,
    ),
    "causal-attention": Exercise(
        summary="Multi-head scaled dot-product attention in which no token sees a later one",
        function="dlplug_words.transformer.attention:CausalSelfAttention.forward",
        check="dlplug_text.exercises.checks:causal_attention",
        recipe="char-gpt",
        options={
            "data.window": 32,
            "model.width": 64,
            "model.depth": 1,
            "tokens": 200_000,
            "eval_every": 0,
            "metrics": ["prediction"],
        },
        target=BITS,
        hints=[
            "split_heads makes queries, keys and values (B, heads, T, d) of the projection; join_heads undoes it.",
            "With a cache, its keys and values come before those of x: the T new tokens attend to all S. causal_mask(T,"
            " S) is true where they may.",
            "weights = softmax over S of query · keyᵀ / √d, with -inf where the mask is false; then weights @ value,"
            " the heads joined, self.out. Return it with the pair (key, value), the cached ones included.",
        ],
        level=3,
    ),
}
