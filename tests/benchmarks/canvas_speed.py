"""Generated canvases a second, in batches and one at a time, on one thread.

    uv run python tests/benchmarks/canvas_speed.py [--canvases 2000] [--rounds 5]

Counts the process's own time, so that a crowded machine does not matter. Videos are counted in frames. Prints one JSON
line: medians over the rounds, which alternate. The goal is 2,000 canvases of 128x128 a second of `digits`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from dlplug_images.canvas.captions import captions
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import glyphs_of
from dlplug_images.canvas.layout import Scenery

FRAMES = 20


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--canvases", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits, shapes = (glyphs_of(kind) for kind in ("digits", "shapes"))
    canvases = {
        "digits": Canvas(digits),
        "overlapping_digits_and_noise": Canvas(digits, Scenery(objects=(8, 8), overlap=0.5, noise=0.1)),
        "coloured_shapes": Canvas(shapes, Scenery(colour=True, background=0.3)),
        "coloured_shapes_and_noise": Canvas(shapes, Scenery(colour=True, background=0.3, noise=0.05)),
    }
    moving = Canvas(digits, Scenery(height=64, width=64, objects=(2, 2), sizes=(28, 28)))
    few, videos = options.canvases // 20, options.canvases // FRAMES
    ways = {name: (lambda canvas=canvas: canvas.scenes(range(options.canvases)), options.canvases)
            for name, canvas in canvases.items()}  # fmt: skip
    ways["digits_one_at_a_time"] = (lambda: [canvases["digits"].scenes([i]) for i in range(few)], few)
    scenes = canvases["digits"].scenes(range(options.canvases))
    ways["captions"] = (lambda: captions(scenes, digits.names), options.canvases)
    ways["frames_64x64"] = (lambda: moving.videos(range(videos), frames=FRAMES), videos * FRAMES)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, (generate, number) in ways.items():
            started = time.process_time()
            generate()
            rates[name].append(number / (time.process_time() - started))
    result = {"benchmark": "canvas_speed", "canvases": options.canvases, "rounds": options.rounds}
    print(json.dumps(result | {f"{name}_per_second": round(statistics.median(rates[name])) for name in ways}))


if __name__ == "__main__":
    main()
