#!/usr/bin/env bash
# COCO's average precision of a detector that finds 7 of 10 objects and nothing else is .693; of one that finds 5, .505.
#
# Versions: faster-coco-eval 1.8.0, numpy 2.4.6, Python 3.11.
# Expected: precision is 1 up to the recall r = k/10 and 0 beyond, so that of the 101 recalls 0, .01, …, 1 those up to r
#   count: (10 k + 1) / 101, which is .7030 for k = 7.
# Behaviour: the recalls are numpy's linspace(0, 1, 101), and found / objects is compared with them as it is. linspace's
#   step for .70 is 0.7000000000000001, so that 7 of 10 does not reach it: 70 / 101 = .6931. The same happens at .35, .41,
#   .47, .57, .69, .82, .83, .94 and .95; .5 is exact. An implementation that counts recalls in whole numbers differs by .0099.
# Seen: "5 of 10: AP 0.5050 (51 of 101 recalls); 7 of 10: AP 0.6931 (70 of 101 recalls)"
# Source: pycocotools/cocoeval.py, Params.setDetParams and accumulate, which faster-coco-eval follows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv -q --python 3.11 "$folder/venv"
uv pip install -q --python "$folder/venv/bin/python" faster-coco-eval==1.8.0 numpy==2.4.6
cat > "$folder/recalls.py" <<'PYTHON'
import contextlib
import io
import sys

from faster_coco_eval import COCO, COCOeval_faster


def ap(found, objects=10):
    boxes = [[20 * n, 0, 10, 10] for n in range(objects)]
    rows = [
        {"id": n + 1, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": 0}
        for n, box in enumerate(boxes)
    ]
    truth = COCO(
        {
            "images": [{"id": 1, "width": 400, "height": 20}],
            "categories": [{"id": 1, "name": "thing"}],
            "annotations": rows,
        }
    )
    detections = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9} for box in boxes[:found]]
    with contextlib.redirect_stdout(io.StringIO()):
        measured = COCOeval_faster(truth, truth.loadRes(detections), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return float(measured.stats[1])


half, seven = ap(5), ap(7)
print(
    f"5 of 10: AP {half:.4f} ({101 * half:.0f} of 101 recalls); 7 of 10: AP {seven:.4f} ({101 * seven:.0f} of 101 recalls)"
)
sys.exit(0 if round(101 * half) == 51 and round(101 * seven) == 70 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/recalls.py"
