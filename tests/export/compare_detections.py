"""Decoded exports against `skylift predict` on libtorch: the same detections in onnxruntime and OpenVINO, through the Python of
docs/deploy.md.

A network of random weights, which finds boxes all over, on synthetic scenes; with SKYLIFT_VISDRONE on real images too, with
SKYLIFT_EXPORT_MODEL besides (a model file, trained on real images).
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
PROGRAM, DRIVER = sys.argv[1:]
BOX_PX, SCORE = 0.05, 1e-4
THRESHOLD = 0.05


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


def corners(entry):
    x, y, w, h = entry["bbox"]
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
    skylift("predict", "--model", model, *images, "--out", folder, "--score", THRESHOLD, "--engine", "torch", "--precision", "float32")
    by_id = {number: image.name for number, image in enumerate(images, 1)}
    found = {image.name: [] for image in images}
    for entry in json.loads((folder / "detections.json").read_text()):
        found[by_id[entry["image_id"]]].append(Entry((classes[entry["category_id"] - 1], entry["score"], corners(entry))))
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


def scenes(folder):
    skylift("synth", "--out", folder, "--images", 6, "--size", "320x180", "--seed", 3)
    return sorted((folder / "images").iterdir())


def real_images():
    images = sorted((pathlib.Path(os.environ["SKYLIFT_VISDRONE"]) / "val" / "images").iterdir())
    return images[:: max(1, len(images) // 20)]


def main():
    with tempfile.TemporaryDirectory(prefix="skylift-export-") as name:
        folder = pathlib.Path(name)
        subprocess.run([DRIVER, folder], check=True)
        model = folder / "model" / "random.safetensors"
        failures = compare(model, scenes(folder / "scenes"), folder / "synthetic", 1000)
        if "SKYLIFT_VISDRONE" in os.environ:
            failures += compare(model, real_images(), folder / "real", 1000)
            if "SKYLIFT_EXPORT_MODEL" in os.environ:
                failures += compare(os.environ["SKYLIFT_EXPORT_MODEL"], real_images(), folder / "trained", 1000)
        else:
            print("real images: skipped, SKYLIFT_VISDRONE is not set")
    print("\n".join(failures) or "the detections agree")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
