#!/usr/bin/env bash
# run.sh TEST.py: runs it in the test venv; exit status 77 (skipped) if that cannot be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup-test-venv.sh || { echo "skipped: no test venv"; exit 77; }
exec .deps/test-venv/bin/python "$1"
