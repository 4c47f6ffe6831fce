"""Stored detections against ground truth, as a user scores them: files in, numbers out."""
import json
import unittest

from program import ProgramTest, grey_png

TRUTH = {
    "images": [{"id": 2**60, "file_name": "a.jpg", "width": 100, "height": 80}, {"id": 7, "file_name": "b.jpg", "width": 100, "height": 80}],
    "categories": [{"id": 3, "name": "bus"}, {"id": 1, "name": "car"}],
    "annotations": [
        {"id": 1, "image_id": 2**60, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 2000, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [50, 40, 20, 20], "area": 400, "iscrowd": 0},
    ],
}
HITS = [
    {"image_id": 7, "category_id": 1, "bbox": [50, 40, 20, 20], "score": 0.4},
    {"image_id": 2**60, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.9},
]

# The scene of the VisDrone toolkit's rules whose numbers are known.
VISDRONE_TRUTH = {
    "A": "10,10,20,20,1,4,0,0\n50,10,20,10,1,4,0,0\n60,50,30,25,0,0,0,0\n65,55,10,10,1,1,0,0\n10,50,10,20,1,1,0,0\n",
    "B": "20,20,20,20,1,4,0,0\n60,20,20,20,0,4,0,0\n",
    "C": "30,30,16,16,1,4,0,0\n5,5,10,10,0,11,0,0\n",
}
VISDRONE_FOUND = {
    "A": "11,10,20,20,.9,4,-1,-1\n52,11,20,10,.8,4,-1,-1\n66,55,10,10,.7,1,-1,-1\n10,52,10,20,.6,1,-1,-1\n80,10,10,10,.5,4,-1,-1\n",
    "B": "62,22,10,10,.95,4,-1,-1\n20,21,20,20,.85,4,-1,-1\n22,50,10,10,.4,1,-1,-1\n",
    "C": "30,30,16,16,.75,4,-1,-1\n5,5,10,10,.7,11,-1,-1\n34,34,16,16,.3,4,-1,-1\n",
}


