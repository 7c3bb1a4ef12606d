#!/usr/bin/env bash
# What only a GPU can tell, in under ten minutes: that every recipe trains on it, and how fast. For a machine with one:
#
#     OUT=runs/gpu DLPLUG_DATA=… RUN="uv run" bash tests/benchmarks/gpu_all.sh
#
# A piece that fails or takes too long does not stop the others; their output is in $OUT, and a table at the end says how
# each went. Pieces that read pictures or texts are left out where DLPLUG_DATA is not set. More of Atari: gpu_rl.sh.
set -uo pipefail
cd "$(dirname "$0")/../.."
OUT=${OUT:-runs/gpu}
RUN=${RUN:-}
mkdir -p "$OUT"
table=""

# piece SECONDS NAME COMMAND…
piece() {
    local seconds=$1 name=$2 began=$SECONDS status=0
    shift 2
    echo "== $name"
    timeout --signal INT --kill-after 10 "$seconds" $RUN "$@" >"$OUT/$name.log" 2>&1 || status=$?
    tail -n 3 "$OUT/$name.log"
    table+="$(printf '%-12s %4d s  %s' "$name" $((SECONDS - began)) "$([ $status = 0 ] && echo well || echo "failed ($status)")")"$'\n'
}

$RUN python -c "import torch; print(torch.__version__, torch.cuda.get_device_name())" || exit 1
piece 220 tests pytest tests/gpu tests/core/test_graph.py -m "slow or not slow"
piece 30 overhead python tests/benchmarks/overhead.py --device cuda
piece 100 atari python tests/benchmarks/gpu_speed.py --seconds 10
piece 60 memory python tests/benchmarks/memory_speed.py --device cuda --graph
if [ -n "${DLPLUG_DATA:-}" ]; then
    piece 60 vision python tests/benchmarks/vision_speed.py --device cuda
    piece 60 generative python tests/benchmarks/generative_speed.py --device cuda --steps 100
    piece 50 text python tests/benchmarks/text_speed.py --device cuda --steps 100
fi
printf '%s' "$table"
case $table in *failed*) exit 1 ;; esac
