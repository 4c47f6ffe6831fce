#!/usr/bin/env bash
# make lint: the layering of the sources, their format, and a build in which warnings are errors. `make format` (CI runs
# that) leaves the build out.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 tests/structure/check_includes.py
git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror
[ "${1:-}" = format ] && exit 0
cmake --preset dev >/dev/null
cmake --build --preset dev
