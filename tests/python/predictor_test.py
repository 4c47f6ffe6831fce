"""skylift.Predictor: the program's detections from arrays and files, in any number of threads, without a leak."""
import io
import json
import threading
import unittest

import numpy as np

import skylift
from tiny import FolderTest

CALLS = 2000


def resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class PredictorTest(FolderTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.train("run").path / "last.safetensors"
        cls.predictor = skylift.Predictor(cls.model, engine="torch", score_threshold=0)
        cls.images = sorted((cls.folder / "scenes" / "val" / "images").iterdir())
        cls.pixels = [skylift.read_image(path) for path in cls.images]

    def assert_equal(self, one, other):
        for field in ("xyxy", "scores", "labels"):
            np.testing.assert_array_equal(getattr(one, field), getattr(other, field))

    def assert_close(self, one, other):
        """In another company of images sums round otherwise."""
        for field in ("xyxy", "scores", "labels"):
            np.testing.assert_allclose(getattr(one, field), getattr(other, field), rtol=1e-5, atol=1e-4)

    def test_an_array_gives_the_programs_detections(self):
        out = self.folder / "predicted"
        self.program("predict", "--model", self.model, *self.images, "--out", out, "--engine", "torch", "--score", 0)
        rows = json.loads((out / "detections.json").read_text())
        names = {image["id"]: image["file_name"] for image in json.loads((out / "images.json").read_text())}
        for path, found in zip(self.images, self.predictor(self.pixels)):
            expected = [row for row in rows if names[row["image_id"]] == path.name]
            self.assertGreater(len(expected), 0)
            self.assertEqual(len(found), len(expected))
            boxes = np.array([row["bbox"] for row in expected])
            np.testing.assert_allclose(found.xyxy, np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), atol=1e-6)
            np.testing.assert_allclose(found.scores, [row["score"] for row in expected], atol=1e-9)
            self.assertEqual(list(found.names), [row["category_name"] for row in expected])

    def test_paths_lists_streams_slices_and_bgr_agree_with_one_array(self):
        alone = [self.predictor(pixels) for pixels in self.pixels]
        self.assertEqual([found.classes for found in alone], [self.predictor.classes] * 2)
        wide = np.zeros((140, 150, 3), np.uint8)
        wide[5:133, 7:135] = self.pixels[0]
        self.assert_equal(self.predictor(wide[5:133, 7:135]), alone[0])
        self.assert_equal(self.predictor(self.pixels[0][..., ::-1], bgr=True), alone[0])
        self.assert_equal(self.predictor(str(self.images[0])), alone[0])
        several = [self.predictor(self.images), self.predictor(list(self.pixels)), list(self.predictor.stream(iter(self.images))),
                   list(self.predictor.stream((p for p in self.pixels), batch=1))]
        for found in several:
            self.assertEqual(len(found), 2)
            for one, expected in zip(found, alone):
                self.assert_close(one, expected)
        self.assertEqual(self.predictor([]), [])

    def test_frames_of_an_image_sequence(self):
        found = list(self.predictor.video(self.make_sequence()))
        self.assertEqual(len(found), 2)
        for (frame, detections), pixels in zip(found, self.pixels):
            self.assertLess(np.mean(np.abs(frame.astype(int) - pixels)), 4)  # read by another JPEG library
            self.assert_close(detections, self.predictor(frame))

    def make_sequence(self):
        folder = self.folder / "frames"
        folder.mkdir()
        for number, path in enumerate(self.images):
            (folder / f"frame_{number:04}{path.suffix}").write_bytes(path.read_bytes())
        return folder / f"frame_%04d{self.images[0].suffix}"

    def test_detections_can_be_chosen(self):
        found = self.predictor(self.pixels[0])
        best = found[found.scores >= found.scores[2]]
        self.assertEqual(len(best), int(np.sum(found.scores >= found.scores[2])))
        self.assertEqual(len(found[:2]), 2)
        self.assertEqual(list(found[0].names), [found.names[0]])
        self.assertEqual(len(found[found.scores > 2].names), 0)

    def test_tiles_are_the_programs(self):
        tiled = skylift.Predictor(self.model, engine="torch", tile=64, score_threshold=0)
        out = self.folder / "tiled"
        self.program("predict", "--model", self.model, self.images[0], "--out", out, "--engine", "torch", "--score", 0, "--tile", 64)
        scores = [row["score"] for row in json.loads((out / "detections.json").read_text())]
        np.testing.assert_allclose(tiled(self.pixels[0]).scores, scores, atol=1e-9)

    def test_two_threads_agree_with_one(self):
        alone = [self.predictor(pixels) for pixels in self.pixels]
        wrong = []

        def work(which):
            for _ in range(50):
                try:
                    self.assert_equal(self.predictor(self.pixels[which]), alone[which])
                except AssertionError as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_memory_does_not_grow(self):
        small = np.ascontiguousarray(self.pixels[0][:32, :32])
        for _ in range(CALLS // 10):
            self.predictor(small)
        before = resident_kib()
        for _ in range(CALLS):
            self.predictor(small)
        self.assertLess(resident_kib() - before, 8 * 1024, f"KiB more after {CALLS} calls")

    def test_refusals_are_pythons_own(self):
        for error, image in ((TypeError, self.pixels[0].astype(np.float32)), (ValueError, self.pixels[0][..., 0]),
                             (ValueError, np.zeros((0, 5, 3), np.uint8)), (ValueError, self.pixels[0].transpose(2, 0, 1)),
                             (FileNotFoundError, "nowhere.jpg"), (TypeError, io.BytesIO(b"")), (TypeError, 7), (TypeError, None),
                             (skylift.Error, __file__)):
            with self.subTest(image=type(image)), self.assertRaises(error):
                self.predictor(image)
        with self.assertRaises(FileNotFoundError):
            skylift.Predictor("nowhere.safetensors")
        with self.assertRaises(TypeError):
            skylift.Predictor(io.BytesIO())
        for options in ({"engine": "tensorrt"}, {"tile": -3}, {"merge": "best"}, {"device": "cuda:99", "engine": "torch"}):
            with self.subTest(options), self.assertRaises(skylift.Error):
                skylift.Predictor(self.model, **options)
        with self.assertRaises(TypeError):
            skylift.Predictor(self.model, tile="large")


if __name__ == "__main__":
    unittest.main()
