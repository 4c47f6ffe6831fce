#!/usr/bin/env bash
# What distillation costs, as one table: builds benchmarks/kd_cost.cpp (which says what is measured) and runs it.
#   benchmarks/kd_cost.sh [--rounds N] [--batch N] [--side PX] [--only NAME,NAME] ...
set -euo pipefail
cd "$(dirname "$0")/.."

{ cmake --preset release -DSKYLIFT_BENCHMARKS=ON && cmake --build --preset release --target kd_cost; } >kd_cost.log 2>&1 ||
    { cat kd_cost.log; exit 1; }
rm -f kd_cost.log
OMP_WAIT_POLICY=PASSIVE exec build/benchmarks/kd_cost "$@"
