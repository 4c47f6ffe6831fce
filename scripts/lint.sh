#!/usr/bin/env bash
# make lint: the layering of the sources, their format, and a build in which warnings are errors. `make format` (CI runs
# that) leaves the build out.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 tests/structure/check_includes.py
git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror
[ "${1:-}" = format ] && exit 0

cmake --preset dev >/dev/null
# Drones fly on ARM: what needs no torch compiles for aarch64, too (the libraries' headers are the same ones).
scripts/setup.sh g++-aarch64-linux-gnu
generated=(build-dev/lib/runs/generated build-dev/lib/report/generated)
for folder in core config runs formats annotations image synth eval report serve; do
    printf '%s\n' "skylift/$folder"/*.cpp
done | xargs -P "$(nproc)" -I FILE aarch64-linux-gnu-g++ -std=c++20 -fsyntax-only -Wall -Wextra -Werror -Wno-psabi -DFMT_HEADER_ONLY -I. \
    "${generated[@]/#/-I}" -isystem /usr/include/opencv4 -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu FILE
cmake --build --preset dev
