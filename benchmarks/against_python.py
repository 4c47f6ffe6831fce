"""Skylift's training against the same in Python (benchmarks/peers): whole processes, interleaved, on an idle machine.

Steps: `skylift train` and `skylift distill` against peers/train.py over the same images of SIDE x SIDE px with exactly OBJECTS boxes
each, without augmentation, from the same kind of model, AdamW, clipping, no moving average. Both load their batches with as many workers.
  * images/s: the median over a run's steps (the first two left out), from asking for a batch to the end of the optimizer's step; of
    Skylift as metrics.jsonl has it. "work": the same without waiting for the batch.
  * memory: the process's peak resident size (on CUDA what the device held); of Skylift at the last step, so without the evaluation that follows. The peer's does not
    hold its workers, which are processes of their own.
The peer runs in both memory formats, and the ratio is to the one with the higher median. peers/check.py shows that it computes the same.
Loaders: load_batches (cmake -DSKYLIFT_BENCHMARKS=ON) against DataLoader + OpenCV, both with Skylift's default augmentation; left out
with a word where that program is not built.
Parts: step_parts (built likewise), what of a plain step lies outside the network, and how it grows; once.
usage: against_python.py [ROUNDS] [--models r18,thin,lite0] [--kinds plain,bckd,...] [--side PX] ... [--device cuda]
                         [--json FILE] [--page FILE]

A ratio is the median over the rounds of Skylift / peer within a round, with the least and the largest.
SKYLIFT_PROGRAM: the program; the two above lie in build/benchmarks. SKYLIFT_PEER_PYTHON: a Python with torch, numpy and OpenCV; default: .venv's with
the packages of .deps/test-venv.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

import performance_page

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / ".deps" / "benchmark" / "python"
PROGRAM = os.environ.get("SKYLIFT_PROGRAM", str(ROOT / "build" / "skylift"))
LOAD_BATCHES, STEP_PARTS = (ROOT / "build" / "benchmarks" / name for name in ("load_batches", "step_parts"))
PYTHON = os.environ.get("SKYLIFT_PEER_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
MODELS = {"r18": ("coco/gfl_r18_student", "coco/gfl_r50_1x"), "thin": ("scenes/student", "scenes/teacher"),
          "lite0": ("visdrone/lite0_student", "visdrone/lite2_teacher")}
# Of Skylift: methods and whether Light-ML; of the peer: the method that it is compared with.
KINDS = {"plain": ([], False, None), "bckd": (["bckd"], False, "bckd"), "ld": (["ld"], False, "ld"),
         "bckd + cid + Light-ML": (["bckd", "cid"], True, "bckd")}
SKIPPED_STEPS = 2
# Threads that wait do not spin: Skylift sets this by itself, and the peer's loader gains by it.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": os.pathsep.join(map(str, [
    ROOT / "benchmarks", *(ROOT / ".deps" / "test-venv").glob("lib/python3*/site-packages"), *filter(None, [os.environ.get("PYTHONPATH")])]))}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=os.environ | ENVIRONMENT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def make_scenes(name, images, size, objects=None):
    """Annotations of synthetic scenes; `objects` boxes drawn at random replace theirs, since only their number costs."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    run(PROGRAM, "synth", "--out", folder, "--images", images, "--size", size, "--format", "coco")
    path, rng = folder / "annotations.json", random.Random(5)
    if objects is None:
        return path
    side, data = int(size.split("x")[0]), json.loads(path.read_text())
    data["categories"] = [{"id": i + 1, "name": f"class {i}"} for i in range(10)]
    data["images"] = [{key: value for key, value in image.items() if key != "ignored_regions"} for image in data["images"]]
    data["annotations"] = []
    for image in data["images"]:
        for _ in range(objects):
            w, h = (8 * 6 ** rng.random() for _ in range(2))  # 8 to 48 px
            box = [rng.uniform(0, side - w), rng.uniform(0, side - h), w, h]
            data["annotations"].append({"id": len(data["annotations"]) + 1, "image_id": image["id"], "bbox": box, "area": w * h,
                                        "category_id": rng.randint(1, 10), "iscrowd": 0})
    path.write_text(json.dumps(data))
    few = {image["id"] for image in data["images"][:2]}
    (folder / "val.json").write_text(json.dumps(data | {"images": data["images"][:2], "annotations": [
        entry for entry in data["annotations"] if entry["image_id"] in few]}))
    return path


