"""Simulations per second on one core for Othello 6x6, beside the usual teaching structure (`naive_search`).

    OMP_NUM_THREADS=1 uv run python tests/benchmarks/selfplay_speed.py [--windows 5] [--boards 256] [--channels 24]

Both search the same positions with the same network, in alternating windows of one process; rates are per second of
processor time, so that other work on the machine does not count. One JSON line: the medians, and of the ratios.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from dlplug_selfplay.games.interface import take
from dlplug_selfplay.games.othello import Othello
from dlplug_selfplay.networks.board_net import BoardNet
from dlplug_selfplay.networks.judge import judge_by
from dlplug_selfplay.search import gumbel, puct
from naive_search import NaiveSearch

from dlplug import Spec

SIMULATIONS = 25


def midgame(game: Othello, count: int, random: np.random.Generator):
    positions = game.start(count)
    for _ in range(12):
        positions = game.step(positions, np.where(positions.legal, random.random(positions.legal.shape), -1).argmax(1))
    return positions


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=5)
    parser.add_argument("--boards", type=int, default=256)
    parser.add_argument("--channels", type=int, default=24)
    parser.add_argument("--blocks", type=int, default=2)
    flags = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    game = Othello(6)
    model = BoardNet(Spec((2, 6, 6), 37), channels=flags.channels, blocks=flags.blocks)
    judge, positions = judge_by(model, game), midgame(game, flags.boards, random)

    def batched(search) -> float:
        begin = time.process_time()
        search.search(game, judge, positions, SIMULATIONS, random=random)
        return flags.boards * SIMULATIONS / (time.process_time() - begin)

    def naive() -> float:
        begin, games = time.process_time(), 4
        for row in range(games):
            search = NaiveSearch(game, judge, take(positions, [row]))
            for _ in range(SIMULATIONS):
                search.simulate()
        return games * SIMULATIONS / (time.process_time() - begin)

    rates = {"naive": [], "puct": [], "gumbel": []}
    for window in range(flags.windows + 1):
        measured = {"naive": naive(), "puct": batched(puct), "gumbel": batched(gumbel)}
        for name, rate in measured.items():
            if window:  # the first warms up
                rates[name].append(rate)
    ratios = {f"{name}_ratio": np.median(np.divide(rates[name], rates["naive"])) for name in ("puct", "gumbel")}
    medians = {f"{name}_per_second": np.median(values) for name, values in rates.items()}
    print(json.dumps({name: round(float(value), 1) for name, value in {**medians, **ratios}.items()} | vars(flags)))


if __name__ == "__main__":
    main()
