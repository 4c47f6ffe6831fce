"""skylift predict: formats, tiles, videos, engines, broken inputs."""
import csv
import json
import os
import resource
import shutil
import struct
import subprocess
import unittest
import zlib

from program import PROGRAM, ProgramTest, grey_png


class PredictTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model, data = cls.make_model(train=8, val=3, size="256x192")
        cls.images = data / "val" / "images"

    def predict(self, *arguments, out="out", score=0.0, **options):
        """The folder of results."""
        folder = self.folder / out
        shutil.rmtree(folder, ignore_errors=True)
        self.succeed("predict", "--model", self.model, *arguments, "--out", folder, "--score", score, **options)
        return folder

    def make_video(self, name="clip.avi", frames=12):
        """An uncompressed AVI: it needs no encoder."""
        width, height = 96, 64
        path = self.folder / name
        row = bytes((x * 5 + c * 60) % 256 for x in range(width) for c in range(3))
        image = row * height
        def chunk(kind, data):
            return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        def lists(kind, data):
            return chunk(b"LIST", kind + data)
        main = struct.pack("<14I", 40000, 0, 0, 0x10, frames, 0, 1, len(image), width, height, 0, 0, 0, 0)
        stream = b"vidsDIB " + struct.pack("<10I", 0, 0, 0, 1, 25, 0, frames, len(image), 0xFFFFFFFF, 0) + struct.pack("<4H", 0, 0, width, height)
        bitmap = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(image), 0, 0, 0, 0)
        header = lists(b"hdrl", chunk(b"avih", main) + lists(b"strl", chunk(b"strh", stream) + chunk(b"strf", bitmap)))
        movie = lists(b"movi", b"".join(chunk(b"00db", image) for _ in range(frames)))
        body = b"AVI " + header + movie
        path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
        return path

    def test_formats_hold_the_same(self):
        coco = json.loads((self.predict(self.images) / "detections.json").read_text())
        files = {row["id"]: row for row in json.loads((self.folder / "out" / "images.json").read_text())}
        self.assertGreater(len(coco), 0)
        self.assertEqual(sorted(row["file_name"] for row in files.values()), sorted(p.name for p in self.images.iterdir()))
        with open(self.predict(self.images, "--format", "csv") / "detections.csv") as stream:
            table = list(csv.DictReader(stream))
        self.assertEqual([(files[row["image_id"]]["file_name"], row["score"]) for row in coco],
                         [(row["file"], float(row["score"])) for row in table])
        labels = self.predict(self.images, "--format", "yolo") / "labels"
        lines = [line.split() for path in sorted(labels.iterdir()) for line in path.read_text().splitlines()]
        self.assertEqual(len(lines), len(coco))
        for line, row in zip(lines, coco):
            image, (x, y, w, h) = files[row["image_id"]], row["bbox"]
            self.assertEqual(int(line[0]), row["category_id"] - 1)
            for value, expected in zip(map(float, line[1:5]), ((x + w / 2) / image["width"], (y + h / 2) / image["height"],
                                                               w / image["width"], h / image["height"])):
                self.assertAlmostEqual(value, expected, places=9)
        texts = self.predict(self.images, "--format", "visdrone") / "detections"
        self.assertEqual(sum(len(path.read_text().splitlines()) for path in texts.iterdir()), len(coco))

    def test_drawn_pictures_globs_and_json(self):
        report = self.folder / "report.json"
        out = self.predict(str(self.images / "*.jpg"), "--draw", "--json", report)
        self.assertEqual(len(list((out / "pictures").glob("*.jpg"))), 3)
        account = json.loads(report.read_text())
        self.assertEqual(account["images"], 3)
        self.assertGreater(account["peak_memory_mb"], 10)
        self.assertGreaterEqual(account["latency_ms"]["p99"], account["latency_ms"]["p50"])

    def test_tiles_and_modes(self):
        whole = json.loads((self.predict(self.images) / "detections.json").read_text())
        tiled = json.loads((self.predict(self.images, "--tile", 128, "--merge", "nmm") / "detections.json").read_text())
        self.assertNotEqual(whole, tiled)
        for row in tiled:
            x, y, w, h = row["bbox"]
            self.assertTrue(-1e-6 <= x and x + w <= 256.001 and -1e-6 <= y and y + h <= 192.001, row)
        latency = json.loads((self.predict(self.images, "--mode", "latency") / "detections.json").read_text())
        self.assertEqual([row["image_id"] for row in whole], [row["image_id"] for row in latency])

    def test_a_video_and_what_is_drawn_of_it(self):
        out = self.predict(self.make_video(), "--draw", "--format", "csv")
        with open(out / "detections.csv") as stream:
            frames = {row["file"] for row in csv.DictReader(stream)}
        self.assertEqual(frames, {f"clip_{number:06}.jpg" for number in range(1, 13)})
        self.assertGreater((out / "pictures" / "clip.mp4").stat().st_size, 500)
        self.assertEqual(len(list((out / "pictures").iterdir())), 1)

    def test_a_broken_video_is_named_and_what_came_before_is_kept(self):
        whole = self.make_video(frames=40)
        cut = self.folder / "cut.avi"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        self.refuse("predict", "--model", self.model, cut, "--out", self.folder / "cut", "--score", 0,
                    expect=["cut.avi", "cut off"])
        self.assertGreater(len(json.loads((self.folder / "cut" / "images.json").read_text())), 5)
        no_video = self.folder / "text.mp4"
        no_video.write_text("not a video")
        self.refuse("predict", "--model", self.model, no_video, "--out", self.folder / "x", expect=["text.mp4", "video"])

    def test_one_bad_image_among_many(self):
        folder = self.folder / "mixed"
        shutil.copytree(self.images, folder)
        (folder / "a_bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
        (folder / "b_empty.png").write_bytes(b"")
        self.refuse("predict", "--model", self.model, folder, "--out", self.folder / "mixed-out", "--score", 0,
                    expect=["2 inputs", "a_bad.jpg"])
        images = json.loads((self.folder / "mixed-out" / "images.json").read_text())
        self.assertEqual(len(images), 3)

    def test_same_names_in_two_folders(self):
        other = self.folder / "other"
        shutil.copytree(self.images, other, dirs_exist_ok=True)
        texts = self.predict(self.images, other, "--format", "visdrone") / "detections"
        self.assertEqual(len(list(texts.rglob("*.txt"))), 6)

    def test_what_is_passed_over_is_said_and_patterns_may_match_folders(self):
        flights = self.folder / "flights"
        for day in ("day1", "day2"):
            shutil.copytree(self.images, flights / day)
        (flights / "day1" / "IMG_0001.HEIC").write_bytes(b"of a phone")
        (flights / "day1" / next(self.images.iterdir()).with_suffix(".txt").name).write_text("beside its image")
        done = self.succeed("predict", "--model", self.model, flights / "day*", "--out", self.folder / "matched")
        self.assertEqual(len(json.loads((self.folder / "matched" / "images.json").read_text())), 6)
        self.assertIn("1 file passed over", done.stderr)
        self.assertIn("IMG_0001.HEIC", done.stderr)

    def rerun(self, out, *arguments):
        """Into the folder as it is."""
        return self.succeed("predict", "--model", self.model, *arguments, "--out", out, "--score", 0)

    def files_in(self, folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def test_files_of_others_are_not_written_over(self):
        folder = self.folder / "labelled"
        shutil.copytree(self.images, folder / "images")
        (folder / "labels").mkdir()
        stem = min(self.images.iterdir()).stem
        (folder / "labels" / f"{stem}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        (folder / "classes.txt").write_text("cow\n")
        before = self.files_in(folder)
        call = ["predict", "--model", self.model, folder / "images", "--out", folder, "--score", 0]
        self.refuse(*call, "--format", "yolo", expect=["--out", "labels", "another --out"])
        self.assertEqual(self.files_in(folder), before)
        self.rerun(folder, folder / "images")  # detections.json is no name of theirs
        self.refuse(*call, "--format", "yolo", expect=["--out", "labels", "another --out"])
        self.rerun(folder, folder / "images")
        self.assertEqual({name: data for name, data in self.files_in(folder).items() if name in before}, before)

    def test_the_account_replaces_no_result_and_no_model(self):
        folder = self.folder / "accounted"
        call = ["predict", "--model", self.model, self.images, "--out", folder, "--score", 0]
        for name in ("detections.json", "images.json", "../accounted/detections.json", ".predict-unfinished"):
            self.refuse(*call, "--json", folder / name, expect=["--json", "another name"])
        self.succeed(*call, "--json", folder / "account.json")
        model = self.model.read_bytes()
        for command in (["info", self.model], call):
            self.refuse(*command, "--json", self.model, expect=["--json", "another file"])
        self.assertEqual(self.model.read_bytes(), model)

    def test_a_list_of_others_is_no_mark(self):
        folder = self.folder / "listed"
        (folder / "labels").mkdir(parents=True)
        (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        for images in ([{"file_name": "a.jpg"}], ["a.jpg"], [{"file_name": "a.jpg", "source": "a.jpg"}, {}], []):
            (folder / "images.json").write_text(json.dumps(images))
            before = self.files_in(folder)
            self.refuse("predict", "--model", self.model, self.images, "--out", folder, "--format", "yolo",
                        expect=["--out", "another --out"])
            self.assertEqual(self.files_in(folder), before, images)

    def test_a_run_without_an_end_may_be_repeated(self):
        inputs, out = self.folder / "first-bad", self.folder / "repeated"
        inputs.mkdir()
        image = min(self.images.iterdir())
        (inputs / image.name).write_bytes(b"")
        call = ["predict", "--model", self.model, inputs, "--out", out, "--draw", "--format"]
        for form in ("yolo", "visdrone", "coco", "csv"):
            self.refuse(*call, form, expect=[image.name])
        shutil.copy(image, inputs / image.name)
        self.succeed(*call, "yolo")
        killed = self.folder / "killed"
        call[call.index(out)] = killed
        full = subprocess.run([PROGRAM, *map(str, call), "yolo"], capture_output=True, timeout=600,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
        self.assertNotEqual(full.returncode, 0)
        self.assertTrue((killed / "pictures").exists())
        self.succeed(*call, "yolo")
        for folder in (out, killed):
            self.assertFalse((folder / ".predict-unfinished").exists())
            self.assertEqual(len(json.loads((folder / "images.json").read_text())), 1)

    def test_pictures_are_not_drawn_over_inputs(self):
        folder = self.folder / "album"
        shutil.copytree(self.images, folder / "pictures")
        before = self.files_in(folder)
        for inputs in (folder, folder / "pictures", folder / "pictures" / min(before).split("/")[1]):
            self.refuse("predict", "--model", self.model, inputs, "--out", folder, "--draw", expect=["--out", "pictures"])
        self.assertEqual(self.files_in(folder), before)
        self.refuse("predict", "--model", self.model, self.images, "--out", folder, "--draw", expect=["--out", "pictures"])
        both = self.folder / "both"
        shutil.copytree(self.images, both)
        self.rerun(both, both, "--draw")
        self.refuse("predict", "--model", self.model, both, "--out", both, expect=["--out", "pictures", "another --out"])

    def test_results_of_an_earlier_run_are_replaced(self):
        out = self.folder / "again"
        first, *_, last = sorted(self.images.iterdir())
        self.rerun(out, self.images, "--format", "visdrone")
        (out / "detections" / "mine.txt").write_text("of somebody else")
        self.rerun(out, last, "--format", "visdrone")
        self.assertEqual(sorted(path.name for path in (out / "detections").iterdir()), sorted([f"{last.stem}.txt", "mine.txt"]))
        (out / "detections" / "mine.txt").unlink()
        for form, names in (("yolo", {"classes.txt", f"labels/{first.stem}.txt"}), ("csv", {"detections.csv"}), ("coco", {"detections.json"})):
            self.rerun(out, first, "--format", form)
            self.assertEqual(set(self.files_in(out)), {"images.json"} | names)
        self.assertEqual([path.name for path in out.iterdir() if path.is_dir()], [])

    def test_nothing_is_removed_that_a_forged_mark_names(self):
        out = self.folder / "forged"
        out.mkdir()
        kept = self.folder / "kept.txt"
        kept.write_text("kept")
        (out / "images.json").write_text(json.dumps([{"file_name": "a.jpg", "source": "a.jpg", "detections": name}
                                                      for name in ("detections/../../kept.txt", str(kept), "", 3)]))
        self.rerun(out, self.images)
        self.assertTrue(kept.exists())

    def test_pictures_show_what_the_results_say(self):
        def drawn(*more):
            out = self.predict(min(self.images.iterdir()), "--draw", *more)
            return next((out / "pictures").iterdir()).read_bytes(), json.loads((out / "detections.json").read_text())
        classes = json.loads(self.succeed("info", self.model, "--json", "-").stdout)["classes"]
        plain, _ = drawn()
        renamed, found = drawn(*[part for name in classes for part in ("--map", f"{name}=x")])
        self.assertEqual({row["category_name"] for row in found}, {"x"})
        self.assertNotEqual(renamed, plain)
        empty, none = drawn(*[part for name in classes for part in ("--map", f"{name}=")])
        self.assertEqual(none, [])
        out = self.predict(min(self.images.iterdir()), "--draw", score=1)  # as if nothing had been found
        self.assertEqual(next((out / "pictures").iterdir()).read_bytes(), empty)

    def test_classes_that_become_one_do_not_find_an_object_twice(self):
        def overlap(a, b):
            width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
            height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
            both = max(0, width) * max(0, height)
            return both / (a[2] * a[3] + b[2] * b[3] - both)
        joined = [part for name in ("van", "truck", "bus") for part in ("--map", f"{name}=car")]
        for more in [], ["--tile", 128]:
            rows = json.loads((self.predict(self.images, *joined, *more) / "detections.json").read_text())
            cars = [row for row in rows if row["category_name"] == "car"]
            self.assertGreater(len(cars), 10)
            for k, one in enumerate(cars):
                for other in cars[:k]:
                    if one["image_id"] == other["image_id"]:
                        self.assertLess(overlap(one["bbox"], other["bbox"]), 0.6001)

    def test_links_that_lead_nowhere_are_problems(self):
        folder = self.folder / "linked"
        shutil.copytree(self.images, folder)
        (folder / "gone.jpg").symlink_to(self.folder / "moved" / "gone.jpg")
        self.refuse("predict", "--model", self.model, folder, "--out", self.folder / "linked-out", expect=["gone.jpg"])
        self.assertEqual(len(json.loads((self.folder / "linked-out" / "images.json").read_text())), 3)

    def test_endings_of_videos_and_what_is_neither(self):
        clip = self.make_video()
        for ending in ("mts", "M2TS", "flv", "wmv", "mpg", "mpeg", "3gp"):
            video = self.folder / "cameras" / f"clip.{ending}"
            video.parent.mkdir(exist_ok=True)
            shutil.copy(clip, video)
            images = json.loads((self.predict(video) / "images.json").read_text())
            self.assertEqual(len(images), 12, ending)
        other = self.folder / "notes.xyz"
        other.write_text("neither")
        self.refuse("predict", "--model", self.model, other, "--out", self.folder / "neither", expect=["notes.xyz", ".webp", ".m2ts"])

    def test_engines_agree(self):
        try:
            fast = self.predict(self.images, "--engine", "openvino", out="openvino")
        except AssertionError as error:
            if "no OpenVINO" in str(error):
                self.skipTest("built without OpenVINO")
            raise
        torch = self.predict(self.images, "--engine", "torch", out="torch")
        a, b = (json.loads((folder / "detections.json").read_text()) for folder in (fast, torch))
        best = lambda rows: sorted(rows, key=lambda row: -row["score"])[:100]
        for x, y in zip(best(a), best(b)):
            self.assertAlmostEqual(x["score"], y["score"], delta=1e-4)

    def test_bad_arguments(self):
        model, out = self.model, self.folder / "bad"
        self.refuse("predict", "--model", model, self.images, "--out", out, "--tile", 5, expect=["--tile"])
        self.refuse("predict", "--model", model, self.images, "--out", out, "--overlap", 1.5, expect=["--overlap"])
        self.refuse("predict", "--model", model, self.folder / "no*such", "--out", out, expect=["no such file"])
        self.refuse("predict", "--model", model, self.images, "--out", out, "--device", "cuda", "--engine", "openvino",
                    expect=["cuda"])

    def test_names_of_any_bytes_are_written(self):
        folder = self.folder / "names"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        image = sorted(self.images.iterdir())[0]
        shutil.copy(image, os.fsencode(folder) + b"/caf\xe9.jpg")
        out = self.predict(folder)
        self.assertEqual([row["file_name"] for row in json.loads((out / "images.json").read_text())], ["caf\ufffd.jpg"])

    def test_an_image_that_asks_for_all_memory_is_one_problem(self):
        folder = self.folder / "huge"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(sorted(self.images.iterdir())[0], folder / "b.jpg")
        head = b"IHDR" + struct.pack("!IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
        (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack("!I", 13) + head + struct.pack("!I", zlib.crc32(head)))
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        report, memory = self.folder / "huge.json", {}
        for more in ("--tile", 128), ():
            self.refuse("predict", "--model", self.model, folder, "--out", out, "--json", report, *more,
                        expect=["a.png", "30000x30000 px, expected at most"])
            self.assertEqual([row["file_name"] for row in json.loads((out / "images.json").read_text())], ["b.jpg"])
            memory[more] = json.loads(report.read_text())["peak_memory_mb"]
        self.succeed("predict", "--model", self.model, folder / "b.jpg", "--out", out, "--json", report)
        usual = json.loads(report.read_text())["peak_memory_mb"]
        self.assertLess(max(memory.values()), usual + 500)  # its pixels would be 2700

    def test_an_image_that_is_too_large_for_a_fixed_size_is_one_problem(self):
        model, folder, out = self.folder / "fixed.onnx", self.folder / "portrait", self.folder / "portrait-out"
        self.succeed("export", "--model", self.model, "--to", "onnx", "--out", model, "--size", "128x96")
        shutil.copytree(self.images, folder)
        for place in ("0", "m"):  # the first, whose size stands for all, and another
            (folder / f"{place}.png").write_bytes(grey_png(96, 128))
        done = self.run_program("predict", "--model", model, folder, "--out", out)
        if "no OpenVINO" in done.stderr:
            self.skipTest("built without OpenVINO")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("2 inputs", done.stderr)
        self.assertIn("0.png: ", done.stderr)
        self.assertIn("takes images of up to 128x96 px", done.stderr)
        self.assertEqual(sorted(row["file_name"] for row in json.loads((out / "images.json").read_text())),
                         sorted(path.name for path in self.images.iterdir()))

    def test_a_password_of_a_stream_is_not_told(self):
        out = self.folder / "out"
        message = self.refuse("predict", "--model", self.model, "rtsp://user:geheim@127.0.0.1:1/live", "--out", out,
                              expect=["rtsp://127.0.0.1:1/live"])
        self.assertNotIn("geheim", message)


if __name__ == "__main__":
    unittest.main()
