#!/usr/bin/env bash
# torchmetrics' structural similarity is not scikit-image's: it averages over windows that hang over the image's edge.
#
# Versions: torchmetrics 1.9.0, scikit-image 0.26.0, torch 2.15.0 (CUDA build, on a CPU), Python 3.11.
# Expected: with Wang et al.'s window, a Gaussian of 1.5 pixels and 11x11, the two libraries agree on the same images, as
#   both cite the same paper.
# Behaviour: scikit-image averages over the pixels whose window lies within the image, as the authors' program does.
#   torchmetrics reflects the image at its edges and averages over all pixels. On images of 20 to 64 pixels, where the
#   border is a large part, a printed score differs in its second digit after the point.
# Seen: "24x20: torchmetrics 0.8956, scikit-image 0.9478; torchmetrics without its border 0.9478"
# Source: torchmetrics/functional/image/ssim.py, _ssim_update (F.pad with mode reflect); skimage/metrics, structural_similarity
#   (crop by (win_size - 1) // 2).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" torch==2.15.0 torchmetrics==1.9.0 scikit-image numpy==2.4.6
cat > "$folder/ssim.py" <<'PYTHON'
import sys

import numpy as np
import skimage
import torch
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

rows, columns = np.mgrid[:24, :20]
true = ((rows // 6 + columns // 5) % 2).astype(np.float64)
noisy = np.clip(true + 0.2 * np.random.default_rng(0).standard_normal(true.shape), 0, 1)
x, y = (torch.from_numpy(image)[None, None] for image in (noisy, true))
options = {"gaussian_kernel": True, "sigma": 1.5, "kernel_size": 11, "data_range": 1.0}
padded, whole = structural_similarity_index_measure(x, y, return_full_image=True, **options)
theirs = structural_similarity(
    noisy, true, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
)
inner = whole[..., 5:-5, 5:-5].mean()
print(f"scikit-image {skimage.__version__}")
print(
    f"24x20: torchmetrics {padded:.4f}, scikit-image {theirs:.4f}; torchmetrics without its border {inner:.4f}"
)
sys.exit(0 if abs(float(padded) - theirs) > 0.003 and abs(float(inner) - theirs) < 1e-6 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/ssim.py"
