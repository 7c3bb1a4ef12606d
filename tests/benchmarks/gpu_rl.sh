#!/usr/bin/env bash
# Everything about Atari Q-learning that needs a GPU, in pieces of under ten minutes each:
#
#     bash tests/benchmarks/gpu_rl.sh speed      emulator alone, dlplug eager and graphed, in environment steps per second
#     bash tests/benchmarks/gpu_rl.sh pong       Pong with preset gpu, its time and score, three seeds
#     bash tests/benchmarks/gpu_rl.sh breakout   Breakout, 10M steps, protocol classic; call it until it says finished
#     bash tests/benchmarks/gpu_rl.sh memory     a full replay of a million transitions on the device
#
# Results go below $OUT (default: runs/gpu). Needs dlplug installed; set RUN="uv run" to run from a checkout.
set -euo pipefail
OUT=${OUT:-runs/gpu}
RUN=${RUN:-}
PIECE=540 # seconds
mkdir -p "$OUT"

case "${1:-}" in
speed)
    $RUN python tests/benchmarks/gpu_speed.py | tee "$OUT/speed.json"
    ;;
pong)
    timeout --signal INT "$PIECE" $RUN dlplug verify dqn-atari --preset gpu --seeds 3 --wandb off | tee "$OUT/pong.log"
    ;;
breakout)
    run="$OUT/breakout"
    if [ -d "$run" ]; then
        timeout --signal INT "$PIECE" $RUN dlplug resume "$run" || true
    else
        timeout --signal INT "$PIECE" $RUN dlplug run dqn-atari --preset gpu --data.game breakout --frames 40M \
            --data.n-step 3 --data.train-every 4 --checkpoint-every 0 --wandb off --out "$run" || true
    fi
    python -c "import json, sys; r = json.load(open(sys.argv[1])); print(r['status'], r['frames'], r['metrics'])" "$run/result.json"
    ;;
memory)
    $RUN python tests/benchmarks/gpu_speed.py --replay 1_000_000 | tee "$OUT/memory.json"
    ;;
*)
    sed -n '2,9p' "$0"
    exit 2
    ;;
esac
