#!/usr/bin/env bash
# A study of docs/results.md from images to tables, in runs/PLAN's name. Goes on where it stopped; given in a second terminal too
# (OMP_NUM_THREADS=1 in both), the two share the trainings.
#   scripts/study.sh DATA RESNET18 [PLAN]
#   DATA: folder with VisDrone-DET's train and val; RESNET18: torchvision's resnet18-f37072fd.pth; PLAN: configs/study/visdrone_small.toml
set -euo pipefail

[ $# -ge 2 ] && [ $# -le 3 ] || { echo "study: got $# arguments; usage: scripts/study.sh DATA RESNET18 [PLAN]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
data=$(realpath "$1") resnet18=$(realpath "$2") plan=$(realpath "${3:-$root/configs/study/visdrone_small.toml}")
cd "$root"
program=build/skylift
[ -x "$program" ] || { echo "study: $program is not built yet (make build)" >&2; exit 2; }

out=runs/$(basename "$plan" .toml)
scripts/fetch-weights.sh efficientnet-lite0 >&2
scripts/fetch-weights.sh efficientnet-lite2 >&2
[ -f weights/resnet18.safetensors ] || "$program" import --from torchvision "$resnet18" --out weights/resnet18.safetensors
[ -d "$out/split/tune" ] || "$program" data split --data "$data/train" --share 0.15 --out "$out/split"
study=("$program" study --config "$plan" --out "$out/trainings" --set "data.train=$out/split/fit" --set "data.val=$out/split/tune")
"${study[@]}"
"${study[@]}" --report "$data/val"
