#!/usr/bin/env bash
# A venv in .deps/test-venv with the tools that ours are compared with. Idempotent; nothing else in the repository needs it.
# With arguments: further packages. Exit status 1 and one line on stderr if it cannot be made.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(numpy==2.4.6 pycocotools==2.0.11 "$@")
venv=.deps/test-venv

present() {
    "$venv/bin/python" - "${packages[@]}" <<'PYTHON' 2>/dev/null
import importlib.metadata, sys
for package in sys.argv[1:]:
    name, _, version = package.partition("==")
    found = importlib.metadata.version(name)  # raises where it is absent
    assert not version or found == version
PYTHON
}

present && exit 0
mkdir -p .deps
exec 9>.deps/test-venv.lock
flock 9
present && exit 0
[ -x "$venv/bin/python" ] || python3 -m venv "$venv" >/dev/null
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" 2>.deps/test-venv.log; then
    echo "setup-test-venv: cannot install ${packages[*]}: $(grep -m1 ERROR .deps/test-venv.log || tail -1 .deps/test-venv.log)" >&2
    exit 1
fi
