#!/usr/bin/env bash
# compare.sh DRIVER: runs the comparison with sahi in the test venv; exit status 77 (skipped) if that cannot be made.
# sahi is installed alone: of what it asks for, the compared functions need none of the large parts.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup-test-venv.sh opencv-python-headless==5.0.0.93 shapely pillow tqdm click fire pybboxes terminaltables pyyaml requests ||
    { echo "skipped: no test venv"; exit 77; }
.deps/test-venv/bin/python -c 'import sahi' 2>/dev/null || .deps/test-venv/bin/pip install --quiet --no-deps sahi==0.12.8 2>/dev/null ||
    { echo "skipped: sahi cannot be installed"; exit 77; }
exec .deps/test-venv/bin/python tests/infer/compare_with_sahi.py "$1"
