"""A GTP engine for tests: plays the first empty point, and dies, refuses or forbids as its words say.

    python engines.py MARKER [dies | dies-always | occupied]

It answers through our own server's rules. It dies on the third `genmove`, once (then the file MARKER exists) or always,
or plays on points that are taken.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from dlplug_selfplay.games.go import Go
from dlplug_selfplay.gtp.server import Server


class First:
    name = "first"

    def moves(self, positions, games):
        return positions.legal.argmax(1)


def main(marker: str, manner: str = "") -> None:
    server, asked = Server(Go(3, 0.5), First(), "0"), 0
    for line in sys.stdin:
        asked += line.startswith("genmove")
        if asked == 3 and (manner == "dies-always" or (manner == "dies" and not Path(marker).exists())):
            Path(marker).touch()
            sys.exit(1)
        if manner == "occupied" and line.startswith("genmove") and server.position.board.any():
            taken = np.flatnonzero(server.position.board[0])[0]
            print(f"= {server.game.vertex(int(taken))}\n", flush=True)
            continue
        print(server.answer(line), end="", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
