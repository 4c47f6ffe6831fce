"""skylift predict against bare OpenVINO, Python pipelines and the SAHI package, interleaved in one run.

Two models: a heavy one (ResNet-18, head 256 x 4, 640x640) and a thin student, configs/visdrone/lite0_student.toml with a pyramid from
stride 8. Untrained ones are made here; a score is chosen so that images have about 60 detections. Prints medians over rounds of the
ratios within a round.
usage: inference.py [ROUNDS] [--images DIR] [--thin MODEL] [--count N]     (run through benchmarks/run.sh)
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORK = ROOT / ".deps" / "benchmark" / "inference"
PROGRAM = os.environ.get("SKYLIFT_PROGRAM", str(ROOT / "build" / "skylift"))
PYTHON = str(ROOT / ".deps" / "test-venv" / "bin" / "python")
CONFIG = """
[data]
train = "{scenes}"
val = "{scenes}"
[data.input]
long_side = {side}
short_side = {side}
[model.backbone]
name = "{backbone}"
[model.neck]
channels = {channels}
last_level = {last_level}
[model.head]
channels = {channels}
depth = {depth}
[train]
epochs = 1
batch_size = 2
[train.optimizer]
lr = 1e-9
"""
MODELS = {"heavy": dict(side=640, backbone="resnet18", channels=256, depth=4, last_level=7),
          "thin": dict(side=960, backbone="efficientnet_lite0", channels=48, depth=1, last_level=6)}
DETECTIONS = 60  # an image
TILE = 640


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def untrained(name):
    """A model of this architecture with random weights."""
    folder = WORK / name
    if not (folder / "last.safetensors").exists():
        scenes = WORK / "scenes"
        if not scenes.exists():
            run(PROGRAM, "synth", "--out", scenes, "--images", 2, "--size", "640x480")
        shutil.rmtree(folder, ignore_errors=True)
        (WORK / f"{name}.toml").write_text(CONFIG.format(scenes=scenes, **MODELS[name]))
        run(PROGRAM, "train", "--config", WORK / f"{name}.toml", "--out", folder)
    return folder / "last.safetensors"


def choose_score(model, images):
    """A threshold at which the images have about DETECTIONS each."""
    run(PROGRAM, "predict", "--model", model, images, "--out", WORK / "probe", "--score", 0.001)
    scores = sorted((row["score"] for row in json.loads((WORK / "probe" / "detections.json").read_text())), reverse=True)
    return scores[min(len(scores) - 1, DETECTIONS * len(list(images.iterdir())))]


def contenders(model, images, score):
    onnx = model
    if model.suffix != ".onnx":
        onnx = WORK / f"{model.parent.name}.onnx"
        run(PROGRAM, "export", "--model", model, "--to", "onnx", "--out", onnx)
    ours = lambda *more: [PROGRAM, "predict", "--engine", "openvino", "--model", model, images, "--out", WORK / "out", "--score",
                          score, "--json", "-", *more]
    python = lambda kind, *more: [PYTHON, ROOT / "benchmarks" / "inference_with_python.py", kind, onnx, images, score, *more]
    tiles = ["--tile", TILE, "--overlap", 0.2, "--merge", "greedy-nmm", "--merge-metric", "ios", "--merge-threshold", 0.5]
    return {"skylift": ours(), "skylift throughput": ours("--mode", "throughput"), "bare": python("bare"),
            "python openvino": python("openvino"), "python onnxruntime": python("onnxruntime"),
            "skylift tiled": ours(*tiles), "skylift tiled throughput": ours(*tiles, "--mode", "throughput"), "sahi": python("sahi", TILE)}


def median_ratio(results, above, below, value=lambda r: r["seconds"]):
    return statistics.median(value(a) / value(b) for a, b in zip(results[above], results[below]))


def outside(result):
    return result["seconds"] - result["network_seconds"]


def cpu(result):
    return result["cpu_seconds"]


def report(name, results):
    print(f"\n{name}: {results['skylift'][0]['images']} images, medians of {len(results['skylift'])} rounds")
    print(f"{'':24}{'ms/image':>9}{'p50':>8}{'p90':>8}{'p99':>8}{'cpu':>8}{'memory MB':>11}{'detections':>12}")
    for contender, rows in results.items():
        middle = sorted(rows, key=lambda row: row["seconds"])[len(rows) // 2]
        latency = [f"{middle['latency_ms'].get(p, float('nan')):8.1f}" for p in ("p50", "p90", "p99")]
        print(f"{contender:24}{1000 * middle['seconds'] / middle['images']:9.1f}{''.join(latency)}"
              f"{1000 * middle['cpu_seconds'] / middle['images']:8.1f}{middle['peak_memory_mb']:11}"
              f"{middle['detections']:12}")
    sahi_outside = median_ratio(results, "skylift tiled", "sahi", outside)
    lines = [("skylift / bare network", median_ratio(results, "skylift", "bare"), "at most 1.10"),
             ("skylift / bare network, processor time", median_ratio(results, "skylift", "bare", cpu), ""),
             ("python openvino / skylift, processor time", median_ratio(results, "python openvino", "skylift", cpu), ""),
             ("python openvino / skylift", median_ratio(results, "python openvino", "skylift"), "at least 1, thin 1.3"),
             ("python onnxruntime / skylift", median_ratio(results, "python onnxruntime", "skylift"), "at least 1, thin 1.3"),
             ("outside the network, skylift / sahi", sahi_outside, "at most 0.33"),
             ("sahi / skylift tiled", median_ratio(results, "sahi", "skylift tiled"), "at least 1.2"),
             ("sahi / skylift tiled throughput", median_ratio(results, "sahi", "skylift tiled throughput"), "")]
    for what, ratio, goal in lines:
        print(f"  {what:44}{ratio:6.2f}   {goal}")


def take_images(folder, count):
    """So many images, in a folder of their own."""
    images = WORK / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    if folder is None:
        run(PROGRAM, "synth", "--out", WORK / "photographs", "--images", count, "--size", "1360x765")
        folder = WORK / "photographs" / "images"
    for path in sorted(pathlib.Path(folder).iterdir())[:count]:
        (images / path.name).symlink_to(path.resolve())
    return images


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--images", help="a folder of photographs; default: synthetic scenes")
    parser.add_argument("--thin", type=pathlib.Path, help="a trained thin student, as model file or ONNX (int8, say)")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--only", choices=MODELS)
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    images = take_images(arguments.images, arguments.count)
    for name in [arguments.only] if arguments.only else MODELS:
        model = arguments.thin if name == "thin" and arguments.thin else untrained(name)
        commands = contenders(model, images, choose_score(model, images))
        results = {}
        for _ in range(arguments.rounds):
            for contender, command in commands.items():
                results.setdefault(contender, []).append(json.loads(run(*command)))
        report(name, results)


if __name__ == "__main__":
    main()
