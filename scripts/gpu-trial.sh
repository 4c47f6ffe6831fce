#!/usr/bin/env bash
# Skylift on a machine that has a CUDA device and little else: builds against a prefix of libraries that was made elsewhere, runs the tests
# of what computes, compares ten steps of every method with the CPU's, times steps against the same in Python, and writes it all into OUT.
#   scripts/gpu-trial.sh DEPS OUT [--device cuda|cpu] [--program PATH]
#   DEPS       a folder, or a .tar.xz of one, in which CMAKE_PREFIX_PATH finds the C++ libraries; nothing is downloaded
#   OUT        a folder for README.md, machine.txt, build.log, tests.txt, compare.md, speed.md and the numbers of these two as .json
#   --device   cpu rehearses all of it without a GPU: the comparison is then of the CPU with itself, and must be equal
#   --program  a skylift that is built already, with or without its tests in tests/ beside it: nothing is built, DEPS is not read
# Python needs torch, and for the peer NumPy and OpenCV: SKYLIFT_PEER_PYTHON, else .venv's, else python3. Its torch is the libtorch that is
# built against, unless SKYLIFT_TORCH names another one. Exit status 1: something failed, and OUT/README.md says what.
set -euo pipefail

say() { echo "gpu-trial: $*" >&2; }
usage() { say "$1; usage: scripts/gpu-trial.sh DEPS OUT [--device cuda|cpu] [--program PATH]"; exit 2; }

device=cuda program='' places=()
while [ $# -gt 0 ]; do
    case $1 in
        --device) device=${2:-}; shift ;;
        --program) program=${2:-}; [ -x "$program" ] || usage "$program is no program"; shift ;;
        --*) usage "unknown option $1" ;;
        *) places+=("$1") ;;
    esac
    shift || usage "an option without its value"
done
[ "${#places[@]}" -eq 2 ] || usage "got ${#places[@]} places, expected DEPS and OUT"
[ "$device" = cuda ] || [ "$device" = cpu ] || usage "--device: got '$device'"
deps=$(realpath -m "${places[0]}") out=$(realpath -m "${places[1]}") program=${program:+$(realpath "$program")}
cd "$(dirname "$0")/.."

build=$PWD/build-gpu-trial work=$PWD/build-gpu-trial/trial
python=${SKYLIFT_PEER_PYTHON:-.venv/bin/python}
[ -x "$(command -v "$python")" ] || python=python3
# What a training computes with. No test takes a device: they show that this libtorch, which may be another version than setup.sh's, computes
# right on this machine's CPU, and the comparison then takes the CPU for granted.
tests=(boxes assign losses models kd train)
mkdir -p "$out" "$work"
rm -f "$out"/{README.md,machine.txt,build.log,tests.txt,compare.md,compare.json,speed.md,speed.json}

facts() {
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no NVIDIA driver"
    lscpu | sed -n 's/^Model name: */CPU: /p'
    echo "cores: $(getconf _NPROCESSORS_ONLN)"
    "$python" -c "import torch; print('torch', torch.__version__, 'CUDA', torch.version.cuda, 'cuDNN', torch.backends.cudnn.version())" || echo "no torch for $python"
    echo "commit: $(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)"
}

unpacked() { # a tar's one folder, or the folder that its files lie in
    case $deps in
        *.tar.xz) rm -rf "$work/deps" && mkdir "$work/deps" && tar -xJf "$deps" -C "$work/deps" && deps=$work/deps ;;
    esac
    [ -d "$deps/include" ] || deps=$(dirname "$(find "$deps" -maxdepth 2 -type d -name include -print -quit)")
    [ -d "$deps/include" ] || { say "${places[0]} holds no include/"; exit 2; }
}

# The program and the tests above alone. OpenVINO is left out where CMake does not find it; NCCL's part is for several devices.
build() {
    local torch=${SKYLIFT_TORCH:-$("$python" -c 'import os, torch; print(os.path.dirname(torch.__file__))')}
    rm -f "$build/CMakeCache.txt" # it may name other DEPS
    cmake -G Ninja -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$deps" -DSKYLIFT_TORCH="$torch" &&
        cmake --build "$build" --target skylift "${tests[@]/%/_tests}"
}

one_test() { # FOLDER NAME: a line, and what it said last if it failed
    local log=$work/$2.log
    if OMP_NUM_THREADS=1 timeout 400 "$1/$2_tests" --gtest_brief=1 >"$log" 2>&1; then
        echo "$2: $(grep -F '[  PASSED  ]' "$log")"
    else
        echo "$2: FAILED with status $? (124: longer than 400 s)"
        grep -F -A 3 -e ': Failure' -e '[  FAILED  ]' "$log" | head -40 || tail -20 "$log"
    fi >"$work/$2.txt"
}

run_tests() { # FOLDER; the first line says how it went
    [ -x "$1/${tests[0]}_tests" ] || { echo "SKIPPED: no tests beside the program" >"$out/tests.txt"; return; }
    local name status=PASS
    for name in "${tests[@]}"; do
        one_test "$1" "$name" &
    done
    wait
    for name in "${tests[@]}"; do
        cat "$work/$name.txt"
        ! grep -q "^$name: FAILED" "$work/$name.txt" || status=FAIL
    done >"$work/tests.txt"
    { echo "$status: on the CPU, with this libtorch"; cat "$work/tests.txt"; } >"$out/tests.txt"
}

part() { "$python" scripts/gpu_trial.py "$1" "$out" --program "$program" --device "$device" --work "$work"; }

facts >"$out/machine.txt"
if [ -z "$program" ]; then
    unpacked
    say "building (build.log)"
    began=$SECONDS
    build >"$out/build.log" 2>&1 ||
        { tail -30 "$out/build.log" | tee "$out/README.md" >&2; sed -i '1i FAIL: the build\n' "$out/README.md"; exit 1; }
    echo "build: $((SECONDS - began)) s" >>"$out/machine.txt"
    program=$build/skylift
fi
echo "program: $("$program" --version)" >>"$out/machine.txt"
say "tests, and ten steps of every method, $device against the CPU" # side by side: neither is timed
run_tests "$(dirname "$program")/tests" &
part compare || true # a part without a page has failed, and the others are worth having
wait
say "steps against Python"
part speed || true
part summary || { say "something failed: see ${places[1]}/README.md"; exit 1; }
say "done: ${places[1]}/README.md"