def settings(arguments, data, **more):
    """--set of everything that both sides have to have alike."""
    values = {"data.train": f'"{data}"', "data.val": f'"{data.with_name("val.json")}"', "data.input.long_side": arguments.side,
              "data.input.short_side": arguments.side, "data.augment.crop_px": 0, "data.augment.scale_min": 1,
              "data.augment.scale_max": 1, "data.augment.flip": 0, "data.augment.photometric": 0, "data.threads": arguments.workers,
              "model.backbone.weights": '""', "assign.rescue_small": "false", "train.epochs": 1, "train.batch_size": arguments.batch,
              "train.precision": f'"{arguments.precision}"', "train.threads": arguments.threads,
              "train.device": f'"{arguments.device}"', "train.optimizer.name": '"adamw"',
              "train.optimizer.lr": 1e-6, "train.optimizer.clip_norm": 10, "train.ema.decay": 0, "kd.inherit": "false",
              "kd.teacher_check_images": 0, "kd.min_teacher_ap50": 0, "model.head.lifting.enabled": "false"} | more
    return [part for key, value in values.items() for part in ("--set", f"{key}={value}")]


def untrained(config, arguments, data):
    """A model file with random weights; small images, since only its layers matter."""
    folder = WORK / config.replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    small = {"data.input.long_side": 64, "data.input.short_side": 64}
    run(PROGRAM, "train", "--config", ROOT / "configs" / f"{config}.toml", "--out", folder, *settings(arguments, data, **small))
    return folder / "last.safetensors"


def skylift(model, kind, teacher, arguments, data):
    methods, lifting, _ = KINDS[kind]
    out = WORK / "run"
    shutil.rmtree(out, ignore_errors=True)
    more = {"model.head.lifting.enabled": str(lifting).lower()} | ({"kd.methods": json.dumps(methods)} if methods else {})
    run(PROGRAM, "distill" if methods else "train", "--config", ROOT / "configs" / f"{MODELS[model][0]}.toml", "--out", out,
        *(["--teacher", teacher] if methods else []), *settings(arguments, data, **more))
    steps = [line for line in map(json.loads, (out / "metrics.jsonl").read_text().splitlines()) if line["kind"] == "train"]
    return summary(steps, steps[-1]["peak_memory_mib"])


def peer(kind, student, teacher, channels_last, arguments, data):
    method = KINDS[kind][2]
    alike = ("side", "batch", "workers", "threads", "precision", "device")
    numbers = [part for name in alike for part in (f"--{name}", getattr(arguments, name))]
    result = json.loads(run(PYTHON, "-m", "peers.train", data, "--student", student, *numbers,
                            *(["--teacher", teacher, "--method", method] if method else []),
                            *(["--channels-last"] if channels_last else [])))
    return summary(result["steps"], result["peak_memory_mib"])


def summary(steps, memory):
    counted = steps[SKIPPED_STEPS:]
    median = lambda value: statistics.median(map(value, counted))
    return {"images_per_s": median(lambda s: s["images_per_s"]),
            "work": median(lambda s: s["images_per_s"] / (1 - s["data_wait"])), "memory_mib": memory}


