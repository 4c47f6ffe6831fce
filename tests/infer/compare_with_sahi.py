"""Tiles and merging against the sahi package (its numpy backend): same slices, same kept and merged boxes.
Usage: compare_with_sahi.py DRIVER"""
import subprocess
import sys

import numpy as np
from sahi.postprocess import backends
from sahi.postprocess.combine import GreedyNMMPostprocess, NMMPostprocess, NMSPostprocess
from sahi.prediction import ObjectPrediction
from sahi.slicing import get_slice_bboxes

backends.set_postprocess_backend("numpy")
METHODS = {"nms": NMSPostprocess, "greedy-nmm": GreedyNMMPostprocess, "nmm": NMMPostprocess}


def run(driver, text):
    rows = subprocess.run([driver], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    values = [list(map(float, row.split())) for row in rows[1:]]
    assert len(values) == int(rows[0])
    return values


def compare_tiles(driver, rng):
    for _ in range(300):
        width, height = rng.integers(40, 3000, 2)
        tile, overlap = int(rng.choice([64, 100, 320, 640, 999])), float(rng.choice([0, 0.1, 0.2, 0.25, 0.5]))
        theirs = get_slice_bboxes(int(height), int(width), tile, tile, False, overlap, overlap)
        ours = run(driver, f"tiles {width} {height} {tile} {overlap}\n")
        assert ours == [list(map(float, box)) for box in theirs], (width, height, tile, overlap)


def random_boxes(rng, count):
    """Whole pixels, as SAHI's own lists have them; scores all different, because ties are handled differently."""
    corners = rng.integers(0, 400, (count, 2))
    sizes = rng.integers(5, 80, (count, 2))
    scores = rng.permutation(count) / count * 0.9 + 0.05
    return np.column_stack([corners, sizes, scores, rng.integers(0, 3, count)])


def compare_merging(driver, rng, method, metric, across):
    boxes = random_boxes(rng, int(rng.integers(1, 400)))
    threshold = float(rng.choice([0.3, 0.5, 0.7]))
    theirs = METHODS[method](threshold, metric.upper(), across)(
        [ObjectPrediction(bbox=[x, y, x + w, y + h], category_id=int(label), category_name=str(int(label)), score=score,
                          full_shape=[1000, 1000]) for x, y, w, h, score, label in boxes.tolist()])
    expected = sorted(([p.bbox.minx, p.bbox.miny, p.bbox.maxx - p.bbox.minx, p.bbox.maxy - p.bbox.miny, p.score.value,
                        p.category.id] for p in theirs), key=lambda row: -row[4])
    lines = "\n".join(" ".join(map(repr, row)) for row in boxes.tolist())
    lines = lines.replace(".0\n", "\n").removesuffix(".0")  # the class is an integer
    ours = run(driver, f"merge {method} {metric} {threshold} {int(across)} {len(boxes)}\n{lines}\n")
    assert len(ours) == len(expected), (method, metric, across, threshold, len(ours), len(expected))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


def main():
    driver, rng = sys.argv[1], np.random.default_rng(3)
    compare_tiles(driver, rng)
    for method in METHODS:
        for metric in ("iou", "ios"):
            for across in (False, True):
                for _ in range(20):
                    compare_merging(driver, rng, method, metric, across)
    print("tiles and merging as in sahi")


if __name__ == "__main__":
    main()
