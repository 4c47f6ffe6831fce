#!/usr/bin/env bash
# A venv in .deps/ultralytics-venv that runs Ultralytics on the torch of .venv: its loaders are what our YOLO sets must open in.
# Idempotent; only a test needs it. Exit status 1 and one line on stderr if it cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.deps/ultralytics-venv
# Its modules ask for torchvision's version when they are imported; those that read data use nothing else of it.
import='import importlib.metadata as m; v = m.version; m.version = lambda n: "0.0" if n == "torchvision" else v(n); import ultralytics.data.dataset'
works() { "$venv/bin/python" -c "$import" >/dev/null 2>&1; }
fail() {
    echo "setup-ultralytics-venv: $1" >&2
    exit 1
}

works && exit 0
[ -x .venv/bin/python ] || fail "no .venv with torch (make build)"
mkdir -p .deps
exec 9>.deps/ultralytics-venv.lock
flock 9
works && exit 0
[ -x "$venv/bin/python" ] || .venv/bin/python -m venv "$venv" >/dev/null
# torch comes from .venv: Ultralytics' own requirement would fetch another one, with torchvision.
site=$("$venv/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
.venv/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" >"$site/torch-of-venv.pth"
log=.deps/ultralytics-venv.log
"$venv/bin/pip" install --quiet --disable-pip-version-check numpy pyyaml pillow requests psutil opencv-python-headless matplotlib 2>"$log" ||
    fail "cannot install its needs: $(grep -m1 ERROR "$log" || tail -1 "$log")"
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps ultralytics ultralytics-thop 2>"$log" ||
    fail "cannot install ultralytics: $(grep -m1 ERROR "$log" || tail -1 "$log")"
works || fail "ultralytics does not import: $("$venv/bin/python" -c "$import" 2>&1 | tail -1)"
