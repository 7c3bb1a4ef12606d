#!/usr/bin/env bash
# Pillow's convert clips 16-bit images to white instead of scaling them, and reads unsigned 32-bit TIFFs as signed.
#
# Expectation: `Image.open(path).convert("RGB")`, which torchvision's ImageFolder calls for every file, gives the
#   image with 8 bits per channel: 65535 becomes 255, 32768 becomes 128. A TIFF that says "unsigned" has no negative
#   numbers.
# Behaviour: the conversions from "I;16" and "I" clip values at 255: a greyscale 16-bit PNG or TIFF becomes
#   white wherever it is brighter than 1/257, and a net trained on such files sees white squares. There is no error and
#   no warning. (16-bit PNGs in colour are scaled when they are decoded.) Unsigned 32-bit TIFFs are opened in mode "I",
#   whose values are signed: from 2**31 on they are negative.
# What helps: numpy.asarray of the opened image, scaled by hand; `.view(numpy.uint32)` where TIFF's field
#   339 says 1.
# Seen with pillow 13.0.0, numpy 2.4.6:
#   in the file: 0 13107 26214 39321 52428 65535
#   convert("RGB"): 0 255 255 255 255 255
#   unsigned, in the file: 0 5 2147483655 4294967295
#   as Pillow reads it: 0 5 -2147483641 -1
# Source: Pillow's src/libImaging/Convert.c, I16L_L and i2l, which clip; src/PIL/TiffImagePlugin.py, OPEN_INFO, where 32
#   bits of sample format 1 are mode "I"; torchvision/datasets/folder.py, pil_loader.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" pillow==13.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct

import numpy as np
from PIL import Image

deep = np.linspace(0, 65535, 6).astype(np.uint16)[None]
file = io.BytesIO()
Image.fromarray(deep).save(file, "PNG")
eight = np.asarray(Image.open(file).convert("RGB"))[0, :, 0]
print("in the file:", *deep[0])
print('convert("RGB"):', *eight)
assert Image.open(file).mode == "I;16"
assert eight.tolist() == [0, 255, 255, 255, 255, 255]

wide = np.array([[0, 5, 2**31 + 7, 2**32 - 1]], "<u4")
fields = {256: 4, 257: 1, 258: 32, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: wide.nbytes, 339: 1}
entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
header, count = b"II*\0" + struct.pack("<I", 8 + wide.nbytes), struct.pack("<H", len(fields))
picture = Image.open(io.BytesIO(header + wide.tobytes() + count + entries + bytes(4)))
print("unsigned, in the file:", *wide[0])
print("as Pillow reads it:", *np.asarray(picture)[0])
assert picture.mode == "I" and picture.tag_v2[339] == (1,)
assert np.asarray(picture)[0].tolist() == [0, 5, 7 - 2**31, -1]
PYTHON
