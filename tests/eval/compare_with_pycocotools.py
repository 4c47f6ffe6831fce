"""Every number of the COCO protocol against pycocotools, on hard random cases.

usage: compare_with_pycocotools.py EVAL_DRIVER [SEEDS]
"""
import contextlib
import io
import json
import subprocess
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from random_cases import make_case

TOLERANCE = 1e-9


def load(dataset):
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def with_pycocotools(case):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = load(json.loads(json.dumps(case["gt"])))
        # loadRes cannot read an empty list
        found = truth.loadRes(json.loads(json.dumps(case["dt"]))) if case["dt"] else load({**case["gt"], "annotations": []})
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.params.maxDets = sorted(set(case["max_dets"]))
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def mean(values):
    defined = values[values > -1]
    return float(np.mean(defined)) if len(defined) else -1.0


def expected_numbers(case, evaluation):
    """COCOeval.summarize's numbers, with AP at the largest of maxDets, and the same for each class."""
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    numbers = {"AP": mean(precision[..., 0, -1]), "AP50": mean(precision[0, ..., 0, -1]), "AP75": mean(precision[5, ..., 0, -1])}
    for area, name in enumerate(["small", "medium", "large"], start=1):
        numbers[f"AP_{name}"] = mean(precision[..., area, -1])
        numbers[f"AR_{name}"] = mean(recall[..., area, -1])
    for m, limit in enumerate(evaluation.params.maxDets):
        numbers[f"AR{limit}"] = mean(recall[..., 0, m])
    names = {category["id"]: category["name"] for category in case["gt"]["categories"]}
    for k, category in enumerate(evaluation.params.catIds):
        numbers[f"per_class/{names[category]}/AP"] = mean(precision[:, :, k, 0, -1])
        numbers[f"per_class/{names[category]}/AP50"] = mean(precision[0, :, k, 0, -1])
    return numbers


def look_up(result, key):
    for part in key.split("/"):
        result = result[part]
    return result


def largest_difference(case, result):
    evaluation = with_pycocotools(case)
    differences = {key: abs(look_up(result, key) - value) for key, value in expected_numbers(case, evaluation).items()}
    arrays = {"precision": evaluation.eval["precision"][..., -1], "scores": evaluation.eval["scores"][..., -1],
              "recall": evaluation.eval["recall"]}
    for key, array in arrays.items():
        ours = np.array(result["curves"][key])
        assert ours.size == array.size, f"{key}: {ours.size} values, pycocotools has {array.size}"
        if ours.size:
            differences[f"curves/{key}"] = float(np.abs(ours - array.ravel()).max())
    worst = max(differences, key=differences.get)
    return differences[worst], worst


def main():
    driver, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 250
    cases = [make_case(seed) for seed in range(seeds)]
    output = subprocess.run([driver], input="\n".join(map(json.dumps, cases)) + "\n", capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in output.stdout.splitlines()]
    assert len(results) == len(cases), f"{len(results)} results for {len(cases)} cases"
    failures, largest = 0, 0.0
    for seed, (case, result) in enumerate(zip(cases, results)):
        difference, key = largest_difference(case, result)
        largest = max(largest, difference)
        if difference > TOLERANCE:
            failures += 1
            print(f"seed {seed}: {key} differs by {difference}")
    informative = sum(0 < result["AP"] < 1 for result in results)
    print(f"{seeds} cases, {informative} with AP strictly between 0 and 1, largest difference {largest}")
    assert informative > seeds / 2, "the cases are too easy"
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
