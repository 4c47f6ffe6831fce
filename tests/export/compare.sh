#!/usr/bin/env bash
# compare.sh SCRIPT ARGUMENT...: runs a comparison in the test venv; exit status 77 (skipped) if that cannot be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
script=$1
shift
scripts/setup-test-venv.sh onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1 opencv-python-headless==5.0.0.93 || { echo "skipped: no test venv"; exit 77; }
exec .deps/test-venv/bin/python "tests/export/$script" "$@"
