"""Any teacher: ONNX, detections in a file, several, at twice the scale; images without labels; a start from a trained model."""
import json
import shutil
import unittest

from program import ProgramTest, step_lines


class TeachersTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.teacher, cls.data = cls.make_model()
        cls.tiny = ["--config", cls.folder / "tiny.toml", "--set", "kd.min_teacher_ap50=0"]
        cls.onnx = cls.folder / "teacher.onnx"
        cls().succeed("export", "--model", cls.teacher, "--out", cls.onnx)

    def distill(self, name, *arguments):
        out = self.folder / name
        return self.succeed("distill", *self.tiny, "--out", out, *arguments), step_lines(out)

    def test_an_onnx_teacher_teaches_what_the_model_does(self):
        _, live = self.distill("live", "--teacher", self.teacher)
        _, onnx = self.distill("onnx", "--teacher", self.onnx)
        self.assertEqual(len(live), len(onnx))
        for a, b in zip(live, onnx):
            for term in ("kd_bckd_cls", "kd_bckd_box", "loss"):
                self.assertAlmostEqual(a[term], b[term], delta=2e-3 * abs(a[term]) + 1e-4)

    def test_the_recipe_takes_any_teacher(self):
        small = [part for key, value in {"model.backbone.weights": "", "kd.min_teacher_ap50": 0, "data.input.long_side": 96, "data.input.short_side": 96,
                                         "data.augment.crop_px": 0}.items() for part in ("--set", f"{key}={value}")]
        call = ["distill", "--data", self.data, "--dry-run", "--dry-run-images", 2, "--out", self.folder / "recipe", *small, "--teacher"]
        self.assertIn("kd_pkd", self.succeed(*call, self.teacher).stdout)
        foreign = self.succeed(*call, self.onnx)
        self.assertIn("shows no features", foreign.stderr)
        self.assertNotIn("kd_pkd", foreign.stdout)

    def test_detections_in_a_file_teach(self):
        found = self.folder / "found"
        self.succeed("predict", "--model", self.teacher, self.data / "train" / "images", "--out", found, "--score", "0")
        _, steps = self.distill("boxes", "--teacher", found / "detections.json")
        self.assertTrue(all(step["kd_bckd_cls"] > 0 for step in steps))
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", found / "detections.json",
                    "--set", "kd.teacher_flip=true", expect=["boxes in a file"])
        percent = [{**one, "score": 100 * one["score"]} for one in json.loads((found / "detections.json").read_text())]
        (self.folder / "percent.json").write_text(json.dumps(percent))
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", self.folder / "percent.json", expect=["has a score of", "at most 1"])
        self.succeed("predict", "--model", self.teacher, self.data / "train" / "images", "--out", self.folder / "texts", "--score", "0",
                     "--format", "visdrone")
        _, of_texts = self.distill("texts-teach", "--teacher", self.folder / "texts")
        self.assertEqual(of_texts[0]["kd_bckd_cls"], steps[0]["kd_bckd_cls"])
        self.assertFalse((self.folder / "no").exists())

    def test_detections_in_a_file_teach_on_images_without_labels(self):
        unlabelled = ["--set", f"data.unlabelled={self.data / 'val' / 'images'}", "--set", "train.batch_size=2", "--set", "data.unlabelled_share=0.5"]
        images = [self.data / part / "images" for part in ("train", "val")]
        both, one = self.folder / "both", self.folder / "one"
        self.succeed("predict", "--model", self.teacher, *images, "--out", both, "--score", "0")
        self.succeed("predict", "--model", self.teacher, images[0], "--out", one, "--score", "0")
        done, steps = self.distill("boxes-unlabelled", "--teacher", both / "detections.json", *unlabelled)
        self.assertRegex(done.stderr, r"boxes on (\d+) of \1 unlabelled images")
        _, labelled = self.distill("boxes-labelled", "--teacher", both / "detections.json", "--set", "train.batch_size=1")
        self.assertNotEqual([step["kd_bckd_cls"] for step in steps], [step["kd_bckd_cls"] for step in labelled])
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", one / "detections.json", *unlabelled,
                    expect=["no box on any unlabelled image"])

    def test_boxes_are_scored_beside_ignored_regions(self):
        regions, found = self.folder / "regions", self.folder / "in-regions"
        shutil.copytree(self.data, regions)
        lines = min((regions / "train" / "annotations").iterdir())
        lines.write_text(lines.read_text().rstrip("\n") + "\n0,0,20,20,0,0,0,0\n")
        self.succeed("predict", "--model", self.teacher, regions / "train" / "images", "--out", found, "--score", "0")
        done, _ = self.distill("regions-run", "--teacher", found / "detections.json", "--set", f"data.train={regions / 'train'}",
                               "--set", "eval.protocol=visdrone")
        self.assertIn("training images (visdrone protocol)", done.stderr)

    def test_classes_that_a_file_of_boxes_lacks_are_left_to_the_labels(self):
        found = self.folder / "no-cars"
        self.succeed("predict", "--model", self.teacher, self.data / "train" / "images", "--out", found, "--score", "0")
        boxes = found / "detections.json"
        entries = json.loads(boxes.read_text())
        boxes.write_text(json.dumps([entry for entry in entries if entry["category_name"] != "car"]))
        done, _ = self.distill("no-cars-run", "--teacher", boxes)
        self.assertRegex(done.stderr, "has no box of .*car.*: learned from the labels alone")
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", boxes, "--teacher-classes", "auto=car",
                    expect=["--teacher-classes", "boxes in a file", "--map"])

    def test_where_a_file_has_no_box_none_is_taught(self):
        found = self.folder / "one-image"
        self.succeed("predict", "--model", self.teacher, self.data / "train" / "images", "--out", found, "--score", "0")
        boxes = found / "detections.json"
        entries = json.loads(boxes.read_text())
        boxes.write_text(json.dumps([entry for entry in entries if entry["file_name"] == entries[0]["file_name"]]))
        _, steps = self.distill("one-image-run", "--teacher", boxes, "--set", "train.batch_size=1")
        self.assertEqual(len([step for step in steps if step["kd_bckd_box"] > 0]), 1, "that of the image")
        self.assertTrue(all(step["kd_bckd_cls"] > 0 for step in steps))

    def test_stored_signals_of_a_teacher_of_some_classes_are_those_of_the_live_one(self):
        some = ["--teacher", self.onnx, "--teacher-classes", "car=,van=,bus="]
        for key in ("scale_min=1", "scale_max=1", "photometric=0", "crop_px=0", "tile_px=0"):
            some += ["--set", f"data.augment.{key}"]
        done, live = self.distill("some-live", *some)
        self.assertIn("learned from the labels alone", done.stderr)
        _, stored = self.distill("some-stored", *some, "--set", f"kd.cache={self.folder / 'some.kd'}")
        for a, b in zip(live, stored, strict=True):
            for term in ("kd_bckd_cls", "kd_bckd_box"):
                self.assertAlmostEqual(a[term], b[term], delta=1e-2 * abs(a[term]) + 1e-5)

    def test_the_dry_run_looks_at_unlabelled_images_too(self):
        found = self.folder / "labelled-alone"
        self.succeed("predict", "--model", self.teacher, self.data / "train" / "images", "--out", found, "--score", "0")
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--dry-run", "--teacher", found / "detections.json", "--set",
                    f"data.unlabelled={self.data / 'val' / 'images'}", "--set", "train.batch_size=2", expect=["no box on any unlabelled image"])

    def test_unlabelled_images_may_move(self):
        here, there = self.folder / "flights", self.folder / "moved"
        shutil.copytree(self.data / "val" / "images", here)
        call = ["--teacher", self.teacher, "--set", "train.batch_size=2"]
        self.distill("moves", *call, "--set", f"data.unlabelled={here}")
        here.rename(there)
        self.succeed("distill", *self.tiny, "--out", self.folder / "moves", "--resume", *call, "--set", f"data.unlabelled={there}")

    def test_several_teachers_flips_and_scale(self):
        self.distill("several", "--teacher", self.teacher, "--teacher", self.onnx, "--set", "kd.teacher_flip=true")
        twice = ["--teacher", self.teacher, "--set", "kd.teacher_scale=2"]
        done, steps = self.distill("scale", *twice, "--method", "bckd,pkd")
        self.assertGreater(steps[0]["kd_pkd"], 0)
        self.assertIn("is taught that the small objects found there are background", done.stderr)
        folded, more = self.distill("fold", *twice)
        self.assertIn("are folded into that one", folded.stderr)
        self.assertNotEqual(more[0]["kd_bckd_cls"], steps[0]["kd_bckd_cls"])
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", self.onnx, "--method", "pkd",
                    expect=["'pkd' needs", "this teacher does not show", "bckd"])

    def test_a_level_that_the_teacher_lacks_is_made_of_its_finest(self):
        student = ["--teacher", self.teacher, "--set", "model.neck.first_level=2"]
        _, common = self.distill("common", *student)
        _, all_levels = self.distill("finer", *student, "--set", "kd.teacher_finer=true")
        self.assertEqual(common[0]["loss_cls"], all_levels[0]["loss_cls"])
        self.assertGreater(all_levels[0]["kd_bckd_cls"], 1.5 * common[0]["kd_bckd_cls"])

    def test_images_without_labels(self):
        images = self.data / "val" / "images"
        _, steps = self.distill("unlabelled", "--teacher", self.teacher, "--set", f"data.unlabelled={images}", "--set",
                                "train.batch_size=3", "--set", "data.unlabelled_share=0.67")
        self.assertEqual(len(steps), 5, "one labelled image a batch, and two others")
        self.refuse("train", *self.tiny, "--out", self.folder / "no", "--set", f"data.unlabelled={images}",
                    expect=["data.unlabelled", "without a teacher"])
        self.refuse("distill", *self.tiny, "--out", self.folder / "unlabelled", "--resume", "--teacher", self.teacher, "--set",
                    f"data.unlabelled={self.data / 'train' / 'images'}", "--set", "train.batch_size=3", "--set",
                    "data.unlabelled_share=0.67", "--set", "kd.min_teacher_ap50=0", expect=["unlabelled images"])

    def test_none_of_a_batch_is_unlabelled_where_their_share_is_0(self):
        call = ["--teacher", self.teacher, "--set", "train.batch_size=2"]
        _, none = self.distill("share0", *call, "--set", f"data.unlabelled={self.data / 'val' / 'images'}", "--set", "data.unlabelled_share=0")
        _, without = self.distill("without", *call)
        self.assertEqual([step["loss"] for step in none], [step["loss"] for step in without])

    def test_resume_keeps_the_unlabelled_images_of_a_step(self):
        call = ["--teacher", self.teacher, "--set", f"data.unlabelled={self.data / 'val' / 'images'}", "--set", "data.unlabelled_share=0.25"]
        self.distill("share", *call, "--set", "train.batch_size=4")
        self.refuse("distill", *self.tiny, "--out", self.folder / "share", "--resume", *call, "--set", "train.batch_size=2",
                    expect=["unlabelled images a step is 2 now and was 1"])

    def test_finished_boxes_at_twice_the_scale_have_the_students_levels(self):
        finished = self.folder / "finished.onnx"
        self.succeed("export", "--model", self.teacher, "--out", finished, "--decoded", "--size", "320x256", "--batch", 1)
        done, steps = self.distill("finished-scale", "--teacher", finished, "--set", "kd.teacher_scale=2")
        self.assertNotIn("folded", done.stderr)
        self.assertGreater(steps[0]["kd_bckd_cls"], 0)

    def test_a_start_from_a_trained_model(self):
        done = self.succeed("train", *self.tiny, "--out", self.folder / "init", "--init", self.teacher)
        self.assertIn("10 of 10 classes", done.stderr)
        identity = json.loads((self.folder / "init" / "run.json").read_text())["identity"]
        self.assertNotEqual(identity["student"], "none")
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--init", self.teacher, "--student", self.teacher,
                    "--teacher", self.teacher, expect=["--init", "exclude each other"])

    def test_what_is_no_teacher_is_refused_in_one_line(self):
        bad = self.folder / "bad.onnx"
        bad.write_bytes(b"\x08\x08nothing")
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", bad, expect=["bad.onnx"])
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", self.teacher.parent, expect=["run's folder", "best.safetensors"])
        self.refuse("distill", *self.tiny, "--out", self.folder / "no", "--teacher", self.onnx, "--teacher-classes",
                    "cra=car", expect=["no class 'cra'", "did you mean 'car'"])


if __name__ == "__main__":
    unittest.main()
