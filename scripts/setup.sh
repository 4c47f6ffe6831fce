#!/usr/bin/env bash
# Makes a Debian 12 machine ready to build Skylift: packages from Debian, and a private .venv whose torch wheel holds libtorch.
# Idempotent: a second run finds everything in place and does nothing. Nothing is installed outside apt and .venv.
#   scripts/setup.sh [PACKAGE...]   further Debian packages, for what only one target needs (make fuzz: clang)
#   GPU=1 scripts/setup.sh          also what a CUDA device needs (gigabytes)
# Whoever has libtorch and the libraries elsewhere sets SKYLIFT_SETUP=off, and this script leaves the machine alone.
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.13.0
openvino_version=2026.4.1
nanobind_version=3.1.0
packages=(
    g++ cmake ninja-build ccache python3-venv python3-dev
    libopencv-dev libturbojpeg0-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libsimdjson-dev
    libpugixml-dev libyaml-cpp-dev libsqlite3-dev libjs-chart.js
    libgloo-dev libfmt-dev libspdlog-dev libgtest-dev libgmock-dev clang-format
    "$@"
)

say() { echo "setup: $*" >&2; }

if [ "${SKYLIFT_SETUP:-}" = off ]; then
    say "SKYLIFT_SETUP=off: using the libraries that CMake finds, installing nothing"
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

# Where pip finds PyTorch's CPU wheel it takes that. PyPI's is a CUDA build: of the gigabytes that it asks for, its CPU half is linked to two
# small packages (readelf -d libtorch_cpu.so), and GPU=1 installs them all.
torch_asks_for() {
    .venv/bin/python - "${GPU:-}" <<'EOF'
import importlib.metadata, re, sys
for line in importlib.metadata.requires("torch"):
    package = line.partition(";")[0].strip()
    toolkit = re.match(r"cuda-toolkit\[.*\]==(\d+\.\d+)", package)
    if "extra ==" in line:
        continue
    if sys.argv[1] or not re.match("cuda|nvidia|triton", package):
        print(package)
    elif toolkit:
        print(f"nvidia-cuda-runtime=={toolkit[1]}.*", f"nvidia-cuda-cupti=={toolkit[1]}.*", sep="\n")
EOF
}
torch_is_cuda() { grep -qE "^cuda.* = '" .venv/lib/python3*/site-packages/torch/version.py; }
# With all that it asks for: a setup may have ended between the two.
torch_is_there() {
    .venv/bin/python -c "import importlib.metadata as m; assert m.version('torch').split('+')[0] == '$torch_version'" 2>/dev/null &&
        torch_asks_for | .venv/bin/python -c "
import importlib.metadata, re, sys
for line in sys.stdin:
    importlib.metadata.version(re.match(r'[\w.-]+', line)[0])" 2>/dev/null
}
if ! torch_is_there; then
    say "creating .venv with torch $torch_version (libtorch: headers and libraries)"
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --no-deps "torch==$torch_version"
    mapfile -t further < <(torch_asks_for)
    .venv/bin/pip install --quiet --no-warn-conflicts "${further[@]}"
    if [ -n "${GPU:-}" ] && ! torch_is_cuda; then
        say "GPU=1, but pip chose a CPU build of torch (hint: unset PIP_INDEX_URL and PIP_FIND_LINKS, so that PyPI is asked)"
        exit 2
    fi
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
