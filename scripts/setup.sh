#!/usr/bin/env bash
# Makes a Debian 12 machine ready to build Skylift: packages from Debian, and a private .venv whose torch wheel holds libtorch.
# Idempotent: a second run finds everything in place and does nothing. Nothing is installed outside apt and .venv.
#   scripts/setup.sh [PACKAGE...]   further Debian packages, for what only one target needs (make fuzz: clang)
# Whoever has libtorch and the libraries elsewhere sets CMAKE_PREFIX_PATH, and this script leaves the machine alone.
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.13.0
openvino_version=2026.4.1
nanobind_version=3.1.0
packages=(
    g++ cmake ninja-build ccache python3-venv python3-dev
    libopencv-dev libturbojpeg0-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libsimdjson-dev
    libpugixml-dev libyaml-cpp-dev libsqlite3-dev libjs-chart.js
    libfmt-dev libspdlog-dev libgtest-dev libgmock-dev clang-format
    "$@"
)

say() { echo "setup: $*" >&2; }

if [ -n "${CMAKE_PREFIX_PATH:-}" ]; then
    say "CMAKE_PREFIX_PATH is set: using the libraries found there, installing nothing"
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "need root (or sudo) to install: ${missing[*]}"; exit 2; }
        as_root=(sudo)
    fi
    say "installing Debian packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! .venv/bin/python -c "import importlib.metadata as m; assert m.version('torch').split('+')[0] == '$torch_version'" 2>/dev/null; then
    say "creating .venv with torch $torch_version (libtorch: headers, libraries, CMake files)"
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet "torch==$torch_version"
fi

# The wheel holds OpenVINO's headers, libraries and CMake files. What it asks for is needed from Python alone.
if ! .venv/bin/python -c "import importlib.metadata as m; assert m.version('openvino') == '$openvino_version'" 2>/dev/null; then
    say "adding OpenVINO $openvino_version, the faster engine for inference on the CPU"
    .venv/bin/pip install --quiet --no-deps "openvino==$openvino_version" ||
        say "OpenVINO cannot be installed here: inference will run on libtorch alone"
fi

# Headers and sources for the Python package.
if ! .venv/bin/python -c "import importlib.metadata as m; assert m.version('nanobind') == '$nanobind_version'" 2>/dev/null; then
    .venv/bin/pip install --quiet --no-deps "nanobind==$nanobind_version" ||
        say "nanobind cannot be installed here: the Python package will not be built"
fi

# A CUDA build of the wheel needs the CUDA toolkit to build against, even for a program that runs on the CPU.
if grep -qE "^cuda.* = '" .venv/lib/python3*/site-packages/torch/version.py && ! command -v nvcc >/dev/null; then
    say "pip chose a CUDA build of torch, and there is no CUDA toolkit (nvcc) here." \
        "Let pip find PyTorch's CPU wheel (PIP_INDEX_URL or PIP_FIND_LINKS), remove .venv and run this again"
    exit 2
fi
