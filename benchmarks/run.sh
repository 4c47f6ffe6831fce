#!/usr/bin/env bash
# make bench: the program against the tools of the field, each benchmark as whole processes interleaved in one run.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x build/skylift ] || { cmake --preset release >/dev/null && cmake --build --preset release; }
scripts/setup-test-venv.sh faster-coco-eval==1.8.0
.deps/test-venv/bin/python benchmarks/eval.py "$@"
.deps/test-venv/bin/python benchmarks/data_stats.py "$@"
