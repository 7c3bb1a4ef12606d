"""Frames a second of full HD (1920x1080) from a film to boxes, beside torchvision's SSDlite on the same film.

    uv run python tests/benchmarks/detection_speed.py RUN [--frames 300] [--rounds 3] [--threads 2]

RUN is a run of a detector, or a recipe's name for its newest run (`dlplug run canvas-yolo`). The film is generated:
moving digits, H.264. Everything counts: decoding, scaling, the net, suppression; nothing is drawn. `ours` is what
`dlplug sample RUN --input film.mp4 --no-draw` does. The peer is `ssdlite320_mobilenet_v3_large`, untrained, as its
speed does not depend on its weights, but for the number of boxes that suppression gets: that is set to ours. It is
measured twice: `peer` gets whole frames and scales them itself, as its documentation has it; `peer_scaled` gets frames
that the decoder has scaled, as ours does. All are decoded by PyAV, in turns. Prints one JSON line: medians over the
rounds of frames a second, of the processor's milliseconds a frame, and of the ratios of each round. The goals are 20
frames a second on two threads and 3 times the peer's.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import torch
import torchvision
from dlplug_detection.annotate.inputs import decoded
from dlplug_detection.annotate.watching import folded, shrunk, watched
from dlplug_images.canvas.generator import Canvas
from dlplug_images.canvas.glyphs import glyphs_of
from dlplug_images.canvas.layout import Scenery
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from dlplug.runs.runner import open_run

HEIGHT, WIDTH, SIDE, CLASSES = 1080, 1920, 320, 91
SCENERY = Scenery(height=HEIGHT, width=WIDTH, objects=(4, 4), sizes=(280, 420), background=0.1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = open_run(options.run)
    learned = run.make("trainer").load(run)
    model, images = folded(learned.loss.product()), learned.data.split(learned.data.splits[0]).images
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        film = save_film(Path(folder, "film.mp4"), options.frames)
        boxes = suppressed(lambda: next(watched(film, model, images)))
        peer = ssdlite320_mobilenet_v3_large(
            weights=None,
            weights_backbone=None,
            num_classes=CLASSES,
            score_thresh=0.0,
            topk_candidates=max(1, round(boxes / (CLASSES - 1))),
        ).eval()
        ways = {
            "ours": lambda: watched(film, model, images),
            "peer": lambda: (peer([whole(frame)]) for frame in decoded(film)),
            "peer_scaled": lambda: (peer([small(frame)]) for frame in decoded(film)),
        }
        peer_boxes = suppressed(lambda: next(ways["peer"]()))
        rates: dict[str, list[float]] = {name: [] for name in ways}
        processor: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                seconds, cpu_seconds = timed(way)
                rates[name].append(options.frames / seconds)
                processor[name].append(1000 * cpu_seconds / options.frames)
    ratios = {f"times_{name}": [a / b for a, b in zip(rates["ours"], rates[name], strict=True)] for name in ways}
    print(
        json.dumps(
            {
                "benchmark": "detection_speed",
                "run": options.run,
                "input": list(images.shape[1:]),
                "threads": options.threads,
                "frames": options.frames,
                "boxes_suppressed": {"ours": boxes, "peer": peer_boxes},
            }
            | {f"{name}_frames_per_second": round(statistics.median(values), 1) for name, values in rates.items()}
            | {f"{name}_processor_ms": round(statistics.median(values), 1) for name, values in processor.items()}
            | {name: round(statistics.median(values), 2) for name, values in ratios.items() if name != "times_ours"}
        )
    )


def save_film(path: Path, frames: int) -> Path:
    """Four digits of 280 to 420 pixels that move by up to 16 pixels a frame, 25 frames a second."""
    canvas = Canvas(glyphs_of("digits", "test"), SCENERY, seed=0)
    with av.open(path, "w") as film:
        stream: Any = film.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for video in range(math.ceil(frames / 30)):
            moving = canvas.videos([video], frames=min(30, frames - 30 * video), speed=(8, 16), blend="over")
            for frame in moving.frames.images[0, :, 0].numpy():
                film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray")))
        film.mux(stream.encode())
    return path


def whole(frame: Any) -> torch.Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).float().div_(255)


def small(frame: Any) -> torch.Tensor:
    return torch.from_numpy(shrunk(frame, SIDE / WIDTH, 3)).permute(2, 0, 1).float().div_(255)


def suppressed(once: Callable[[], object]) -> int:
    """The number of boxes that suppression gets."""
    counts, original = [], torchvision.ops.boxes.batched_nms

    def counting(boxes: torch.Tensor, *rest: Any) -> torch.Tensor:
        counts.append(len(boxes))
        return original(boxes, *rest)

    torchvision.ops.boxes.batched_nms = torchvision.ops.batched_nms = counting
    try:
        once()
    finally:
        torchvision.ops.boxes.batched_nms = torchvision.ops.batched_nms = original
    return sum(counts)


def timed(way: Callable[[], Iterator[Any]]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor in all threads."""
    started, cpu_started = time.perf_counter(), time.process_time()
    for _ in way():
        pass
    return time.perf_counter() - started, time.process_time() - cpu_started


if __name__ == "__main__":
    main()
