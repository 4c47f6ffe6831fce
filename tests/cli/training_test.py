"""Training runs as a whole: interrupted ones go on exactly, a distillation without weight is plain training, nothing half-written."""
import json
import re
import resource
import signal
import subprocess
import time
import unittest

from program import PROGRAM, ProgramTest, step_lines


class TrainingTest(ProgramTest):
    def train(self, config, out, *more):
        return self.succeed("train", "--config", config, "--out", out, *more)

    def assert_went_on(self, done):
        """A run that began anew would end in the same bytes."""
        self.assertGreater(int(re.search(r"going on after step (\d+)", done.stderr)[1]), 0)

    def test_a_killed_run_goes_on_with_the_same_losses(self):
        _, config = self.make_scenes()
        whole = self.folder / "whole"
        # An average of the weights and several epochs: all that resuming has to restore.
        settings = ["--set", "train.ema.decay=0.9", "--set", "train.epochs=4", "--set", "train.optimizer.name=adamw"]
        self.train(config, whole, *settings)
        for steps in (2, 7):  # in the first epoch, and in a later one
            killed = self.folder / f"killed after {steps}"
            process = subprocess.Popen([PROGRAM, "train", "--config", config, "--out", killed, *settings],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not ((killed / "metrics.jsonl").exists() and len(step_lines(killed)) >= steps):
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assert_went_on(self.train(config, killed, *settings, "--resume"))
            self.assertEqual(step_lines(killed), step_lines(whole))
            self.assertEqual((killed / "last.safetensors").read_bytes(), (whole / "last.safetensors").read_bytes())

    def test_resume_refuses_other_options_and_a_second_run_in_one_folder(self):
        _, config = self.make_scenes()
        out = self.folder / "once"
        self.train(config, out, "--set", "train.epochs=1")
        self.refuse("train", "--config", config, "--out", out, "--set", "train.epochs=1", expect=["holds a run already", "--resume"])
        self.refuse("train", "--config", config, "--out", out, "--resume", "--set", "train.optimizer.lr=0.5", expect=["same options"])

    def test_distilling_with_zero_weights_equals_plain_training(self):
        _, config = self.make_scenes()
        teacher, plain, distilled = (self.folder / name for name in ("teacher", "plain", "zero"))
        self.train(config, teacher, "--set", "train.seed=9")
        self.train(config, plain)
        zero = self.zero_weights()
        self.succeed("distill", "--config", config, "--teacher", teacher / "last.safetensors", "--out", distilled, "--method", "cid,ld,logit",
                     "--set", "kd.min_teacher_ap50=0", *zero)
        self.assertEqual(step_lines(distilled), step_lines(plain))

    def zero_weights(self):
        options = self.succeed("options").stdout
        keys = [word for line in options.splitlines() for word in line.split()[:1] if word.startswith("kd.") and word.endswith("weight")]
        self.assertTrue(keys, options)
        return [part for key in keys for part in ("--set", f"{key}=0")]

    def test_a_distilled_run_writes_a_student_that_evaluates(self):
        data, config = self.make_scenes()
        teacher, student = self.folder / "teacher2", self.folder / "student"
        self.train(config, teacher, "--set", "train.seed=3")
        self.succeed("distill", "--config", config, "--teacher", teacher / "last.safetensors", "--out", student, "--method", "cid",
                     "--set", "model.head.lifting.enabled=true", "--set", "kd.min_teacher_ap50=0")
        self.assertTrue(any(name.startswith("kd_") for name in step_lines(student)[0]), step_lines(student)[0])
        report = self.folder / "eval.json"
        self.succeed("eval", "--data", data / "val", "--model", student / "last.safetensors", "--protocol", "coco", "--json", report)
        self.assertEqual(json.loads(report.read_text())["images"], 2)
        out = self.folder / "predicted"
        self.succeed("predict", "--model", student / "last.safetensors", data / "val" / "images", "--out", out, "--draw", "--score", 0)
        self.assertEqual(len(list((out / "pictures").iterdir())), 2)
        self.assertTrue(json.loads((out / "detections.json").read_text()))

    def distill(self, config, teacher, out, *more):
        return self.succeed("distill", "--config", config, "--teacher", teacher, "--out", out, "--set", "kd.min_teacher_ap50=0", *more)

    def test_calibrated_terms_start_at_their_fraction_and_a_resumed_run_goes_on(self):
        _, config = self.make_scenes()
        teacher, whole, halves = (self.folder / name for name in ("cal-teacher", "cal-whole", "cal-halves"))
        self.train(config, teacher, "--set", "train.seed=3", "--set", "train.epochs=1")
        model = teacher / "last.safetensors"
        options = ["--method", "cid,fgd", "--set", "kd.calibrate=0.5", "--set", "kd.calibrate_batches=2",
                   "--set", "kd.regions.cid.gate_iou=0"]  # a teacher of one epoch proposes nothing that fits
        self.distill(config, model, whole, *options)
        first = step_lines(whole)[0]
        ratios = {name: value for name, value in first.items() if name.startswith("ratio_kd_")}
        self.assertEqual(len(ratios), 6, first)
        for name, value in ratios.items():
            self.assertAlmostEqual(value, 0.5, places=4, msg=name)
        process = subprocess.Popen([PROGRAM, "distill", "--config", config, "--teacher", model, "--out", halves, "--set", "kd.min_teacher_ap50=0", *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not ((halves / "metrics.jsonl").exists() and len(step_lines(halves)) >= 2):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assert_went_on(self.distill(config, model, halves, *options, "--resume"))
        self.assertEqual(step_lines(halves), step_lines(whole))

    def test_stored_signals_are_made_once_and_refused_where_they_do_not_fit(self):
        _, config = self.make_scenes()
        teacher, cache = self.folder / "cache-teacher", self.folder / "signals.kd"
        self.train(config, teacher, "--set", "train.seed=3", "--set", "train.epochs=1")
        model = teacher / "last.safetensors"
        fixed = ["--set", "data.augment.scale_min=1", "--set", "data.augment.scale_max=1", "--set", "data.augment.photometric=0"]
        options = ["--method", "ld,logit", "--set", "kd.region=cid", "--set", f"kd.cache={cache}"]
        live = self.folder / "cache-live"
        self.distill(config, model, live, *fixed, *options, "--set", "kd.cache=")
        self.distill(config, model, self.folder / "cache-a", *fixed, *options)
        stored = cache.read_bytes()
        self.distill(config, model, self.folder / "cache-b", *fixed, *options)
        self.assertEqual(cache.read_bytes(), stored)
        self.assertEqual(step_lines(self.folder / "cache-a"), step_lines(self.folder / "cache-b"))
        for expected, got in zip(step_lines(live), step_lines(self.folder / "cache-a")):
            self.assertAlmostEqual(got["loss"], expected["loss"], delta=0.02 * expected["loss"])
        distill = ["distill", "--config", config, "--teacher", model, "--set", "kd.min_teacher_ap50=0"]
        refused = self.folder / "cache-c"
        self.refuse(*distill, "--out", refused, *options, expect=["kd.cache", "scale_min"])
        self.refuse(*distill, "--out", refused, *fixed, *options, "--set", "kd.methods=fgd", expect=["kd.cache", "'fgd'"])
        self.refuse(*distill, "--out", refused, *fixed, *options, "--set", "kd.region=vlr", expect=[str(cache), "regions"])
        cache.write_bytes(stored[:-9])
        self.refuse(*distill, "--out", refused, *fixed, *options, expect=[str(cache)])
        self.assertFalse(refused.exists())

    def test_a_dry_run_reports_and_trains_nothing(self):
        _, config = self.make_scenes()
        teacher, out, report = self.folder / "dry-teacher", self.folder / "dry", self.folder / "doctor.json"
        self.train(config, teacher, "--set", "train.epochs=1")
        text = self.distill(config, teacher / "last.safetensors", out, "--method", "cid", "--dry-run", "--dry-run-images", "2", "--json", report).stdout
        self.assertIn("teacher and student", text)
        self.assertEqual([path.name for path in out.iterdir()], ["regions.jpg"])
        self.assertEqual(sorted(json.loads(report.read_text())["regions"]), ["boxes", "cid", "positives", "vlr"])

    def test_a_full_disk_leaves_nothing_half_written(self):
        _, config = self.make_scenes()
        out = self.folder / "full"

        def small_files_only():  # writes beyond the limit fail as on a full disk
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

        self.refuse("train", "--config", config, "--out", out, expect=["cannot write"], preexec_fn=small_files_only)
        left = [path.name for path in out.rglob("*") if path.is_file()]
        self.assertFalse([name for name in left if ".tmp-" in name or name.endswith(".safetensors")], left)

    def test_a_teacher_of_other_classes_or_bins_or_without_skill_is_refused(self):
        data, config = self.make_scenes()
        teacher = self.folder / "teacher3"
        self.train(config, teacher, "--set", "train.epochs=1")
        model = teacher / "last.safetensors"
        distill = ["distill", "--config", config, "--teacher", model, "--method", "cid"]
        self.refuse(*distill, "--out", self.folder / "a", expect=["AP50", "kd.min_teacher_ap50"])
        self.refuse(*distill, "--out", self.folder / "b", "--set", "model.head.reg_max=8", "--set", "kd.min_teacher_ap50=0", expect=["reg_max"])
        self.refuse(*distill, "--out", self.folder / "c", "--set", "data.classes=[\"car\"]", expect=["classes"])
        self.assertFalse((self.folder / "b").exists())
        self.distill(config, model, self.folder / "d", "--set", "kd.methods=bckd,pkd", "--set", "kd.inherit=true", "--set", "model.head.reg_max=8",
                     "--set", "kd.min_teacher_ap50=0", "--set", "train.epochs=1")


if __name__ == "__main__":
    unittest.main()
