"""Scores like the program does, with pycocotools or faster-coco-eval; prints AP at the largest limit and the ARs as JSON.

usage: eval_with_python.py pycocotools|faster-coco-eval GT.json DT.json LIMITS
"""
import contextlib
import io
import json
import sys


def main():
    tool, truth_file, detections_file, limits = sys.argv[1:]
    if tool == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    else:
        from faster_coco_eval import COCO, COCOeval_faster as COCOeval
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(truth_file)
        evaluation = COCOeval(truth, truth.loadRes(detections_file), "bbox")
        evaluation.params.maxDets = [int(limit) for limit in limits.split(",")]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    precision, recall = evaluation.eval["precision"][..., 0, -1], evaluation.eval["recall"][..., 0, :]
    numbers = {"AP": precision[precision > -1].mean(), "AP50": precision[0][precision[0] > -1].mean()}
    for m, limit in enumerate(limits.split(",")):
        values = recall[..., m]
        numbers[f"AR{limit}"] = values[values > -1].mean()
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
