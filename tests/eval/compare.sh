#!/usr/bin/env bash
# compare.sh SCRIPT DRIVER [PACKAGE...]: runs a comparison in the test venv; exit status 77 (skipped) if that cannot be made.
set -euo pipefail
cd "$(dirname "$0")/../.."
script=$1 driver=$2
shift 2
scripts/setup-test-venv.sh "$@" || { echo "skipped: no test venv"; exit 77; }
exec .deps/test-venv/bin/python "tests/eval/$script" "$driver"
