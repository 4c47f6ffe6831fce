"""Evaluation as whole processes, interleaved: Skylift, pycocotools and faster-coco-eval on sets of COCO's and VisDrone's size.

Prints median seconds, peak memory and the ratios; fails if the tools disagree on a number.
usage: eval.py [ROUNDS]     (run through benchmarks/run.sh, which installs the other tools)
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = ROOT / ".deps" / "benchmark"
PROGRAM = os.environ.get("SKYLIFT_PROGRAM", str(ROOT / "build" / "skylift"))
PYTHON = str(ROOT / ".deps" / "test-venv" / "bin" / "python")
SETS = {  # kind of benchmarks/make_coco_like.py: ground truth, detections, limits of detections
    "val2017": ("val2017.json", "val2017_results.json", "1,10,100"),
    "visdrone": ("visdrone/visdrone.json", "visdrone/visdrone_results.json", "1,100,500"),
}
GOALS = {"pycocotools": 20, "faster-coco-eval": 4}


def commands(name):
    truth, detections, limits = SETS[name]
    files = [str(DATA / truth), str(DATA / detections)]
    python = lambda tool: [PYTHON, str(ROOT / "benchmarks" / "eval_with_python.py"), tool, *files, limits]
    return {
        "skylift": [PROGRAM, "eval", "--gt", files[0], "--dt", files[1], "--protocol", "coco", "--max-dets", limits, "--json", "-"],
        "pycocotools": python("pycocotools"),
        "faster-coco-eval": python("faster-coco-eval"),
    }


def run(command):
    """(seconds, peak MB, numbers) of one process."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024, json.loads(output)


def benchmark(name, rounds):
    made = DATA / f"{name}.made"  # written last: a set that was cut off is made anew
    if not made.exists():
        shutil.rmtree(DATA / name, ignore_errors=True)
        subprocess.run([PYTHON, str(ROOT / "benchmarks" / "make_coco_like.py"), name, "--out", str(DATA)], check=True)
        made.touch()
    times, memory, numbers = {}, {}, {}
    for _ in range(rounds):
        for tool, command in commands(name).items():
            seconds, peak, numbers[tool] = run(command)
            times.setdefault(tool, []).append(seconds)
            memory[tool] = max(memory.get(tool, 0), peak)
    print(f"{name}: {rounds} rounds, medians of whole processes on {os.cpu_count()} cores")
    ours = statistics.median(times["skylift"])
    for tool, seconds in times.items():
        median = statistics.median(seconds)
        ratio = "" if tool == "skylift" else f"  {median / ours:6.1f} x  (goal {GOALS[tool]} x)"
        print(f"  {tool:<18}{median:8.2f} s  ({min(seconds):.2f}..{max(seconds):.2f}) {memory[tool]:8.0f} MB{ratio}")
    for tool in GOALS:
        for key, value in numbers[tool].items():
            if abs(numbers["skylift"][key] - value) > 1e-9:
                sys.exit(f"{name}: {key} is {numbers['skylift'][key]}, {tool} has {value}")
    print(f"  all agree: AP {numbers['skylift']['AP']:.6f}")


def main():
    for name in SETS:
        benchmark(name, int(sys.argv[1]) if len(sys.argv) > 1 else 3)


if __name__ == "__main__":
    main()
