"""Whose numbers are these: images and classes keep their identity between commands, whatever they are called."""
import collections
import csv
import json
import shutil
import unittest

from program import ProgramTest, grey_png

CLASSES = ["bus", "car", "truck", "motor"]  # neither VisDrone's order nor its number
NAMES = {1: "pedestrian", 2: "people", 3: "bicycle", 4: "car", 5: "van", 6: "truck", 7: "tricycle", 8: "awning-tricycle",
         9: "bus", 10: "motor", 11: "others"}


class IdentityTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        maker = cls("succeed")
        cls.data, config = maker.make_scenes(train=6, val=3, size="256x192")
        maker.succeed("train", "--config", config, "--out", cls.folder / "run", "--set", "train.epochs=1", "--set",
                      f"data.classes={json.dumps(CLASSES)}")
        cls.model = cls.folder / "run" / "last.safetensors"
        cls.images = cls.data / "val" / "images"

    def predict(self, *arguments, out, score=0.0):
        folder = self.folder / out
        shutil.rmtree(folder, ignore_errors=True)
        self.succeed("predict", "--model", self.model, *arguments, "--out", folder, "--score", score)
        return folder

    def json_of(self, *arguments):
        return json.loads(self.succeed(*arguments, "--json", "-").stdout)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else
                         (content if isinstance(content, str) else json.dumps(content)).encode())
        return path

    def csv_rows(self, *arguments, out, score=0.0):
        with open(self.predict(*arguments, "--format", "csv", out=out, score=score) / "detections.csv") as stream:
            return list(csv.DictReader(stream))

    # Numbers and names

    def test_visdrones_numbers_go_by_name(self):
        texts = self.predict(self.images, "--format", "visdrone", out="v") / "detections"
        numbers = collections.Counter(NAMES[int(line.split(",")[5])] for path in texts.rglob("*.txt")
                                      for line in path.read_text().splitlines())
        wanted = collections.Counter(row["class"] for row in self.csv_rows(self.images, out="c"))
        self.assertEqual(numbers, wanted)
        self.assertGreaterEqual(len(wanted), 2)
        stored = self.json_of("eval", "--gt", self.data / "val", "--dt", texts)
        self.assertEqual(stored["detections"], sum(wanted.values()))

    def test_names_that_visdrone_lacks_are_refused_or_mapped(self):
        out = self.folder / "mapped"
        call = ["predict", "--model", self.model, self.images, "--score", 0, "--format", "visdrone", "--out", out]
        self.refuse(*call, "--map", "motor=motorcycle", "--map", "bus=coach",
                    expect=["motorcycle", "coach", "--map"])
        self.assertFalse(out.exists())
        self.refuse(*call, "--map", "boat=car", expect=["boat"])
        self.refuse(*call, "--map", "motor", expect=["FROM=TO"])
        self.succeed(*call, "--map", "motor=pedestrian", "--map", "bus=others", "--map", "truck=")
        numbers = {int(line.split(",")[5]) for path in out.rglob("*.txt") for line in path.read_text().splitlines()}
        self.assertLessEqual(numbers, {1, 4, 11})
        self.assertLessEqual({1, 11}, numbers)

    def test_results_carry_their_names(self):
        rows = json.loads((self.predict(self.images, out="p") / "detections.json").read_text())
        images = {image["id"]: image for image in json.loads((self.folder / "p/images.json").read_text())}
        for row in rows:
            self.assertEqual(row["file_name"], images[row["image_id"]]["file_name"])
            self.assertEqual(row["category_name"], CLASSES[row["category_id"] - 1])
        self.assertEqual({image["source"] for image in images.values()}, {str(path) for path in self.images.iterdir()})

    def truth(self, ids, categories):
        """The validation scenes as COCO, in these ids: by file, and by class."""
        self.succeed("data", "convert", "--data", self.data / "val", "--to", "coco", "--images", "none", "--out",
                     self.folder / "truth")
        truth = json.loads((self.folder / "truth/annotations.json").read_text())
        shutil.rmtree(self.folder / "truth")
        image_id = {image["id"]: ids[image["file_name"]] for image in truth["images"]}
        name = {category["id"]: category["name"] for category in truth["categories"]}
        truth["annotations"] = [{**one, "image_id": image_id[one["image_id"]], "category_id": categories[name[one["category_id"]]]}
                                for one in truth["annotations"] if name[one["category_id"]] in categories]
        truth["images"] = [{**image, "id": image_id[image["id"]]} for image in truth["images"]]
        truth["categories"] = [{"id": number, "name": key} for key, number in categories.items()]
        return truth

    def found_as_predict_writes(self, truth, ids, categories):
        """Detections near the truth, some wrong, in predict's own numbers."""
        file = {image["id"]: image["file_name"] for image in truth["images"]}
        name = {category["id"]: category["name"] for category in truth["categories"]}
        rows = []
        for k, one in enumerate(truth["annotations"]):
            x, y, w, h = one["bbox"]
            label = name[one["category_id"]] if k % 5 else CLASSES[k % len(CLASSES)]
            rows.append({"image_id": ids[file[one["image_id"]]], "file_name": file[one["image_id"]],
                         "category_id": categories[label], "category_name": label,
                         "bbox": [x + k % 3, y, w, h + k % 2], "score": 1 - k / 1000})
        return rows

    def test_a_truth_in_other_numbers_gives_the_same_scores(self):
        files = sorted(path.name for path in self.images.iterdir())
        plain = ({name: i + 1 for i, name in enumerate(files)}, {name: i + 1 for i, name in enumerate(CLASSES)})
        found = self.write("own/detections.json", self.found_as_predict_writes(self.truth(*plain), *plain))
        expected = self.json_of("eval", "--gt", self.write("own/plain.json", self.truth(*plain)), "--dt", found)
        self.assertGreater(expected["AP"], 0.3)
        self.assertLess(expected["AP"], 0.99)
        others = {"other-image-ids": ({name: 800 - i * 3 for i, name in enumerate(files)}, plain[1]),
                  "other-order": ({name: len(files) - i for i, name in enumerate(files)},
                                  {name: i + 1 for i, name in enumerate(reversed(CLASSES))}),
                  "root": (plain[0], {"objects": 0, **{name: 10 * i + 10 for i, name in enumerate(CLASSES)}})}
        for name, (ids, categories) in others.items():
            got = self.json_of("eval", "--gt", self.write(f"own/{name}.json", self.truth(ids, categories)), "--dt", found)
            for key in ("AP", "AP50", "AP75", "AR100"):
                self.assertAlmostEqual(got[key], expected[key], 9, (name, key))
            for label in CLASSES:
                self.assertAlmostEqual(got["per_class"][label]["AP"], expected["per_class"][label]["AP"], 9, (name, label))

    def test_numbers_without_names_are_the_truths_or_refused(self):
        files = sorted(path.name for path in self.images.iterdir())
        ids, categories = {name: i + 1 for i, name in enumerate(files)}, {name: i + 1 for i, name in enumerate(CLASSES)}
        truth = self.truth(ids, categories)
        rows = self.found_as_predict_writes(truth, ids, categories)
        bare = [{key: value for key, value in row.items() if not key.endswith("_name")} for row in rows]
        named = self.json_of("eval", "--gt", self.write("bare/gt.json", truth), "--dt", self.write("bare/named.json", rows))
        got = self.json_of("eval", "--gt", self.write("bare/gt.json", truth), "--dt", self.write("bare/dt.json", bare))
        self.assertEqual(got["AP"], named["AP"])
        other = self.truth({name: 50 - i for i, name in enumerate(files)}, categories)
        without = [{key: value for key, value in row.items() if key != "category_name"} for row in rows]
        self.refuse("eval", "--gt", self.write("bare/gt.json", other), "--dt", self.write("bare/dt.json", without),
                    expect=["dt.json", "category_name"])

    def test_ids_from_a_ground_truth(self):
        files = sorted(path.name for path in self.images.iterdir())
        ids = {name: 70 - 7 * i for i, name in enumerate(files)}
        categories = {"objects": 0, "car": 3, "bus": 8, "truck": 9}
        truth = self.write("ids/gt.json", self.truth(ids, categories))
        out = self.predict(self.images, "--ids-from", truth, "--map", "motor=car", out="ids/out")
        rows = json.loads((out / "detections.json").read_text())
        self.assertGreater(len(rows), 0)
        for row in rows:
            self.assertEqual(row["image_id"], ids[row["file_name"]])
            self.assertEqual(row["category_id"], categories[row["category_name"]])
        self.assertEqual({row["id"] for row in json.loads((out / "images.json").read_text())}, set(ids.values()))
        call = ["predict", "--model", self.model, "--out", self.folder / "no-ids", "--ids-from", truth]
        self.refuse(*call, self.data / "train" / "images", "--score", 0, "--format", "csv", expect=["--ids-from", "coco"])
        strange = self.write("strange/x.png", grey_png(64, 48))
        self.refuse(*call, strange, expect=["gt.json", "x.png"])
        self.assertFalse((self.folder / "no-ids").exists())

    # Ultralytics' val

    def ultralytics(self, name, stem, first, truth="yolo"):
        """Twelve images with a box each, two of them with a second; some detections are off."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        rows = []
        for k in range(1, 13):
            self.write(f"{name}/images/{stem(k)}.png", grey_png(100, 80))
            label, x = k % 2, 5 + 6 * k
            self.write(f"{name}/labels/{stem(k)}.txt", f"{label} {(x + 10) / 100} 0.5 0.2 0.25\n")
            image_id = int(stem(k)) if stem(k).isnumeric() else stem(k)
            rows.append({"image_id": image_id, "file_name": f"{stem(k)}.png", "category_id": label + first,
                         "bbox": [x + k % 4, 30, 20, 20 + k % 3], "score": round(1 - k / 50, 3)})
        self.write(f"{name}/data.yaml", "train: images\nval: images\nnames: [car, bus]\n")
        if truth == "coco":
            self.succeed("data", "convert", "--data", folder / "data.yaml", "--to", "coco", "--images", "none", "--out", folder / "coco")
        return folder, rows

    def test_ultralytics_predictions(self):
        plain = lambda k: str(k)
        folder, rows = self.ultralytics("u", plain, 1)
        expected = self.json_of("eval", "--gt", folder / "data.yaml", "--dt", self.write("u/p.json", rows))
        self.assertEqual((expected["images"], expected["detections"]), (12, 12))
        self.assertGreater(expected["AP"], 0.3)
        self.assertLess(expected["AP"], 1)
        for name, stem, first, truth in (("zero", plain, 0, "yolo"), ("text", lambda k: f"flight_{k:02}", 1, "yolo"),
                                         ("padded", lambda k: f"{k * 7:06}", 1, "yolo"), ("coco", plain, 1, "coco"),
                                         ("coco-zero", plain, 0, "coco")):
            folder, rows = self.ultralytics(name, stem, first, truth)
            spec = folder / "coco/annotations.json" if truth == "coco" else folder / "data.yaml"
            got = self.json_of("eval", "--gt", spec, "--dt", self.write(f"{name}/p.json", rows))
            for key in ("AP", "AP50", "AP75"):
                self.assertAlmostEqual(got[key], expected[key], 9, (name, key))

    def test_ultralytics_numbers_that_do_not_tell(self):
        folder, rows = self.ultralytics("dark", str, 1)
        done = self.succeed("eval", "--gt", folder / "data.yaml", "--dt",
                            self.write("dark/p.json", [row for row in rows if row["category_id"] == 1]))
        self.assertIn("class index + 1", done.stderr)
        both = rows + [{**rows[0], "category_id": 0}]
        self.refuse("eval", "--gt", folder / "data.yaml", "--dt", self.write("dark/p.json", both), expect=["0 to 2"])

    # Two inputs, one name

    def same_names(self):
        for name, width in (("north/0001", 64), ("north/0001-2", 80), ("south/0001", 96)):
            self.write(f"same/{name}.png", grey_png(width, 64))
        return self.folder / "same"

    def test_every_input_has_a_result_of_its_own(self):
        same = self.same_names()
        for form, folder in (("yolo", "labels"), ("visdrone", "detections"), ("coco", None), ("csv", None)):
            out = self.predict(same / "north", same / "south", "--format", form, "--draw", out=f"same-{form}")
            self.assertEqual(len(list((out / "pictures").rglob("*.jpg"))), 3)
            if folder:
                self.assertEqual(len(list((out / folder).rglob("*.txt"))), 3)
            images = json.loads((out / "images.json").read_text())
            self.assertEqual(len({image["file_name"] for image in images}), 3)
            self.assertEqual([image["width"] for image in images], [80, 64, 96])  # 0001-2 sorts before 0001.
            for image in images:
                self.assertTrue(image["source"].endswith(image["file_name"]), image)

    def test_endings_tell_images_apart(self):
        for name in ("a.png", "a.jpg", "a.jpg.png"):
            self.write(f"endings/{name}", grey_png(64, 48))
        for form, folder in (("yolo", "labels"), ("visdrone", "detections")):
            out = self.predict(self.folder / "endings", "--format", form, "--draw", out="endings-out")
            self.assertEqual(len(list((out / folder).iterdir())), 3)
            self.assertEqual(len(list((out / "pictures").iterdir())), 3)
        same = self.predict(self.folder / "endings/a.png", self.folder / "endings/../endings/a.png", out="twice")
        self.assertEqual(len(json.loads((same / "images.json").read_text())), 1)

    def test_a_folder_of_flights_keeps_its_paths(self):
        for name in ("day1/a", "day1/deep/a", "day2/a", "day2/.trash/b", ".ipynb_checkpoints/c", "day2/._a"):
            self.write(f"flights/{name}.png", grey_png(64, 48))
        (self.folder / "flights/day2/loop").symlink_to(self.folder / "flights")
        out = self.predict(self.folder / "flights", "--format", "yolo", out="flights-out")
        images = [image["file_name"] for image in json.loads((out / "images.json").read_text())]
        self.assertEqual(sorted(images), ["day1/a.png", "day1/deep/a.png", "day2/a.png"])
        self.assertEqual(sorted(str(path.relative_to(out / "labels")) for path in (out / "labels").rglob("*.txt")),
                         ["day1/a.txt", "day1/deep/a.txt", "day2/a.txt"])
        self.assertEqual((out / "classes.txt").read_text().split(), CLASSES)

    # Classes and difficult objects

    def test_only_the_models_classes_are_scored_and_the_others_said(self):
        done = self.succeed("eval", "--data", self.data / "val", "--model", self.model, "--protocol", "coco", "--json", "-")
        self.assertEqual(sorted(json.loads(done.stdout)["per_class"]), sorted(CLASSES))
        self.assertIn("pedestrian (", done.stderr)

    def test_vocs_difficult_objects_are_neither_hits_nor_misses(self):
        box = "<bndbox><xmin>{}</xmin><ymin>11</ymin><xmax>{}</xmax><ymax>30</ymax></bndbox>"
        objects = "".join(f"<object><name>car</name><difficult>{difficult}</difficult>{box.format(x, x + 19)}</object>"
                          for x, difficult in ((11, 0), (51, 1)))
        self.write("voc/Annotations/a.xml", f"<annotation><size><width>100</width><height>80</height></size>{objects}</annotation>")
        self.write("voc/JPEGImages/a.png", grey_png(100, 80))
        found = [{"image_id": 1, "category_id": 1, "bbox": [x, 10, 20, 20], "score": score} for x, score in ((10, 0.5), (50, 0.9))]
        for rows in (found, found[:1]):
            got = self.json_of("eval", "--gt", self.folder / "voc", "--dt", self.write("voc-found.json", rows))
            self.assertAlmostEqual(got["AP"], 1, 9)
            self.assertEqual(got["per_class"]["car"]["ground_truths"], 1)

    # Nothing to measure against

    def test_a_validation_set_without_objects_is_refused_before_the_first_step(self):
        _, config = self.make_scenes()
        image = next(self.images.iterdir())
        head = {"images": [{"id": 1, "file_name": image.name, "width": 256, "height": 192}],
                "categories": [{"id": 1, "name": "car"}]}
        crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 30], "area": 1200, "iscrowd": 1}
        for name, objects in (("empty", []), ("crowd", [crowd]), ("ignored-size", [{**crowd, "iscrowd": 0, "bbox": [1, 1, 0, 5]}])):
            truth = self.write(f"none/{name}.json", {**head, "annotations": objects})
            out = self.folder / "none-run"
            call = ["train", "--config", config, "--out", out, "--set", 'data.classes=["car"]']
            self.refuse(*call, "--set", f"data.val={truth}:{self.images}", expect=["data.val", f"{name}.json"])
            self.assertFalse(out.exists())
            self.refuse(*call, "--set", f"data.train={truth}:{self.images}", "--set", "data.keep_empty=true",
                        expect=["data.train", f"{name}.json"])
            self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
