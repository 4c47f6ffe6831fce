"""skylift.evaluate: the program's numbers from files, dictionaries, arrays and Detections; data sets and scenes."""
import contextlib
import io
import json
import os
import unittest

import numpy as np

import skylift
from tiny import FolderTest


def noisy(dataset, seed=0):
    """Detections beside the objects, some of them of another class."""
    rng = np.random.default_rng(seed)
    found = []
    for image in dataset:
        boxes = image.xyxy + rng.normal(0, 1.5, image.xyxy.shape)
        labels = np.where(rng.random(len(boxes)) < 0.8, image.labels, 0)
        found.append(skylift.Detections(boxes, rng.random(len(boxes)), labels, dataset.classes))
    return found


def as_rows(found, ids):
    rows = [np.column_stack([np.full(len(one), image), one.xyxy[:, :2], one.xyxy[:, 2:] - one.xyxy[:, :2], one.scores, one.labels + 1])
            for image, one in zip(ids, found)]
    return np.concatenate(rows)


def as_results(rows):
    return [{"image_id": int(row[0]), "bbox": row[1:5].tolist(), "score": float(row[5]), "category_id": int(row[6])} for row in rows]


class EvaluationTest(FolderTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = skylift.synth(cls.folder / "coco", 6, size=(320, 256), format="coco", seed=4)
        cls.truth = cls.folder / "coco" / "annotations.json"
        cls.found = noisy(cls.data)
        cls.rows = as_rows(cls.found, [image.id for image in cls.data])
        cls.results = cls.folder / "results.json"
        cls.results.write_text(json.dumps(as_results(cls.rows)))

    def test_every_form_gives_the_programs_numbers(self):
        expected = json.loads(self.program("eval", "--gt", self.truth, "--dt", self.results, "--errors", "--json", "-"))
        errors = expected.pop("errors")
        self.assertTrue(0 < expected["AP"] < 1)
        for gt in (self.truth, str(self.truth), self.data, json.loads(self.truth.read_text())):
            for dt in (self.results, as_results(self.rows), self.rows, self.found):
                with self.subTest(gt=type(gt), dt=type(dt)):
                    evaluation = skylift.evaluate(gt, dt)
                    self.assertEqual(evaluation.numbers, expected)
                    self.assertEqual(evaluation.errors, errors)
        self.assertEqual(evaluation.ap, expected["AP"])
        self.assertIn("AP", str(evaluation))

    def test_what_is_not_scored_is_noted_in_every_form(self):
        alien = {"image_id": 0, "bbox": [0, 0, 9, 9], "score": 0.5, "category_name": "zebra", "category_id": 999}
        found = [{**one, "category_name": next(c["name"] for c in json.loads(self.truth.read_text())["categories"] if c["id"] == one["category_id"])}
                 for one in as_results(self.rows)]
        alien["image_id"] = found[0]["image_id"]
        file = self.folder / "alien.json"
        file.write_text(json.dumps([*found, alien]))
        for dt in (file, [*found, alien]):
            notes = skylift.evaluate(self.data, dt).notes
            self.assertEqual(len(notes), 1, notes)
            self.assertIn("1 detections are not scored", notes[0])
            self.assertIn("zebra", notes[0])
            self.assertTrue(notes[0].startswith("dt: "), notes[0])

    def test_numpys_numbers_are_numbers(self):
        results = [{**one, "score": np.float32(one["score"]), "image_id": np.int64(one["image_id"]), "bbox": np.array(one["bbox"])}
                   for one in as_results(self.rows)]
        self.assertAlmostEqual(skylift.evaluate(self.data, results).ap, skylift.evaluate(self.data, self.rows).ap, places=6)
        with self.assertRaisesRegex(TypeError, "expected numbers"):
            skylift.evaluate(self.data, [{**results[0], "score": object()}])
        for column, value in ((0, 1.5), (2, np.nan), (6, 0.5)):
            rows = self.rows.copy()
            rows[1, column] = value
            with self.assertRaisesRegex(ValueError, "row 1"):
                skylift.evaluate(self.data, rows)

    def test_curves_have_the_numbers_under_the_means(self):
        evaluation = skylift.evaluate(self.data, self.rows)
        precision = evaluation.curves["precision"]
        self.assertEqual(precision.shape, (10, 101, len(self.data.classes), 4))
        self.assertAlmostEqual(np.mean(precision[..., 0][precision[..., 0] > -1]), evaluation.ap, places=12)
        names, counts = evaluation.confusion(0.5)
        self.assertEqual(counts.shape, (len(names), len(names)))
        self.assertGreater(counts.sum(), 0)

    def test_a_model_that_found_nothing_is_scored(self):
        nothing = skylift.Detections(np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64), self.data.classes)
        for dt in ([], (), np.zeros((0, 7)), [nothing] * len(self.data)):
            with self.subTest(dt=type(dt), length=len(dt)):
                evaluation = skylift.evaluate(self.data, dt)
                self.assertEqual(evaluation.ap, 0)
                self.assertGreater(evaluation.errors["all"]["missed"]["count"], 0)
                self.assertEqual(len(evaluation.confusion()[0]), len(self.data.classes) + 1)
        self.assertEqual(skylift.evaluate(self.data, [], "visdrone").ap, 0)

    def test_other_protocols(self):
        folder = self.folder / "visdrone"
        data = skylift.synth(folder, 4, size=(320, 256), seed=5)
        evaluation = skylift.evaluate(folder, noisy(data))
        self.assertEqual(evaluation["protocol"], "visdrone")
        self.assertIn("AR500", evaluation.numbers)
        self.assertEqual(skylift.evaluate(folder, noisy(data), "coco", max_dets=[5])["protocol"], "coco")
        self.assertEqual(skylift.evaluate(folder, noisy(data), "uavdt")["protocol"], "uavdt")

    def test_a_dataset_iterates_images_with_boxes(self):
        image = self.data[0]
        self.assertEqual(image.image.shape, (256, 320, 3))
        self.assertIs(image.image, image.image)
        self.assertTrue(os.path.exists(image.path))
        self.assertEqual(len(image.names), len(image.xyxy))
        self.assertEqual(image.ignored.dtype, bool)
        self.assertEqual([one.id for one in self.data], [self.data[k].id for k in range(len(self.data))])
        self.assertEqual(self.data[-1].id, self.data[len(self.data) - 1].id)
        self.assertRaises(IndexError, lambda: self.data[6])
        scene = skylift.draw_scene(0, size=(320, 256), seed=4)
        np.testing.assert_allclose(scene.xyxy, image.xyxy, atol=0.01)

    def test_refusals(self):
        for error, gt, dt in ((FileNotFoundError, "nowhere.json", self.results), (FileNotFoundError, self.truth, "nowhere.json"),
                              (TypeError, io.StringIO(), self.results), (TypeError, 3, self.results), (TypeError, self.truth, [1, 2]),
                              (ValueError, self.truth, np.zeros((2, 6))), (ValueError, self.truth, np.full((2, 7), 99.0)),
                              (ValueError, self.truth, self.found[:2]), (skylift.Error, self.results, self.results),
                              (skylift.Error, self.truth, self.truth), (skylift.Error, {"images": 3}, self.rows)):
            with self.subTest(gt=type(gt), dt=type(dt), error=error), self.assertRaises(error):
                skylift.evaluate(gt, dt)
        with self.assertRaisesRegex(skylift.Error, "protocol"):
            skylift.evaluate(self.data, self.rows, "pascal")
        self.assertTrue(issubclass(skylift.Error, ValueError))

    def test_detections_of_classes_that_the_truth_lacks_are_said(self):
        def renamed(old):
            classes = ["zeppelin" if name in old else name for name in self.data.classes]
            return [skylift.Detections(one.xyxy, one.scores, one.labels, classes) for one in self.found]

        names = [name for one in self.found for name in one.names]
        evaluation = skylift.evaluate(self.data, renamed([min(set(names), key=names.count)]))
        self.assertRegex(evaluation.notes[0], r"^[1-9]\d* detections are not scored.*'zeppelin'")
        self.assertFalse(any("not scored" in note for note in skylift.evaluate(self.data, self.found).notes))
        with self.assertRaisesRegex(skylift.Error, "no class in common.*'zeppelin'"):
            skylift.evaluate(self.data, renamed(self.data.classes))

    def test_nothing_prints_unless_asked(self):
        reader, writer = os.pipe()
        kept = os.dup(2)
        os.dup2(writer, 2)
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                other = [{**one, "category_name": "zeppelin", "file_name": "none"} for one in as_results(self.rows)]
                self.assertRaises(skylift.Error, skylift.evaluate, self.data, other)
                skylift.evaluate(self.data, self.rows)
        finally:
            os.dup2(kept, 2)
            os.close(writer)
        with os.fdopen(reader) as noise:
            self.assertEqual(noise.read(), "")
        self.assertEqual(printed.getvalue(), "")


if __name__ == "__main__":
    unittest.main()
