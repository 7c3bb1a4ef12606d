"""The exercises' checks accept our functions, and lead to the mistake in wrong ones."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from dlplug_words.transformer.attention import causal_mask, join_heads, split_heads

from dlplug.testing import check_exercise


def test_lstm_step():
    def step(x, state, W, w, order="ifgo", outer=torch.tanh, forget=True):
        h, c = state
        gates = dict(zip(order, (F.linear(h, W, w) + x).chunk(4, 1), strict=True))
        c = (gates["f"].sigmoid() if forget else 1) * c + gates["i"].sigmoid() * gates["g"].tanh()
        return gates["o"].sigmoid() * outer(c), c

    def other_order(x, state, W, w):
        return step(x, state, W, w, order="fiog")

    def no_outer_tanh(x, state, W, w):
        return step(x, state, W, w, outer=lambda c: c)

    def never_forgets(x, state, W, w):
        return step(x, state, W, w, forget=False)

    def hidden_alone(x, state, W, w):
        return step(x, state, W, w)[0]

    order, outer, forget, alone = check_exercise("lstm-step", [other_order, no_outer_tanh, never_forgets, hidden_alone])
    assert order.startswith("the new cell c' (B, H)")
    assert outer.startswith("the new h' (B, H)")
    assert forget.startswith("the new cell c' (B, H)")
    assert alone == "lstm_step returns the state (h, c), two tensors; got Tensor"


def test_causal_attention():
    def attention(self, x, cache, scale=1.0, mask=causal_mask, appends=True):
        query, key, value = split_heads(self.query_key_value(x), 3, self.heads)
        if cache and appends:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        scores = scale * query @ key.mT / math.sqrt(key.shape[3])
        scores = scores.masked_fill(~mask(query.shape[2], key.shape[2]), -torch.inf)
        return self.out(join_heads(scores.softmax(3) @ value)), (key, value)

    def no_root_of_d(self, x, cache=()):
        return attention(self, x, cache, scale=math.sqrt(3))

    def sees_the_future(self, x, cache=()):
        return attention(self, x, cache, mask=lambda count, length: torch.ones(count, length, dtype=torch.bool))

    def sees_later_tokens_alone(self, x, cache=()):
        return attention(self, x, cache, mask=lambda count, length: torch.ones(count, length, dtype=torch.bool).triu())

    def masks_from_the_first(self, x, cache=()):
        return attention(self, x, cache, mask=lambda count, length: torch.ones(count, length, dtype=torch.bool).tril())

    def ignores_the_cache(self, x, cache=()):
        return attention(self, x, cache, appends=False)

    said = check_exercise(
        "causal-attention",
        [no_root_of_d, sees_the_future, sees_later_tokens_alone, masks_from_the_first, ignores_the_cache],
    )
    assert said[0].startswith("the output (B, T, width), with √d = √3")
    assert said[1].startswith("the output (B, T, width) for the first token, which sees itself alone")
    assert said[2].startswith("the output (B, T, width) for the first token")
    assert said[3].startswith("the output of two tokens and then, from the cache, of two more")
    assert said[4].startswith("the output of two tokens and then, from the cache, of two more")
