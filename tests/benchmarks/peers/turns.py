"""How a peer plays in turns: it reads a number of steps from its standard input, plays them, and prints the seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

TRAIN_EVERY, STARTS, REPLAY, BATCH, EPSILON = 4, 2_000, 20_000, 32, 0.01


def serve(play: Callable[[int], object]) -> None:
    """play(steps) is called once to get past the first updates, then whenever it is asked for, until the input ends."""
    play(STARTS + 100)
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        play(int(line))
        print(time.perf_counter() - started, flush=True)
