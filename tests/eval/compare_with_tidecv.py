"""The error breakdown against tidecv, on random cases without crowds and equal scores (where ours is defined differently).

usage: compare_with_tidecv.py EVAL_DRIVER [SEEDS]
"""
import json
import random
import subprocess
import sys

from random_cases import make_case

from tidecv.data import Data
from tidecv.errors.main_errors import BackgroundError, BoxError, ClassError, DuplicateError, FalseNegativeError, FalsePositiveError
from tidecv.errors.main_errors import MissedError, OtherError
from tidecv.errors.qualifiers import AREA
from tidecv.quantify import TIDE, TIDERun

KINDS = {"classification": ClassError, "localisation": BoxError, "both": OtherError, "duplicate": DuplicateError,
         "background": BackgroundError, "missed": MissedError}
TOLERANCE = 1e-9


def simplify(case, seed):
    rng = random.Random(seed)
    case["protocol"], case["max_dets"] = "errors", [rng.choice([20, 100])]
    for annotation in case["gt"]["annotations"]:
        annotation["iscrowd"] = annotation["ignore"] = 0
    scores = rng.sample(range(1, 10**6), len(case["dt"]))
    for detection, score in zip(case["dt"], scores):
        detection["score"] = score / 10**6
    return case


def with_tidecv(case):
    truth, found = Data("truth"), Data("found")
    for image in case["gt"]["images"]:
        truth.add_image(image["id"], str(image["id"]))
    for category in case["gt"]["categories"]:
        truth.add_class(category["id"], category["name"])
    for annotation in case["gt"]["annotations"]:
        truth.add_ground_truth(annotation["image_id"], annotation["category_id"], annotation["bbox"])
    for detection in case["dt"]:
        found.add_detection(detection["image_id"], detection["category_id"], detection["score"], detection["bbox"])
    run = TIDERun(truth, found, 0.5, 0.1, TIDE.BOX, case["max_dets"][0])
    numbers = {"AP50": run.ap / 100}
    counts, gains = run.count_errors(), run.fix_main_errors()
    for name, kind in KINDS.items():
        numbers[f"all/{name}/count"], numbers[f"all/{name}/lost_ap"] = counts[kind], gains[kind] / 100
    for qualifier in AREA:
        gains = run.fix_main_errors(qual=qualifier)
        for name, kind in KINDS.items():
            numbers[f"{qualifier.name.lower()}/{name}/lost_ap"] = gains[kind] / 100
    special = run.fix_special_errors()
    numbers["false_positives/lost_ap"] = max(0, special[FalsePositiveError] / 100)
    numbers["false_negatives/lost_ap"] = max(0, special[FalseNegativeError] / 100)
    return numbers


def look_up(result, key):
    for part in key.split("/"):
        result = result[part]
    return result


def main():
    driver, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    cases = [simplify(make_case(seed), seed) for seed in range(seeds)]
    cases = [case for case in cases if case["gt"]["annotations"] and case["dt"]]  # tidecv divides by zero classes
    output = subprocess.run([driver], input="\n".join(map(json.dumps, cases)) + "\n", capture_output=True, text=True, check=True)
    failures, largest, seen = 0, 0.0, set()
    for number, (case, line) in enumerate(zip(cases, output.stdout.splitlines(), strict=True)):
        result = json.loads(line)
        for key, value in with_tidecv(case).items():
            difference = abs(look_up(result, key) - value)
            largest = max(largest, difference)
            if value > 0:
                seen.add(key)
            if difference > TOLERANCE:
                failures += 1
                print(f"case {number}: {key} is {look_up(result, key)}, tidecv has {value}")
    print(f"{len(cases)} cases, {len(seen)} numbers seen above 0, largest difference {largest}")
    assert all(f"all/{name}/lost_ap" in seen for name in KINDS), "the cases do not show every kind of error"
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
