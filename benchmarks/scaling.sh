#!/usr/bin/env bash
# What training with several processes costs: for 1, 2, ... processes on this machine the images a second, and the share of a step that goes into
# waiting for the others. The joint batch grows with the processes.
# Usage: benchmarks/scaling.sh [MOST_PROCESSES] [--set KEY=VALUE ...]
set -euo pipefail
cd "$(dirname "$0")/.."

most=${1:-$(nproc)}
shift || true
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
build/skylift synth --out "$folder/train" --images $((16 * most)) --size 640x640 --seed 1 >/dev/null 2>&1
build/skylift synth --out "$folder/val" --images 2 --size 640x640 --seed 2 >/dev/null 2>&1

scripts/fetch-weights.sh efficientnet-lite0 >/dev/null
echo "processes  images/s  exchange_wait"
for ((n = 1; n <= most; ++n)); do
    OMP_NUM_THREADS=$(((($(nproc) - 1) / n) + 1)) .venv/bin/torchrun --standalone --no-python --nproc-per-node "$n" build/skylift train \
        --config lite0_student --out "$folder/$n" --set data.train="$folder/train" --set data.val="$folder/val" --set train.epochs=1 \
        --set train.batch_size=2 --set data.threads=1 "$@" >"$folder/log" 2>&1 || { grep skylift: "$folder/log" >&2; exit 1; }
    python3 - "$n" "$folder/$n/metrics.jsonl" <<'PY'
import json, statistics, sys
steps = [line for line in map(json.loads, open(sys.argv[2])) if line["kind"] == "train"][1:]  # the first one warms up
print(f"{sys.argv[1]:>9}  {statistics.median(step['images_per_s'] for step in steps):8.2f}  "
      f"{100 * statistics.median(step.get('exchange_wait', 0) for step in steps):11.1f} %")
PY
done
