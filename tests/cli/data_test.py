"""Data sets on people's disks, through the whole program: what is counted, refused and noted, and the pictures that a model sees."""
import json
import pathlib
import shutil
import struct
import subprocess
import unittest
import zlib

from program import ProgramTest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOXES = [[100, 100, 40, 30], [300, 200, 60, 50]]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, pixel, orientation=1):
    """An RGB PNG of pixel(x, y), with an EXIF orientation."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))
    exif = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            (chunk(b"eXIf", exif) if orientation != 1 else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def upright_of(orientation, width, height):
    """Size of the upright picture and, for a place in it, the place as stored: EXIF's definition of 1 to 8."""
    last_x, last_y = width - 1, height - 1
    place = {1: lambda x, y: (x, y), 2: lambda x, y: (last_x - x, y), 3: lambda x, y: (last_x - x, last_y - y),
             4: lambda x, y: (x, last_y - y), 5: lambda x, y: (y, x), 6: lambda x, y: (y, last_y - x),
             7: lambda x, y: (last_x - y, last_y - x), 8: lambda x, y: (last_x - y, x)}[orientation]
    return ((height, width) if orientation >= 5 else (width, height)), place


def coco(file_name, boxes=None, categories=None, size=(640, 480)):
    boxes = BOXES if boxes is None else boxes
    return {"images": [{"id": 1, "file_name": file_name, "width": size[0], "height": size[1]}],
            "categories": categories or [{"id": 1, "name": "car"}],
            "annotations": [{"id": i + 1, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
                            for i, box in enumerate(boxes)]}


class DataTest(ProgramTest):
    def setUp(self):
        self.data = self.folder / self.id().split(".")[-1]
        self.data.mkdir()

    def image(self, name, size=(640, 480), pixel=lambda x, y: (9, 9, 9), orientation=1):
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(*size, pixel, orientation))

    def write(self, name, content):
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def check(self, spec, **options):
        return json.loads(self.succeed("data", "check", "--data", spec, "--json", "-", **options).stdout)

    def expect(self, spec, images=1, objects=2, **options):
        found = self.check(spec, **options)
        self.assertEqual((found["images"], found["objects"], found["problems"]), (images, objects, []))
        return found

    def test_notes_are_told_and_are_no_problems(self):
        self.image("images/a.png")
        self.write("images/readme.txt", "")
        self.write("annotations.json", coco("a.png", categories=[{"id": 0, "name": "car"}, {"id": 1, "name": "car"}]))
        notes = self.expect(self.data)["notes"]
        self.assertIn("class 'car' stands twice", notes[0]["what"])
        self.assertIn("note: ", self.succeed("data", "check", "--data", self.data).stdout)
        self.assertIn("stands twice", self.succeed("data", "stats", "--data", self.data).stderr)

    def test_absolute_and_relative_paths_from_two_working_folders(self):
        self.image("images/train/a.png")
        self.write("labels/train/a.txt", "0 0.5 0.5 0.1 0.1\n0 0.2 0.2 0.1 0.1\n")
        self.write("data.yaml", f"train: {self.data}/images/train\nval: images/train\nnames: [car]\n")
        for part in ("train", "val"):
            self.expect(f"data.yaml:{part}", cwd=self.data)
            self.expect(f"../data.yaml:{part}", cwd=self.data / "images")
            self.expect(f"{self.data}/data.yaml:{part}")

    def test_either_id_of_a_class_named_twice_counts(self):
        self.image("images/a.png")
        truth = self.write("gt.json", coco("a.png", categories=[{"id": 0, "name": "car"}, {"id": 1.0, "name": "car"}]))
        detections = [{"image_id": 1.0, "category_id": i, "bbox": box, "score": 0.9} for i, box in enumerate(BOXES)]
        result = json.loads(self.succeed("eval", "--gt", truth, "--dt", self.write("dt.json", detections), "--json", "-").stdout)
        self.assertEqual(result["AP"], 1)

    def test_repeated_annotation_ids_are_noted_where_numbers_are_made(self):
        self.image("images/a.png")
        truth = coco("a.png")
        truth["annotations"][1]["id"] = 1
        detections = [{"image_id": 1, "category_id": 1, "bbox": box, "score": 0.9} for box in BOXES]
        done = self.succeed("eval", "--gt", self.write("gt.json", truth), "--dt", self.write("dt.json", detections), "--json", "-")
        self.assertEqual(json.loads(done.stdout)["AP"], 1)
        self.assertIn("pycocotools", done.stderr)

    def test_two_statements_that_disagree_are_refused_with_file_and_line(self):
        self.image("images/a.png")
        self.write("labels/a.txt", "0 0.5 0.5 0.1 0.1\n")
        yaml = self.write("data.yaml", "val: images\nnc: 5\nnames: [car, bus]\n")
        self.refuse("data", "check", "--data", yaml, expect=[f"{yaml}:2", "5", "2 names"])
        self.refuse("data", "convert", "--data", yaml, "--to", "coco", "--out", self.data / "out", expect=["5"])
        self.assertFalse((self.data / "out").exists())

    def test_browse_and_convert_take_the_upright_picture(self):
        size, place = upright_of(6, 160, 128)
        bright = lambda x, y: (250, 250, 250) if 20 <= x < 60 and 40 <= y < 100 else (20, 20, 20)
        stored = {place(x, y): bright(x, y) for x in range(size[0]) for y in range(size[1])}
        self.image("images/a.png", (160, 128), lambda x, y: stored[x, y], 6)
        x, y, w, h = 20, 40, 40, 60
        self.write("labels/a.txt", f"0 {(x + w / 2) / size[0]} {(y + h / 2) / size[1]} {w / size[0]} {h / size[1]}\n")
        self.write("data.yaml", "train: images\nval: images\nnames: [car]\n")
        notes = self.expect(self.data, objects=1)["notes"]
        self.assertTrue(any("a.png" in note["where"] and "orientation 6" in note["what"] for note in notes), notes)
        self.succeed("data", "convert", "--data", self.data, "--to", "coco", "--images", "none", "--out", self.data / "coco")
        written = json.loads((self.data / "coco/annotations.json").read_text())
        self.assertEqual((written["images"][0]["width"], written["images"][0]["height"]), size)
        for got, wanted in zip(written["annotations"][0]["bbox"], (x, y, w, h)):
            self.assertAlmostEqual(got, wanted, places=9)
        self.succeed("data", "browse", "--data", self.data, "--plain", "--out", self.data / "browse")
        self.assertEqual(jpeg_size(self.data / "browse/a.jpg"), size)
        self.succeed("data", "browse", "--data", f"orientation=stored,{self.data}", "--plain", "--out", self.data / "as-stored")
        self.assertEqual(jpeg_size(self.data / "as-stored/a.jpg"), (160, 128))

    def test_browse_loses_no_picture_and_writes_over_no_image(self):
        for sequence, blue in (("north", 0), ("south", 250)):
            self.image(f"images/{sequence}/0001.png", (64, 48), lambda x, y: (20, 20, blue))
            self.write(f"labels/{sequence}/0001.txt", "0 0.5 0.5 0.5 0.5\n")
        self.write("data.yaml", "train: images\nval: images\nnames: [car]\n")
        browse = ["data", "browse", "--data", self.data, "--plain", "--out"]
        self.succeed(*browse, self.data / "seen")
        pictures = [path.read_bytes() for path in sorted((self.data / "seen").rglob("*.jpg"))]
        self.assertEqual(len(set(pictures)), 2)
        self.succeed(*browse, self.data / "seen")  # again, over its own
        for sequence in ("north", "south"):
            (self.data / "images" / sequence / "0001.png").unlink()
            shutil.copy(self.data / "seen" / sequence / "0001.jpg", self.data / "images" / sequence)
        self.refuse(*browse, self.data / "images", expect=["--out", "images", "not the folder of an earlier browse"])
        self.assertEqual([path.read_bytes() for path in sorted((self.data / "images").rglob("*.jpg"))], pictures)
        self.assertFalse((self.data / "images/sheet.png").exists())

    def test_the_set_is_not_written_over_by_whatever_name(self):
        self.image("c/images/a.png")
        truth = self.write("ann.json", coco("a.png"))
        for spec in (f"{truth}:{self.data}/c/images", f"format=coco,{truth}:{self.data}/c/images"):
            for command in (("check",), ("stats",), ("convert", "--to", "yolo", "--out", self.data / "out"),
                            ("split", "--out", self.data / "out")):
                self.refuse("data", *command, "--data", spec, "--json", truth, expect=["--json", "ann.json", "the input"])
        self.assertEqual(json.loads(truth.read_text()), coco("a.png"))
        self.assertFalse((self.data / "out").exists())


