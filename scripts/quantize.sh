#!/usr/bin/env bash
# quantize.sh MODEL CALIBRATION_SPEC OUT [EVAL_SPEC] [-- EXPORT_OPTION...]
# skylift export --precision int8 with a Python that has NNCF: a venv of its own, .deps/quantize-venv, made at the first call.
# SKYLIFT_PROGRAM: the program, if not build/skylift. SKYLIFT_CALIBRATION_IMAGES: 64.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=${SKYLIFT_PROGRAM:-$here/build/skylift}

fail() { echo "quantize: $*" >&2; exit 2; }

[ $# -ge 3 ] || fail "got $# arguments, expected MODEL CALIBRATION_SPEC OUT [EVAL_SPEC] [-- EXPORT_OPTION...]"
[ -x "$program" ] || fail "$program: no such program (hint: make build, or set SKYLIFT_PROGRAM)"
options=(--model "$1" --calibrate "$2" --out "$3" --calibration-images "${SKYLIFT_CALIBRATION_IMAGES:-64}")
shift 3
if [ $# -gt 0 ] && [ "$1" != -- ]; then options+=(--evaluate "$1"); shift; fi
if [ $# -gt 0 ]; then shift; fi

venv=$here/.deps/quantize-venv
packages=(nncf==3.4.0 onnx==1.23.2 onnxruntime==1.32.0)
if ! "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('nncf') == '3.4.0' and m.version('onnxruntime')" 2>/dev/null; then
    echo "quantize: installing ${packages[*]} in .deps/quantize-venv" >&2
    mkdir -p "$here/.deps"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" 2>"$here/.deps/quantize-venv.log" ||
        fail "cannot install ${packages[*]}: $(grep -m1 ERROR "$here/.deps/quantize-venv.log" || tail -1 "$here/.deps/quantize-venv.log")"
fi
SKYLIFT_PYTHON=$venv/bin/python exec "$program" export --precision int8 "${options[@]}" "$@"
