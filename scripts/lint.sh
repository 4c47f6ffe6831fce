#!/usr/bin/env bash
# make lint: the layering of the sources, their format, and a build in which warnings are errors.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 tests/structure/check_includes.py
if command -v clang-format >/dev/null; then
    git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror
else
    echo "lint: clang-format is not installed, the format is not checked (Debian: clang-format)" >&2
fi
cmake --preset dev >/dev/null
cmake --build --preset dev
