"""`skylift data stats` on a set of COCO train2017's size (118,000 images, 860,000 boxes, about 450 MB of JSON): time and peak memory.

usage: data_stats.py [ROUNDS]     (run through benchmarks/run.sh)
"""
import os
import statistics
import subprocess
import sys
import time

from eval import DATA, PROGRAM, PYTHON, ROOT


def main():
    file = DATA / "train2017.json"
    made = DATA / "train2017.made"
    if not made.exists():
        subprocess.run([PYTHON, str(ROOT / "benchmarks" / "make_coco_like.py"), "train2017", "--out", str(DATA)], check=True)
        made.touch()
    times, peak = [], 0.0
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        begin = time.monotonic()
        process = subprocess.Popen([PROGRAM, "data", "stats", "--data", str(file)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        times.append(time.monotonic() - begin)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"skylift data stats ended with {process.returncode}")
        peak = max(peak, usage.ru_maxrss / 1024)
    print(f"train2017: skylift data stats on {file.stat().st_size / 1e6:.0f} MB of JSON: {statistics.median(times):.2f} s "
          f"({min(times):.2f}..{max(times):.2f}), {peak:.0f} MB (goal: seconds, under 1500 MB)")


if __name__ == "__main__":
    main()