class EvalTest(ProgramTest):
    def write(self, name, content):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode())
        return file

    def coco_files(self, detections=HITS):
        return "eval", "--gt", self.write("truth.json", TRUTH), "--dt", self.write("found.json", detections)

    def visdrone_files(self):
        for stem, text in VISDRONE_TRUTH.items():
            self.write(f"set/annotations/{stem}.txt", text)
            self.write(f"set/images/{stem}.png", grey_png(100, 80))
            self.write(f"found/{stem}.txt", VISDRONE_FOUND[stem])
        return "eval", "--gt", self.folder / "set", "--dt", self.folder / "found"

    def test_a_model_is_decoded_as_in_its_training(self):
        data, config = self.make_scenes()
        run = self.folder / "few detections"
        self.succeed("train", "--config", config, "--out", run, "--set", "train.epochs=1", "--set", "decode.max_detections=3", "--set",
                     "decode.score_threshold=0")
        call = ("eval", "--model", run / "last.safetensors", "--data", data / "val", "--json", "-")
        self.assertEqual(json.loads(self.succeed(*call).stdout)["detections"], 3 * 2)
        self.assertEqual(json.loads(self.succeed(*call, "--score-threshold", "1").stdout)["detections"], 0)
        found = self.folder / "found few"
        self.succeed("predict", "--model", run / "last.safetensors", data / "val" / "images", "--out", found, "--score", "0")
        self.assertEqual(len(json.loads((found / "detections.json").read_text())), 3 * 2)
        exported = self.succeed("export", "--model", run / "last.safetensors", "--out", self.folder / "few.onnx", "--decoded").stdout
        if "checked in OpenVINO" in exported:
            self.assertIn(": 3 detections", exported)

    def test_json_has_the_documented_keys(self):
        numbers = json.loads(self.succeed(*self.coco_files(), "--json", "-").stdout)
        self.assertEqual(numbers["protocol"], "coco")
        self.assertEqual((numbers["images"], numbers["detections"]), (2, 2))
        self.assertAlmostEqual(numbers["AP"], 1, 9)
        self.assertAlmostEqual(numbers["AP_medium"], 1, 9)  # the file's area, not the box's
        self.assertEqual(numbers["AP_large"], -1)
        self.assertEqual(numbers["AR100"], 1)
        self.assertEqual(list(numbers["per_class"]), ["car", "bus"])
        self.assertEqual(numbers["per_class"]["bus"], {"AP": -1, "AP50": -1, "ground_truths": 0})

    def test_limits_name_the_recalls(self):
        numbers = json.loads(self.succeed(*self.coco_files(), "--max-dets", "1,500", "--json", "-").stdout)
        self.assertIn("AR500", numbers)
        self.assertNotIn("AR100", numbers)

    def test_table_file_page_and_curves(self):
        files = {name: self.folder / f"out.{name}" for name in ("json", "html", "csv")}
        done = self.succeed(*self.coco_files(), "--errors", "--json", files["json"], "--html", files["html"], "--curves", files["csv"])
        self.assertIn("coco protocol", done.stdout)
        self.assertIn("localisation", done.stdout)
        self.assertIn("missed", json.loads(files["json"].read_text())["errors"]["all"])
        self.assertIn("<canvas", files["html"].read_text())
        self.assertEqual(files["csv"].read_text().splitlines()[0], "class,iou,recall,precision,score")

    def test_no_detections_score_zero(self):
        numbers = json.loads(self.succeed(*self.coco_files([]), "--json", "-").stdout)
        self.assertEqual((numbers["AP"], numbers["AR100"]), (0, 0))

    def test_visdrone_folders_follow_the_toolkit(self):
        numbers = json.loads(self.succeed(*self.visdrone_files(), "--json", "-").stdout)
        self.assertEqual(numbers["protocol"], "visdrone")
        for key, value in {"AP": 0.625, "AP50": 0.85, "AP75": 0.6625, "AR1": 0.285, "AR10": 0.655, "AR100": 0.655, "AR500": 0.655}.items():
            self.assertAlmostEqual(numbers[key], value, 4, key)
        self.assertAlmostEqual(numbers["uniform"]["AP"], 0.65, 4)

    def test_unknown_image_and_class_are_refused(self):
        self.refuse(*self.coco_files([{**HITS[0], "image_id": 8}]), expect=["found.json", "image_id", "8"])
        self.refuse(*self.coco_files([{**HITS[0], "category_id": 9}]), expect=["found.json", "category_id", "9"])

    def test_wrong_options_are_refused(self):
        self.refuse(*self.coco_files(), "--protocol", "pascal", expect=["pascal"])
        self.refuse(*self.coco_files(), "--max-dets", "0", expect=["max-dets"])
        self.refuse("eval", "--gt", self.folder / "nothing.json", "--dt", self.write("found.json", HITS), expect=["nothing.json"])
        self.refuse(*self.coco_files(), "--protocol", "uavdt", "--max-dets", "100", expect=["uavdt", "no limit"])


    def test_options_of_a_model_need_one(self):
        for option in (["--score-threshold", 0.5], ["--tile", 640], ["--no-full-image"], ["--engine", "torch"], ["--device", "cpu"]):
            self.refuse(*self.coco_files(), *option, expect=[option[0], "--model"])
        self.succeed(*self.coco_files(), "--threads", 2)

    def test_inputs_are_not_written_over(self):
        call = self.coco_files()
        for option, place, why in (("--json", 2, "the input"), ("--html", 4, ".html"), ("--curves", 4, "the input")):
            before = call[place].read_bytes()
            self.refuse(*call, option, call[place], expect=[option, call[place].name, why])
            self.assertEqual(call[place].read_bytes(), before)
        (self.folder / "images").mkdir()
        spec = f"{call[2]}:{self.folder / 'images'}"
        for option in ("--json", "--curves"):
            self.refuse("eval", "--gt", spec, *call[3:], option, call[2], expect=[option, call[2].name, "the input"])
        self.assertEqual(json.loads(call[2].read_text()), TRUTH)
        own = self.write("own/detections.json", HITS)
        self.refuse(*call[:3], "--dt", own.parent, "--json", own, expect=["--json", "detections.json", "the input"])
        self.assertEqual(json.loads(own.read_text()), HITS)

    def test_images_without_a_file_of_detections_are_said(self):
        call = self.visdrone_files()
        (self.folder / "found" / "C.txt").unlink()
        self.assertIn("1 of 3 images have no file, e.g. C.png", self.succeed(*call).stderr)


if __name__ == "__main__":
    unittest.main()
