"""Dependencies point one way: a folder of skylift/ includes only itself and the folders above it in the ladder of CONTRIBUTING.md.
And what has to go through one place, does."""
import pathlib
import re
import sys

LADDER = {
    "core": [],
    "config": ["core"],
    "runs": ["core"],
    "formats": ["core"],
    "annotations": ["core", "formats"],
    "image": ["core", "formats"],
    "synth": ["core", "annotations", "image"],
    "boxes": ["core"],
    "dist": ["core"],
    "data": ["core", "config", "annotations", "image", "boxes"],
    "models": ["core", "config", "formats", "image", "boxes"],
    "export": ["core", "formats", "models"],
    "assign": ["core", "config", "dist", "annotations", "image", "boxes", "data", "models"],
    "losses": ["core", "config", "dist", "boxes", "assign", "models"],
    "kd": ["core", "config", "dist", "boxes", "data", "models", "assign", "losses"],
    "eval": ["core", "config", "annotations"],
    "infer": ["core", "config", "dist", "formats", "annotations", "image", "boxes", "data", "models", "export"],
    "teachers": ["core", "config", "formats", "annotations", "image", "boxes", "data", "models", "kd", "infer"],
    "train": ["core", "config", "dist", "formats", "annotations", "image", "boxes", "data", "models", "assign", "losses", "kd", "eval", "infer", "teachers", "runs"],
    "doctor": ["core", "config", "image", "boxes", "data", "models", "assign", "losses", "kd", "eval", "infer", "teachers", "train"],
    "serve": ["core", "annotations", "image", "infer"],
    "report": ["core", "runs", "annotations", "image", "eval"],
    "study": ["core", "config", "dist", "runs", "data", "models", "eval", "infer", "train"],
}

root = pathlib.Path(__file__).resolve().parents[2] / "skylift"
failures = []
files = sorted(root.rglob("*.h")) + sorted(root.rglob("*.cpp"))
for path in files:
    folder = path.parent.name
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "(skylift|apps)/(\w+)', line)
        if match and (match[1] == "apps" or (match[2] != folder and match[2] not in LADDER[folder])):
            failures.append(f"{path.relative_to(root.parent)}:{number}: {folder} must not include {line.split()[1]}")
        if path.suffix == ".h" and "torch/torch.h" in line and line.startswith("#include"):
            failures.append(f"{path.relative_to(root.parent)}:{number}: headers include the narrowest torch header")
# JSON leaves through one place, which replaces bytes that are no UTF-8: elsewhere a foreign file name would throw.
for path in files + sorted((root.parent / "apps").glob("*.cpp")):
    if path.name == "json.cpp" and path.parent.name == "core":
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if ".dump(" in line:
            failures.append(f"{path.relative_to(root.parent)}:{number}: dump_json of skylift/core/json.h writes JSON")
# The Python package is a second face of the library beside the program: it needs nothing of apps, and torch's headers in one file alone.
bindings = sorted((root.parent / "python").rglob("*.h")) + sorted((root.parent / "python").rglob("*.cpp"))
for path in bindings:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if ".dump(" in line or line.startswith('#include "apps/'):
            failures.append(f"{path.relative_to(root.parent)}:{number}: bindings stand on skylift/ alone, JSON leaves through dump_json")
        if re.match(r'#include ("skylift/(train|models|kd|losses|assign|boxes|export)/|<torch|<ATen)', line) and path.name != "training_calls.cpp":
            failures.append(f"{path.relative_to(root.parent)}:{number}: what sees torch belongs into training_calls.cpp")
if not files:
    failures.append("no sources found")
print("\n".join(failures) or f"{len(files) + len(bindings)} files, dependencies point one way")
sys.exit(bool(failures))
