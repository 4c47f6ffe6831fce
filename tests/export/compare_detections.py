"""Decoded exports against `skylift predict`: the same detections in onnxruntime and OpenVINO, through the Python of docs/deploy.md.

A small network trained here on synthetic scenes always runs; with SKYLIFT_VISDRONE (images) and SKYLIFT_EXPORT_MODEL (a model file) real
ones too.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import openvino

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1]
BOX_PX, SCORE = 0.05, 1e-4
THRESHOLD = 0.05

TINY = """
[data]
train = "{data}"
val = "{data}"
threads = 2
[data.input]
long_side = 320
short_side = 320
[model.backbone]
width = 0.25
[model.neck]
channels = 32
[model.head]
channels = 32
depth = 2
[model.head.lifting]
enabled = true
[train]
epochs = 6
batch_size = 4
[train.schedule]
warmup_steps = 2
"""


def skylift(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"skylift {arguments[0]}: {done.stderr}")
    return done.stdout


class OpenVinoSession:
    """Just as much of onnxruntime's interface as the documentation's code uses."""

    def __init__(self, path):
        self.metadata = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
        self.model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self.custom_metadata_map = self.metadata

    def get_modelmeta(self):
        return self

    def run(self, _, feed):
        results = self.model(feed)
        return [results[name] for name in ("boxes", "scores", "classes", "count")]


def documented_code():
    text = (ROOT / "docs" / "deploy.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    return code


def run_documented_code(session_class, model, image):
    """The documentation's own lines, with its files replaced and its print collecting."""
    found = []
    code = documented_code().replace('"boxes.onnx"', repr(str(model))).replace('"image.jpg"', repr(str(image)))
    if session_class is not onnxruntime.InferenceSession:
        code = code.replace("onnxruntime.InferenceSession", "session_class")
    exec(code, {"print": lambda name, score, box: found.append((name, float(score), np.array(box))), "session_class": session_class})
    return found


def corners(detection, sizes):
    x, y, w, h = detection["bbox"]
    return np.array([x, y, x + w, y + h])


def unmatched(found, expected, width, height):
    """Detections of either list without a counterpart in the other."""
    left = list(expected)
    lonely = []
    for name, score, box in found:
        box = np.clip(box, 0, [width, height, width, height])
        near = [e for e in left if e[0] == name and abs(e[1] - score) <= SCORE and np.abs(e[2] - box).max() <= BOX_PX]
        if not near:
            lonely.append((name, score, box.round(2).tolist()))
            continue
        left.remove(min(near, key=lambda e: np.abs(e[2] - box).max()))
    return lonely + [(name, score, box.round(2).tolist()) for name, score, box in left]


class Entry(tuple):
    """Compared by identity: arrays have no single truth."""
    __eq__ = object.__eq__
    __hash__ = object.__hash__


def predicted(model, images, classes, folder):
    """`skylift predict`'s detections by file name."""
    skylift("predict", "--model", model, *images, "--out", folder, "--score", THRESHOLD)
    by_id = {number: image.name for number, image in enumerate(images, 1)}
    found = {image.name: [] for image in images}
    for entry in json.loads((folder / "detections.json").read_text()):
        found[by_id[entry["image_id"]]].append(Entry((classes[entry["category_id"] - 1], entry["score"], corners(entry, None))))
    return found


def compare(model, images, folder, least):
    import cv2
    path = folder / "boxes.onnx"
    said = skylift("export", "--model", model, "--to", "onnx", "--out", path, "--decoded", "--image", images[0])
    print(said.strip())
    onnx.checker.check_model(onnx.load(path), full_check=True)
    classes = json.loads({entry.key: entry.value for entry in onnx.load(path).metadata_props}["classes"])
    expected = predicted(model, images, classes, folder / "predicted")
    failures, total = [], 0
    for image in images:
        height, width = cv2.imread(str(image)).shape[:2]
        for name, session in (("onnxruntime", onnxruntime.InferenceSession), ("openvino", OpenVinoSession)):
            found = run_documented_code(session, path, image)
            total += len(found)
            lonely = unmatched(found, expected[image.name], width, height)
            if lonely:
                failures.append(f"{image.name}: {name}: {len(lonely)} of {len(found)} and {len(expected[image.name])} have no counterpart, first {lonely[0]}")
    print(f"{len(images)} images, {total} detections in the two runtimes")
    if total < least:
        failures.append(f"{total} detections are too few to compare")
    return failures


def synthetic(folder):
    data, run = folder / "scenes", folder / "run"
    skylift("synth", "--out", data, "--images", 12, "--size", "320x180", "--seed", 3)
    config = folder / "tiny.toml"
    config.write_text(TINY.format(data=data))
    skylift("train", "--config", config, "--out", run)
    return compare(run / "last.safetensors", sorted((data / "images").iterdir())[:6], folder, 100)


def main():
    failures = []
    with tempfile.TemporaryDirectory(prefix="skylift-export-") as folder:
        failures += synthetic(pathlib.Path(folder))
    visdrone, model = os.environ.get("SKYLIFT_VISDRONE"), os.environ.get("SKYLIFT_EXPORT_MODEL")
    if visdrone and model:
        images = sorted((pathlib.Path(visdrone) / "val" / "images").iterdir())
        with tempfile.TemporaryDirectory(prefix="skylift-export-") as folder:
            failures += compare(model, images[:: max(1, len(images) // 20)], pathlib.Path(folder), 1000)
    else:
        print("real images: skipped, SKYLIFT_VISDRONE or SKYLIFT_EXPORT_MODEL is not set")
    print("\n".join(failures) or "the detections agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
