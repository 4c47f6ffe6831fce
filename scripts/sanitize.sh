#!/usr/bin/env bash
# make asan, make tsan: the tests of FOLDER... (tests/FOLDER) under a sanitizer's preset.
#   scripts/sanitize.sh asan core formats annotations
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
cmake --preset "$preset" >build-sanitize.log 2>&1 || { cat build-sanitize.log; exit 1; }
rm -f build-sanitize.log
cmake --build --preset "$preset" --target "${@/%/_tests}"
export ASAN_OPTIONS=detect_odr_violation=0:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1
# TBB loads a library in a way that sanitizers refuse, unless asked; Debian's is too old to be asked, OpenVINO's is not.
export TBB_ENABLE_SANITIZERS=1 LD_LIBRARY_PATH=$(echo "$PWD"/.venv/lib/python3*/site-packages/openvino/libs)
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp halt_on_error=1"
status=0
for folder in "$@"; do
    "build-$preset/tests/${folder}_tests" --gtest_brief=1 || status=1
done
exit $status
