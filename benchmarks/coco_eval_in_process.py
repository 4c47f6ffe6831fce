"""COCOeval in one process, arrays in: skylift.coco beside pycocotools and faster-coco-eval, on a set of val2017's size.

Prints seconds from the array of results to `stats`, by the clock and of all cores, and the ratios; fails if a number differs.
usage: coco_eval_in_process.py [ROUNDS]     (in the test venv, with build/python in PYTHONPATH; see benchmarks/run.sh)
"""
import contextlib
import copy
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import faster_coco_eval
import numpy as np
import pycocotools.coco
import pycocotools.cocoeval

import skylift.coco

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / ".deps" / "benchmark"
TOOLS = {
    "skylift": (skylift.coco.COCO, skylift.coco.COCOeval),
    "pycocotools": (pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval),
    "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
}


def inputs():
    made = DATA / "val2017.made"
    if not made.exists():
        subprocess.run([sys.executable, str(ROOT / "benchmarks" / "make_coco_like.py"), "val2017", "--out", str(DATA)], check=True)
        made.touch()
    results = json.loads((DATA / "val2017_results.json").read_text())
    rows = np.array([[one["image_id"], *one["bbox"], one["score"], one["category_id"]] for one in results])
    return json.loads((DATA / "val2017.json").read_text()), rows


def run(tool, truth, rows):
    """(seconds, seconds of all cores, stats)."""
    coco, evaluator = TOOLS[tool]
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = coco()
        loaded.dataset = copy.deepcopy(truth)  # they write into it
        loaded.createIndex()
        begin, begin_cores = time.monotonic(), time.process_time()
        evaluation = evaluator(loaded, loaded.loadRes(rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return time.monotonic() - begin, time.process_time() - begin_cores, evaluation.stats


def cpu():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    truth, rows = inputs()
    seconds, cores, stats = ({tool: [] for tool in TOOLS} for _ in range(3))
    for _ in range(rounds):
        for tool in TOOLS:
            for values, value in zip((seconds, cores, stats), run(tool, truth, rows)):
                values[tool].append(value)
    print(f"{len(truth['images'])} images, {len(truth['annotations'])} objects, {len(rows)} detections; {rounds} rounds, medians; "
          f"{cpu()}, {os.cpu_count()} cores")
    ours, ours_cores = (statistics.median(values["skylift"]) for values in (seconds, cores))
    for tool in TOOLS:
        by_clock, of_cores = statistics.median(seconds[tool]), statistics.median(cores[tool])
        print(f"  {tool:<18}{by_clock:8.2f} s {by_clock / ours:6.1f} x     of all cores {of_cores:8.2f} s {of_cores / ours_cores:6.1f} x")
        if np.max(np.abs(np.asarray(stats[tool][0], dtype=float)[:12] - stats["skylift"][0])) > 1e-9:
            sys.exit(f"{tool} has other numbers than skylift")
    print("  all agree")


if __name__ == "__main__":
    main()
