"""The VisDrone-DET toolkit's rules in plain Python, written from their description, to check ours on random cases.

Slow on purpose: a raster of pixels, one pass for each limit of detections, loops instead of arrays.
usage: visdrone_reference.py EVAL_DRIVER [SEEDS]
"""
import json
import math
import random
import subprocess
import sys

from random_cases import add_visdrone_rules, make_case

LIMITS = [1, 10, 100, 500]
TOLERANCE = 1e-9


def pixel(value):
    return max(1, math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5))


def integral_image(image):
    width, height = image["width"], image["height"]
    raster = [[0] * (width + 1) for _ in range(height + 1)]
    for region in image["ignored_regions"]:
        x, y, w, h = map(pixel, region)
        for row in range(y, min(height, y + h) + 1):
            for column in range(x, min(width, x + w) + 1):
                raster[row][column] = 1
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            raster[row][column] += raster[row - 1][column] + raster[row][column - 1] - raster[row - 1][column - 1]
    return raster


def dropped(image, table, box):
    x, y, w, h = map(pixel, box)
    x, y = min(x, image["width"]), min(y, image["height"])
    x2, y2 = min(image["width"], x + w), min(image["height"], y + h)
    return (table[y][x] + table[y2][x2] - table[y][x2] - table[y2][x]) / (w * h) >= 0.5


def prepare(case):
    """Per image: (ground truths, detections by descending score), without what ignored regions cover."""
    images = []
    for image in case["gt"]["images"]:
        truths = [a for a in case["gt"]["annotations"] if a["image_id"] == image["id"]]
        rows = sorted((d for d in case["dt"] if d["image_id"] == image["id"]), key=lambda d: -d["score"])
        if image["ignored_regions"]:
            table = integral_image(image)
            truths = [a for a in truths if not dropped(image, table, a["bbox"])]
            rows = [d for d in rows if not dropped(image, table, d["bbox"])]
        images.append((truths, rows))
    return images


def overlap(detection, truth, ignored):
    w = min(detection[0] + detection[2], truth[0] + truth[2]) - max(detection[0], truth[0])
    h = min(detection[1] + detection[3], truth[1] + truth[3]) - max(detection[1], truth[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = detection[2] * detection[3]
    return w * h / (area if ignored else area + truth[2] * truth[3] - w * h)


def match(truths, rows, threshold):
    """(score, verdict) of each row: 1 right, 0 wrong, -1 ignored."""
    truths = sorted(truths, key=lambda a: a["ignore"])
    used = [False] * len(truths)
    verdicts = []
    for row in rows:
        best, found = threshold, None
        for g, truth in enumerate(truths):
            if used[g]:
                continue
            if found is not None and not truths[found]["ignore"] and truth["ignore"]:
                break
            value = overlap(row["bbox"], truth["bbox"], truth["ignore"])
            if value >= best:
                best, found = value, g
        if found is None:
            verdicts.append((row["score"], 0))
        elif truths[found]["ignore"]:
            verdicts.append((row["score"], -1))
        else:
            used[found] = True
            verdicts.append((row["score"], 1))
    return verdicts


def ap_and_recall(images, category, threshold, limit):
    verdicts, count = [], 0
    for truths, rows in images:
        mine = [a for a in truths if a["category_id"] == category]
        count += len(mine)
        verdicts += match(mine, [d for d in rows[:limit] if d["category_id"] == category], threshold)
    verdicts.sort(key=lambda one: -one[0])
    recall, precision, right, wrong = [0.0], [0.0], 0, 0
    for _, verdict in verdicts:
        if verdict < 0:
            continue
        right, wrong = right + (verdict == 1), wrong + (verdict == 0)
        recall.append(right / max(1, count))
        precision.append(right / (right + wrong))
    highest = max(recall)
    recall.append(1.0)
    precision.append(0.0)
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    area = sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall)))
    return area, highest


def weighted(values, weights):
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights)) / total if total else -1


def score(case):
    images = prepare(case)
    categories = [c["id"] for c in case["gt"]["categories"]]
    weights = [sum(any(a["category_id"] == c for a in truths) for truths, _ in images) for c in categories]
    thresholds = [0.5 + 0.05 * k for k in range(10)]
    evaluated = [c for c, weight in zip(categories, weights) if weight]
    table = {(c, k, limit): ap_and_recall(images, c, threshold, limit)
             for c in evaluated for k, threshold in enumerate(thresholds) for limit in LIMITS}

    def averages(weight_of):
        used = [weight_of(w) for w in weights if w]
        mean = lambda f: weighted([f(c) for c in evaluated], used)
        result = {"AP": mean(lambda c: sum(table[c, k, 500][0] for k in range(10)) / 10),
                  "AP50": mean(lambda c: table[c, 0, 500][0]), "AP75": mean(lambda c: table[c, 5, 500][0])}
        for limit in LIMITS:
            result[f"AR{limit}"] = mean(lambda c: sum(table[c, k, limit][1] for k in range(10)) / 10)
        return result

    return averages(lambda w: w), averages(lambda w: 1)


def main():
    driver, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    cases = [add_visdrone_rules(random.Random(seed), make_case(1000 + seed)) for seed in range(seeds)]
    for case in cases:
        case["max_dets"] = []
    output = subprocess.run([driver], input="\n".join(map(json.dumps, cases)) + "\n", capture_output=True, text=True, check=True)
    failures, largest, informative = 0, 0.0, 0
    for seed, (case, line) in enumerate(zip(cases, output.stdout.splitlines(), strict=True)):
        result = json.loads(line)
        headline, uniform = score(case)
        informative += 0 < headline["AP"] < 1
        for ours, expected in ((result, headline), (result["uniform"], uniform)):
            for key, value in expected.items():
                largest = max(largest, abs(ours[key] - value))
                if abs(ours[key] - value) > TOLERANCE:
                    failures += 1
                    print(f"seed {seed}: {key} is {ours[key]}, expected {value}")
    print(f"{seeds} cases, {informative} with AP strictly between 0 and 1, largest difference {largest}")
    assert informative > seeds / 3, "the cases are too easy"
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
