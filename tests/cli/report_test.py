"""skylift report: a page of finished and unfinished runs that stands alone, on a screen, a phone and paper."""
import re
import shutil
import unittest

from chromium import Page, find_chromium
from program import ProgramTest


class ReportTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test = cls("succeed")
        cls.data, config = test.make_scenes()
        cls.plain, cls.distilled, teacher = (cls.folder / name for name in ("plain", "distilled", "teacher"))
        test.succeed("train", "--config", config, "--out", teacher, "--set", "train.epochs=1", "--set", "train.seed=3")
        test.succeed("train", "--config", config, "--out", cls.plain)
        test.succeed("distill", "--config", config, "--teacher", teacher / "best.safetensors", "--out", cls.distilled, "--method", "ld",
                     "--set", "kd.min_teacher_ap50=0")
        cls.page = cls.folder / "report.html"
        test.succeed("report", cls.plain, cls.distilled, "--out", cls.page)
        cls.html = cls.page.read_text()

    def test_it_compares_the_models_on_the_same_images(self):
        for text in ("Cost and scores", "teacher", "small objects", "Precision and recall", "points of AP50 lost to", "ground truth: ", " gained, ",
                     "kd_ld", "share of the time that waits for data", "--teacher", "training images"):
            self.assertIn(text, self.html)
        self.assertGreaterEqual(len(re.findall(r"\d+\.\d ms<", self.html)), 3)  # measured for each model

    def test_runs_of_other_classes_meet_on_the_common_ones(self):
        classes = self.folder / "two-classes"
        self.succeed("train", "--config", self.folder / "tiny.toml", "--out", classes, "--set", "train.epochs=1", "--set", 'data.classes=["van","car"]')
        page = self.folder / "classes.html"
        done = self.succeed("report", self.plain, classes, "--out", page)
        self.assertIn("Compared on what all of the models know: car, van.", done.stderr)
        self.assertIn("Compared on what all of the models know: car, van.", page.read_text())
        alone = self.succeed("report", classes, "--out", self.folder / "alone.html")
        self.assertNotIn("Compared on", alone.stderr)
        objects = [re.search(r"images with (\d+) objects", path.read_text())[1] for path in (page, self.folder / "alone.html")]
        self.assertEqual(*objects)

    def test_runs_of_one_name_are_told_apart_by_their_folders(self):
        copies = [self.folder / name / "seed0" for name in ("c", "d")]
        for copy in copies:
            shutil.copytree(self.plain, copy)
        self.succeed("report", *copies, "--out", self.folder / "names.html")
        page = (self.folder / "names.html").read_text()
        self.assertIn(">c/seed0<", page)
        self.assertIn(">d/seed0<", page)

    def test_a_run_called_teacher_is_a_run_and_its_students_teacher_is_shown_once(self):
        page = self.folder / "teacher.html"
        self.succeed("report", self.folder / "teacher", self.distilled, "--out", page)
        self.assertEqual(len(re.findall(r"\d+\.\d ms<", page.read_text())), 2, "two models are measured")
        self.assertRegex(page.read_text(), r"teacher: \d+ found<")

    def test_the_teacher_is_found_from_any_folder(self):
        out = self.folder / "relative"
        self.succeed("distill", "--config", "tiny.toml", "--teacher=teacher/best.safetensors", "--out", out, "--method", "ld", "--set",
                     "kd.min_teacher_ap50=0", "--set", "train.epochs=1", cwd=self.folder)
        page = self.folder / "relative.html"
        self.succeed("report", out, "--out", page)
        self.assertIn("<td>teacher</td>", page.read_text())

    def test_it_stands_alone(self):
        self.assertFalse(re.findall(r"(?:src|href)=\"(?!data:)", self.html))
        self.assertIn("Released under the MIT License", self.html)

    def test_every_training_leaves_its_own_page(self):
        self.assertIn("<canvas", (self.plain / "report.html").read_text())

    def test_an_unfinished_run_has_a_page(self):
        unfinished = self.folder / "unfinished"
        unfinished.mkdir()
        for name in ("run.json", "config.toml", "metrics.jsonl"):
            (unfinished / name).write_text((self.plain / name).read_text().replace('"state": "done"', '"state": "running"').replace('"pid": ', '"pid": 9'))
        with open(unfinished / "metrics.jsonl", "a") as metrics:
            metrics.write('{"kind":"tra')
        page = self.folder / "unfinished.html"
        done = self.succeed("report", unfinished, "--out", page)
        self.assertIn("no model yet", done.stderr)
        self.assertIn("interrupted", page.read_text())
        self.refuse("report", self.folder, "--out", self.folder / "no.html", expect=["not a run"])
        record = self.plain / "run.json"
        before = record.read_bytes()
        self.refuse("report", self.plain, "--out", record, expect=["--out", "run.json", ".html"])
        self.assertEqual(record.read_bytes(), before)

    @unittest.skipUnless(find_chromium(), "no Chromium on this machine")
    def test_in_a_browser(self):
        page = Page(find_chromium(), f"file://{self.page}", size="1200,900")
        self.addCleanup(page.close)
        wanted = len(re.findall("<canvas", self.html))
        page.wait_for(lambda: page.evaluate("document.documentElement?.dataset.charts") == str(wanted), "the charts are not drawn")
        drawn = """[...document.querySelectorAll('canvas')].map(c => {
          const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return p.some(v => v !== 0); })"""
        self.assertTrue(all(page.evaluate(drawn)))
        for width, media in ((390, "screen"), (800, "print")):
            page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=media == "screen")
            page.call("Emulation.setEmulatedMedia", media=media)
            page.wait_for(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"wider than the {media}")
            widest = page.evaluate("Math.max(...[...document.querySelectorAll('canvas')].map(c => c.getBoundingClientRect().right))")
            self.assertLessEqual(widest, width)


if __name__ == "__main__":
    unittest.main()