def jpeg_size(path):
    data, at = path.read_bytes(), 2
    while not 0xC0 <= data[at + 1] <= 0xC2:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return width, height


class UprightTest(ProgramTest):
    """What the network sees of a turned file is what it sees of the upright one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, _ = cls.make_model()

    def test_turned_pictures_give_the_detections_of_the_upright_one(self):
        scene = lambda x, y: ((x * 7 + y * 3) % 256, 200 if 30 < x < 70 and 50 < y < 90 else 40, (x // 16 + y // 16) % 2 * 160)
        inputs = self.folder / "turned"
        inputs.mkdir()
        for orientation in range(1, 9):
            width, height = (160, 128) if orientation < 5 else (128, 160)
            size, place = upright_of(orientation, width, height)
            self.assertEqual(size, (160, 128))
            stored = {place(x, y): scene(x, y) for x in range(160) for y in range(128)}
            (inputs / f"o{orientation}.png").write_bytes(png(width, height, lambda x, y: stored[x, y], orientation))
        out = self.folder / "upright"
        self.succeed("predict", "--model", self.model, inputs, "--score", 0.001, "--out", out)
        images = json.loads((out / "images.json").read_text())
        images = images["images"] if isinstance(images, dict) else images
        self.assertEqual([(image["width"], image["height"]) for image in images], [(160, 128)] * 8)
        found = {}
        for detection in json.loads((out / "detections.json").read_text()):
            found.setdefault(detection["image_id"], []).append((detection["category_id"], detection["score"], detection["bbox"]))
        self.assertGreater(len(found), 0)
        self.assertEqual(len({json.dumps(found.get(image["id"], [])) for image in images}), 1)
        self.succeed("predict", "--model", self.model, inputs / "o6.png", "--orientation", "stored", "--out", self.folder / "stored")
        images = json.loads((self.folder / "stored/images.json").read_text())
        images = images["images"] if isinstance(images, dict) else images
        self.assertEqual((images[0]["width"], images[0]["height"]), (128, 160))


class WrittenFormatsTest(ProgramTest):
    """Every format that convert writes opens again: in ours, and where it is theirs in pycocotools and Ultralytics, from two working folders."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scenes = cls.folder / "scenes"
        cls().succeed("synth", "--out", cls.scenes, "--images", 3, "--size", "256x192", "--seed", 4)
        cls.reference = cls.boxes_in(cls.scenes)

    @classmethod
    def boxes_in(cls, spec, **options):
        """File stem -> sorted boxes, by way of our COCO."""
        out = pathlib.Path(cls.folder) / "reference"
        shutil.rmtree(out, ignore_errors=True)
        cls().succeed("data", "convert", "--data", spec, "--to", "coco", "--images", "none", "--out", out, **options)
        data = json.loads((out / "annotations.json").read_text())
        boxes = {image["id"]: (pathlib.Path(image["file_name"]).stem, []) for image in data["images"]}
        for annotation in data["annotations"]:
            boxes[annotation["image_id"]][1].append(annotation["bbox"])
        return {stem: sorted(found) for stem, found in boxes.values()}

    def written(self, name):
        out = self.folder / f"as-{name}"
        if not out.exists():
            self.succeed("data", "convert", "--data", self.scenes, "--to", name, "--out", out)
        return out

    def assert_same(self, expected, found, tolerance):
        self.assertEqual(expected.keys(), found.keys())
        for stem, boxes in expected.items():
            self.assertEqual(len(boxes), len(found[stem]), stem)
            for a, b in zip(boxes, found[stem]):
                for left, right in zip(a, b):
                    self.assertAlmostEqual(left, right, delta=tolerance)

    def run_reader(self, venv_script, venv, script, *arguments):
        made = subprocess.run([ROOT / "scripts" / venv_script], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(made.stderr.strip())
        for place in (self.folder, ROOT / "docs"):
            done = subprocess.run([ROOT / ".deps" / venv / "bin/python", "-c", script, *map(str, arguments)], capture_output=True, text=True,
                                  cwd=place)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            yield {stem: sorted(boxes) for stem, boxes in json.loads(done.stdout.splitlines()[-1]).items()}

    def test_ours(self):
        for name in ("coco", "yolo", "voc", "visdrone", "uavdt"):
            out = self.written(name)
            expected = self.reference
            if name == "uavdt":  # other names and three classes alone
                expected = self.boxes_in(out)
                self.assertGreater(sum(map(len, expected.values())), 0)
            self.assert_same(expected, self.boxes_in(out), 1e-6)
            self.assert_same(expected, self.boxes_in(out.name, cwd=self.folder), 1e-6)
            self.assert_same(expected, self.boxes_in("../" + out.name, cwd=self.scenes), 1e-6)

    def test_pycocotools(self):
        script = """
import contextlib, io, json, pathlib, sys
from pycocotools.coco import COCO
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
print(json.dumps({pathlib.Path(image["file_name"]).stem: [a["bbox"] for a in coco.imgToAnns[i]] for i, image in coco.imgs.items()}))
"""
        for found in self.run_reader("setup-test-venv.sh", "test-venv", script, self.written("coco") / "annotations.json"):
            self.assert_same(self.reference, found, 1e-9)

    def test_ultralytics(self):
        script = """
import importlib.metadata, json, os, pathlib, sys, tempfile
version = importlib.metadata.version  # torchvision is asked for its version alone, and is not there
importlib.metadata.version = lambda name: "0.0" if name == "torchvision" else version(name)
os.environ.update(YOLO_CONFIG_DIR=tempfile.mkdtemp(), YOLO_VERBOSE="false", YOLO_OFFLINE="true")
from ultralytics.data.dataset import YOLODataset
from ultralytics.data.utils import check_det_dataset
data = check_det_dataset(sys.argv[1], autodownload=False)
set_ = YOLODataset(img_path=data["val"], data=data, task="detect", augment=False, imgsz=256)
boxes = {}
for label in set_.labels:
    height, width = label["shape"]
    boxes[pathlib.Path(label["im_file"]).stem] = [[float(v) for v in ((x - w / 2) * width, (y - h / 2) * height, w * width, h * height)]
                                                  for x, y, w, h in label["bboxes"]]
print(json.dumps(boxes))
"""
        for found in self.run_reader("setup-ultralytics-venv.sh", "ultralytics-venv", script, self.written("yolo") / "data.yaml"):
            self.assert_same(self.reference, found, 1e-2)  # Ultralytics keeps 32 bits


if __name__ == "__main__":
    unittest.main()
