#!/usr/bin/env bash
# quantize.sh MODEL CALIBRATION_SPEC OUT [EVAL_SPEC] [-- EXPORT_OPTION...]
# Post-training int8: exports MODEL to ONNX, quantises weights and activations with NNCF on images of CALIBRATION_SPEC (which the program
# prepares, so that they are exactly what the network sees), writes OUT, and with EVAL_SPEC prints the AP before and after.
# NNCF lives in a venv of its own, .deps/quantize-venv, made at the first call. SKYLIFT_PROGRAM: the program, if not build/skylift.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
program=${SKYLIFT_PROGRAM:-$here/build/skylift}
images=${SKYLIFT_CALIBRATION_IMAGES:-64}

fail() { echo "quantize: $*" >&2; exit 2; }

[ $# -ge 3 ] || fail "got $# arguments, expected MODEL CALIBRATION_SPEC OUT [EVAL_SPEC] [-- EXPORT_OPTION...]"
[ -x "$program" ] || fail "$program: no such program (hint: make build, or set SKYLIFT_PROGRAM)"
model=$1 calibration=$2 out=$3
shift 3
evaluation=
if [ $# -gt 0 ] && [ "$1" != -- ]; then evaluation=$1; shift; fi
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

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$program" export --model "$model" --to onnx --out "$folder/float.onnx" --calibrate "$calibration" --calibration-images "$images" "$@"
"$venv/bin/python" "$here/scripts/quantize.py" "$folder/float.onnx" "$out"

if [ -n "$evaluation" ]; then
    "$program" eval --data "$evaluation" --model "$folder/float.onnx" --json "$folder/before.json" >/dev/null
    "$program" eval --data "$evaluation" --model "$out" --json "$folder/after.json" >/dev/null
    "$venv/bin/python" - "$folder" <<'PYTHON'
import json, sys
before, after = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("before", "after"))
print(f"protocol {before['protocol']}, {before['images']} images, percent")
for key in before:
    if key.startswith("A") and before[key] >= 0:
        print(f"  {key:10} float {100 * before[key]:6.2f}   int8 {100 * after[key]:6.2f}   lost {100 * (before[key] - after[key]):6.2f}")
PYTHON
fi
