#!/usr/bin/env bash
# make bench: the program against the tools of the field, each benchmark as whole processes interleaved in one run.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x build/skylift ] || { cmake --preset release >/dev/null && cmake --build --preset release; }
scripts/setup-test-venv.sh faster-coco-eval==1.8.0
.deps/test-venv/bin/python benchmarks/eval.py "$@"
PYTHONPATH=build/python .deps/test-venv/bin/python benchmarks/coco_eval_in_process.py "$@"
.deps/test-venv/bin/python benchmarks/data_stats.py "$@"

scripts/setup-test-venv.sh onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 \
    shapely pillow tqdm click fire pybboxes terminaltables pyyaml requests
.deps/test-venv/bin/python -c 'import sahi' 2>/dev/null || .deps/test-venv/bin/pip install --quiet --no-deps sahi==0.12.8
.deps/test-venv/bin/python benchmarks/inference.py "$@"

# Training: .venv's torch with the other packages of the test venv, so that no second torch is fetched.
PYTHONPATH=$(echo "$PWD"/.deps/test-venv/lib/python3*/site-packages) .venv/bin/python benchmarks/peers/check.py
{ cmake --preset release -DSKYLIFT_BENCHMARKS=ON && cmake --build --preset release --target load_batches step_parts; } >/dev/null
.deps/test-venv/bin/python benchmarks/against_python.py "$@" --page docs/performance.md
