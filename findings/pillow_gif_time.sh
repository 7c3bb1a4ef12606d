#!/usr/bin/env bash
# A GIF written by Pillow plays faster than requested, and has fewer frames.
#
# Expectation: 30 frames of `duration=1000 / 15` milliseconds each play for two seconds, or, as GIF durations are in
#   hundredths of a second, for 2.1 s (each rounded to 70 ms).
# Behaviour: Pillow truncates each duration to hundredths (`int(duration / 10)`): 60 ms each, 1.8 s in all, 11 % too fast; at
#   30 frames a second it is 30 ms instead of 33.3. Equal consecutive frames are merged: 30 equal pairs are read back as
#   30 frames instead of 60 (their durations are added, so the total is right).
# What helps: a duration for each frame, in multiples of 10 ms, such that frame k ends at round(100 * k / fps)
#   hundredths.
# Seen with pillow 13.0.0:
#   15 a second: 30 pictures, 1.80 s instead of 2.00 s
#   30 a second: 30 pictures, 0.90 s instead of 1.00 s
#   30 equal pairs: 30 pictures, 1.80 s
#   15 a second, times that sum up: 30 pictures, 2.00 s
# Source: src/PIL/GifImagePlugin.py, `_get_global_header`/`_write_local_header` and `_write_multiple_frames`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" pillow==13.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from PIL import Image, ImageSequence


def write(shades, duration):
    pictures = [Image.new("RGB", (8, 8), (shade, shade, shade)) for shade in shades]
    pictures[0].save("film.gif", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    frames = [frame.info["duration"] for frame in ImageSequence.Iterator(Image.open("film.gif"))]
    return len(frames), sum(frames)


for fps, expected in ((15, 1800), (30, 900)):
    count, milliseconds = write([8 * n for n in range(30)], 1000 / fps)
    print(f"{fps} a second: {count} pictures, {milliseconds / 1000:.2f} s instead of {30 / fps:.2f} s")
    assert (count, milliseconds) == (30, expected)

count, milliseconds = write([8 * (n // 2) for n in range(60)], 1000 / 30)
print(f"30 equal pairs: {count} pictures, {milliseconds / 1000:.2f} s")
assert (count, milliseconds) == (30, 1800)

ends = [round(100 * k / 15) for k in range(31)]
count, milliseconds = write([8 * n for n in range(30)], [10 * (b - a) for a, b in zip(ends, ends[1:])])
print(f"15 a second, times that sum up: {count} pictures, {milliseconds / 1000:.2f} s")
assert (count, milliseconds) == (30, 2000)
PYTHON