def spread(ours, theirs, value):
    ratios = [value(a) / value(b) for a, b in zip(ours, theirs)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def compare_steps(model, arguments, data):
    """{kind: ratios and all numbers}, every contender once a round."""
    student, teacher = (untrained(config, arguments, data) for config in MODELS[model])
    runs = {}
    for number in range(arguments.rounds):
        done = set()
        for kind in arguments.kinds:
            runs.setdefault(("skylift", kind), []).append(skylift(model, kind, teacher, arguments, data))
            for last in (False, True):
                contender = ("channels_last" if last else "contiguous", KINDS[kind][2])
                if contender not in done:
                    runs.setdefault(contender, []).append(peer(kind, student, teacher, last, arguments, data))
                done.add(contender)
        print(f"{model}: round {number + 1} of {arguments.rounds}", file=sys.stderr)
    table = {}
    for kind in arguments.kinds:
        ours = runs["skylift", kind]
        rate = lambda format: statistics.median(r["images_per_s"] for r in runs[format, KINDS[kind][2]])
        best = max(("contiguous", "channels_last"), key=rate)
        theirs = runs[best, KINDS[kind][2]]
        table[kind] = {"format of the peer": best, "compared_with": KINDS[kind][2], "skylift": ours, "peer": theirs} | {
            what: spread(ours, theirs, lambda r: r[what]) for what in ("images_per_s", "work", "memory_mib")}
    return table


def compare_loaders(arguments):
    if not os.access(LOAD_BATCHES, os.X_OK):
        print(f"loaders: left out, {LOAD_BATCHES} is not built", file=sys.stderr)
        return None
    data = make_scenes("photographs", arguments.batch * arguments.steps, "1360x765")
    numbers = ["--side", arguments.side, "--batch", arguments.batch, "--workers", arguments.workers]
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        ours.append(json.loads(run(LOAD_BATCHES, data, *numbers)))
        theirs.append(json.loads(run(PYTHON, "-m", "peers.loader", data, *numbers)))
    return {"skylift": ours, "peer": theirs, "images_per_s": spread(ours, theirs, lambda r: statistics.median(r["images_per_s"]))}


def measure_parts(model, **numbers):
    options = [part for name, value in numbers.items() for part in (f"--{name}", value)]
    return json.loads(run(STEP_PARTS, ROOT / "configs" / f"{MODELS[model][0]}.toml", *options)) | {"images": numbers.get("batch", 4)}


def add_parts(result, models):
    """Of the thin student too how a step grows, and the assignment of 3,000 objects."""
    result["parts"] = {}
    if not os.access(STEP_PARTS, os.X_OK):
        print(f"parts: left out, {STEP_PARTS} is not built", file=sys.stderr)
        return
    result["parts"] = {model: measure_parts(model) for model in models}
    result["growth"] = {
        "image, px": {side: measure_parts("thin", side=side, rounds=3) for side in (320, 640, 1280)},
        "objects an image": {count: measure_parts("thin", objects=count, rounds=3) for count in (30, 300, 3000)},
        "batch": {size: measure_parts("thin", batch=size, rounds=3) for size in (1, 4, 16)}}
    result["assignment"] = measure_parts("thin", side=64, rounds=1, assign=3000)["assignment"]


def cpu_name():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--models", default="r18,thin,lite0")
    parser.add_argument("--kinds", default="plain,bckd,bckd + cid + Light-ML", help=", ".join(KINDS))
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, of both sides; memory is then the device's")
    for name, value in (("side", 640), ("objects", 300), ("batch", 4), ("steps", 8), ("workers", 2), ("threads", os.cpu_count())):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--json", type=pathlib.Path, default=WORK / "against_python.json")
    parser.add_argument("--page", type=pathlib.Path, help="docs/performance.md: its tables are written anew")
    arguments = parser.parse_args()
    arguments.kinds = arguments.kinds.split(",")
    WORK.mkdir(parents=True, exist_ok=True)
    numbers = {name: value for name, value in vars(arguments).items() if name not in ("json", "page")}
    torch = run(PYTHON, "-c", "import torch; print(torch.__version__)").strip()
    result = {"machine": f"{cpu_name()}, {os.cpu_count()} cores, the peer's torch {torch}", "settings": numbers}
    data = make_scenes("objects", arguments.batch * arguments.steps, f"{arguments.side}x{arguments.side}", arguments.objects)
    result["steps"] = {model: compare_steps(model, arguments, data) for model in filter(None, arguments.models.split(","))}
    result["loaders"] = compare_loaders(arguments)
    add_parts(result, filter(None, arguments.models.split(",")))
    for name, text in performance_page.tables(result).items():
        print(f"{name}\n\n{text}")
    if arguments.page:
        performance_page.write(arguments.page, result)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
