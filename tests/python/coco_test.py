"""skylift.coco against pycocotools: all of stats and the tables, on hard random cases, in every form that results come in."""
import contextlib
import copy
import io
import json
import pathlib
import sys
import unittest

import numpy as np
import pycocotools.coco
import pycocotools.cocoeval

from skylift.coco import COCO, COCOeval
from tiny import FolderTest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "eval"))
from random_cases import make_case  # noqa: E402

CASES = 250


def as_array(results):
    return np.array([[r["image_id"], *r["bbox"], r["score"], r["category_id"]] for r in results]).reshape(-1, 7)


def evaluated(coco, evaluator, case, change=lambda params: None, results=None):
    """The evaluation by one of the two packages, summarised where pycocotools can do that."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco()
        truth.dataset = copy.deepcopy(case["gt"])
        truth.createIndex()
        if len(case["dt"]):
            found = truth.loadRes(copy.deepcopy(case["dt"]) if results is None else results)
        else:  # pycocotools' loadRes cannot read an empty list
            found = coco()
            found.dataset = {**copy.deepcopy(case["gt"]), "annotations": []}
            found.createIndex()
        evaluation = evaluator(truth, found, "bbox")
        evaluation.params.maxDets = list(case["max_dets"])
        change(evaluation.params)
        evaluation.evaluate()
        evaluation.accumulate()
        if len(case["max_dets"]) >= 3:
            evaluation.summarize()
    return evaluation


class CocoTest(FolderTest):
    def assert_same(self, case, change=lambda params: None, results=None):
        ours = evaluated(COCO, COCOeval, case, change, results)
        theirs = evaluated(pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval, case, change)
        self.assertEqual(ours.eval["counts"], theirs.eval["counts"])
        for table in ("precision", "recall", "scores"):
            np.testing.assert_array_equal(ours.eval[table], theirs.eval[table], err_msg=table)
        np.testing.assert_array_equal(ours.stats, theirs.stats)
        return ours

    def test_hard_cases_to_the_last_bit(self):
        informative = 0
        for seed in range(CASES):
            with self.subTest(seed=seed):
                evaluation = self.assert_same(make_case(seed))
                informative += 0 < np.max(evaluation.eval["precision"], initial=0) < 1 or len(evaluation.stats) > 0
        self.assertGreater(informative, CASES / 2)

    def test_parameters_other_than_the_defaults(self):
        def few(params):
            params.iouThrs, params.recThrs = np.array([0.3, 0.77]), np.linspace(0.1, 0.9, 5)
            params.areaRng, params.areaRngLbl = [[0, 500], [500, 1e10]], ["small", "all"]

        def many(params):
            params.iouThrs = np.linspace(0.05, 0.95, 19)
            params.areaRng = [[low, 1e10] for low in (0, 10, 100, 1000, 5000, 9216)]
            params.areaRngLbl = ["all", "small", "medium", "large", "larger", "largest"]

        def one_class(params):
            params.useCats = 0

        def some(params):
            params.imgIds, params.catIds = params.imgIds[::2], params.catIds[:1]

        for seed in range(12):
            for change in (few, many, one_class, some):
                with self.subTest(seed=seed, change=change.__name__):
                    self.assert_same({**make_case(seed), "max_dets": [1, 10, 100]}, change)

    def test_results_as_an_array_and_as_a_file(self):
        case = next(case for case in map(make_case, range(50)) if len(case["dt"]) > 50 and case["gt"]["images"][0]["id"] < 100)
        path = self.folder / "results.json"
        path.write_text(json.dumps(case["dt"]))
        for results in (as_array(case["dt"]), str(path), path):
            case["max_dets"] = [1, 10, 100]
            ours = evaluated(COCO, COCOeval, case, results=results)
            theirs = evaluated(pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval, case)
            np.testing.assert_array_equal(ours.stats, theirs.stats)
        self.assertEqual(ours.cocoDt.getAnnIds(), theirs.cocoDt.getAnnIds())

    def test_annotations_that_were_handed_out_may_be_changed(self):
        case = next(case for case in map(make_case, range(50)) if len(case["dt"]) > 50 and case["gt"]["images"][0]["id"] < 100)
        truth = COCO()
        truth.dataset = case["gt"]
        for results in (as_array(case["dt"]), [dict(one) for one in case["dt"]]):
            found = truth.loadRes(results)

            def scores():
                evaluation = COCOeval(truth, found, "bbox")
                evaluation.evaluate()
                evaluation.accumulate()
                return evaluation.eval["scores"].max()

            self.assertLessEqual(scores(), 1)
            for one in found.loadAnns(found.getAnnIds()):
                one["score"] += 2
            self.assertGreater(scores(), 2)
            found.dataset["annotations"] = []
            self.assertLessEqual(scores(), 0)

    def test_results_as_an_array_have_annotations_however_they_are_asked_for(self):
        case = next(case for case in map(make_case, range(50)) if len(case["dt"]) > 50 and case["gt"]["images"][0]["id"] < 100)
        truth = COCO()
        truth.dataset = case["gt"]
        count = len(case["dt"])
        self.assertIn("annotations", truth.loadRes(as_array(case["dt"])).dataset)
        self.assertEqual(len(truth.loadRes(as_array(case["dt"])).dataset.get("annotations")), count)
        self.assertEqual(len(json.loads(json.dumps(truth.loadRes(as_array(case["dt"])).dataset))["annotations"]), count)

    def test_queries_answer_as_pycocotools(self):
        gt = make_case(3)["gt"]
        path = self.folder / "truth.json"
        path.write_text(json.dumps(gt))
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = pycocotools.coco.COCO(str(path))
        ours = COCO(path)
        image, category = gt["images"][0]["id"], gt["categories"][0]["id"]
        for call in (lambda c: c.getAnnIds(), lambda c: c.getAnnIds(imgIds=image), lambda c: c.getAnnIds(catIds=[category]),
                     lambda c: c.getAnnIds(areaRng=[10, 1e5], iscrowd=False), lambda c: sorted(c.getImgIds()),
                     lambda c: sorted(c.getImgIds(catIds=[category])), lambda c: c.getCatIds(catNms=[gt["categories"][0]["name"]]),
                     lambda c: c.loadImgs(image), lambda c: c.loadCats([category]), lambda c: c.loadAnns(c.getAnnIds(imgIds=[image])),
                     lambda c: dict(c.imgToAnns), lambda c: dict(c.catToImgs)):
            self.assertEqual(call(ours), call(theirs))

    def test_takes_objects_of_pycocotools(self):
        case = {**make_case(5), "max_dets": [1, 10, 100]}
        theirs = evaluated(pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval, case)
        mixed = evaluated(pycocotools.coco.COCO, COCOeval, case)
        np.testing.assert_array_equal(mixed.stats, theirs.stats)

    def test_refusals_are_pythons_own(self):
        truth = COCO()
        truth.dataset = make_case(3)["gt"]
        image, category = truth.dataset["images"][0]["id"], truth.dataset["categories"][0]["id"]
        good = {"image_id": image, "category_id": category, "bbox": [0, 0, 1, 1], "score": 0.5}
        with self.assertRaises(FileNotFoundError):
            COCO("nowhere.json")
        with self.assertRaises(TypeError):
            COCO(io.StringIO("{}"))
        for error, results in ((ValueError, np.zeros((3, 6))), (TypeError, np.array([["a"] * 7])), (ValueError, [{**good, "image_id": -5}]),
                               (ValueError, [{**good, "bbox": [1, 2, 3]}]), (KeyError, [{"image_id": image}]),
                               (TypeError, [{**good, "score": "high"}]), (TypeError, [1])):
            with self.subTest(results=results), self.assertRaises(error):
                truth.loadRes(results)
        for bad in ({"score": float("nan")}, {"bbox": [0, 0, float("inf"), 1]}):
            with self.assertRaises(ValueError):
                evaluation = COCOeval(truth, truth.loadRes([{**good, **bad}]), "bbox")
                evaluation.evaluate()
                evaluation.accumulate()
        with self.assertRaises(ValueError):
            COCOeval(truth, truth, "segm")


if __name__ == "__main__":
    unittest.main()
