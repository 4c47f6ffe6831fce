"""A run that never loses work and never lies: what --resume goes on with, damage, divergence, signals, two processes."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

from program import PROGRAM, ProgramTest, all_lines, grey_png, step_lines


class ReliabilityTest(ProgramTest):
    def setUp(self):
        self.data, self.config = self.make_scenes(val=3)

    def command(self, out, *more, name="train"):
        return [name, "--config", self.config, "--out", out, *more]

    def train(self, out, *more):
        return self.succeed(*self.command(out, *more))

    def model(self, name, seed):
        """A model file after one epoch, made once."""
        out = self.folder / name
        if not out.exists():
            self.train(out, "--set", f"train.seed={seed}", "--set", "train.epochs=1")
        return out / "last.safetensors"

    def whole(self):
        """The uninterrupted run, made once."""
        out = self.folder / "whole"
        if not out.exists():
            self.train(out)
        return out

    def end(self, number, out, steps, *arguments):
        """Runs until so many steps are written, then sends the signal. Returns the exit status and stderr."""
        with subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and self.steps(out) < steps:
                time.sleep(0.002)
            process.send_signal(number)
            errors = process.stderr.read()
        return process.returncode, errors

    def steps(self, out):
        """How many steps are written, the last one perhaps in part."""
        log = out / "metrics.jsonl"
        return log.read_text().count('{"kind":"train"') if log.exists() else 0

    def resume(self, out, *more, name="train"):
        """Goes on, and has to do so after the first step."""
        done = self.succeed(*self.command(out, *more, "--resume", name=name))
        step = int(re.search(r"going on after step (\d+)", done.stderr)[1])
        self.assertGreater(step, 0, done.stderr)
        return done

    def assert_same_run(self, out, other):
        self.assertEqual(all_lines(out), all_lines(other))
        for name in ("last.safetensors", "best.safetensors"):
            self.assertEqual((out / name).read_bytes(), (other / name).read_bytes(), name)

    # What --resume goes on with.

    def test_resume_refuses_another_command_teacher_student_or_data(self):
        first, second = self.model("first", 3), self.model("second", 4)
        out = self.folder / "distilled"
        lenient = ("--set", "kd.min_teacher_ap50=0", "--method", "ld")
        self.end(signal.SIGKILL, out, 2, *self.command(out, "--teacher", first, *lenient, name="distill"))
        resumed = ("--resume",)
        self.refuse(*self.command(out, "--teacher", second, *lenient, *resumed, name="distill"), expect=["teacher"])
        self.refuse(*self.command(out, "--teacher", first, *lenient, "--student", second, *resumed, name="distill"), expect=["student"])
        self.refuse(*self.command(out, *resumed), expect=["command", "distill"])
        other = self.folder / "other"
        shutil.copytree(self.data / "train", other)
        annotations = sorted((other / "annotations").iterdir())[0]
        annotations.write_text("".join(annotations.read_text().splitlines(keepends=True)[1:]))
        moved = ("--set", f"data.train={other}")
        self.refuse(*self.command(out, "--teacher", first, *lenient, *moved, *resumed, name="distill"), expect=["training images"])
        copy = self.folder / "copy of first.safetensors"
        shutil.copy(first, copy)
        self.resume(out, "--teacher", copy, *lenient, name="distill")  # the same teacher elsewhere

    def test_resume_allows_what_does_not_change_what_is_learned(self):
        out, moved = self.folder / "elsewhere", self.folder / "moved"
        self.end(signal.SIGKILL, out, 2, *self.command(out))
        shutil.copytree(self.data, moved)
        done = self.resume(out, "--set", f"data.train={moved}/train", "--set", f"data.val={moved}/val", "--set", "data.threads=1", "--set",
                           "data.prefetch=1", "--set", "train.checkpoint_every=5")
        for text in ("data.threads is 1 now, was 2", "data.train is"):
            self.assertIn(text, done.stderr)
        self.assertEqual(step_lines(out), step_lines(self.whole()))
        longer, at_once = self.folder / "longer", self.folder / "at once"
        self.train(longer)
        self.resume(longer, "--set", "train.epochs=3")
        self.train(at_once, "--set", "train.epochs=3")
        self.assertEqual(all_lines(longer), all_lines(at_once))
        self.assertEqual((longer / "last.safetensors").read_bytes(), (at_once / "last.safetensors").read_bytes())

    def test_a_best_model_by_other_rules_or_gone_is_no_measure(self):
        out = self.folder / "measured"
        self.train(out, "--set", "eval.protocol=coco")
        done = self.resume(out, "--set", "train.epochs=3", "--set", "eval.protocol=uavdt")
        self.assertIn("scores are by other rules now", done.stderr)
        (out / "best.safetensors").unlink()
        done = self.resume(out, "--set", "train.epochs=4", "--set", "eval.protocol=uavdt")
        self.assertIn("best.safetensors is not there", done.stderr)
        self.assertTrue((out / "best.safetensors").exists())

    def test_a_run_writes_over_no_model_and_no_config_of_the_user(self):
        for name, content in ("best.safetensors", self.model("first", 3).read_bytes()), ("config.toml", b"# notes\n" + self.config.read_bytes()):
            out = self.folder / f"own {name}"
            out.mkdir()
            (out / name).write_bytes(content)
            self.refuse(*self.command(out), expect=[name, "another --out"])
            self.assertEqual((out / name).read_bytes(), content)
            self.assertEqual([path.name for path in out.iterdir()], [name])

    def test_pictures_of_a_line_of_pixels(self):
        flat = self.folder / "flat"
        flat.mkdir()
        (flat / "a.png").write_bytes(grey_png(6000, 2))
        (flat / "set.json").write_text(json.dumps({
            "images": [{"id": 1, "file_name": "a.png", "width": 6000, "height": 2}],
            "categories": [{"id": 1, "name": "car"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 0, 20, 2], "area": 40, "iscrowd": 0}]}))
        self.train(self.folder / "pictures", "--set", f"data.train={flat}/set.json", "--set", f"data.val={flat}/set.json", "--set", "train.epochs=1")

    def test_resuming_a_finished_run_gives_its_real_score_and_adds_nothing(self):
        out, report = self.folder / "finished", self.folder / "again.json"
        first = json.loads(self.train(out, "--json", "-").stdout)
        lines = (out / "metrics.jsonl").read_bytes()
        self.resume(out, "--json", report)
        self.assertEqual(json.loads(report.read_text()), first)
        self.assertEqual(first["images"], 3)
        self.assertEqual((out / "metrics.jsonl").read_bytes(), lines)

    def test_a_model_carries_no_scores_of_older_weights(self):
        out = self.folder / "scores"
        rare = ("--set", "train.epochs=1000", "--set", "train.eval_every=3")
        epochs = 0
        while epochs < 4 or epochs % 3 == 0:  # until the last model is of an epoch that was not scored, after one that was
            resumed = ("--resume",) if out.exists() else ()
            self.end(signal.SIGTERM, out, self.steps(out) + 7, *self.command(out, *rare, *resumed))
            epochs = (self.steps(out) - 1) // 2  # of two steps; the stop after an epoch's last step comes before its model
        header = (out / "last.safetensors").read_bytes()
        card = json.loads(json.loads(header[8:8 + int.from_bytes(header[:8], "little")])["__metadata__"]["skylift.model"])
        self.assertNotIn("AP50", json.dumps(card))

    # Damage.

    def test_a_damaged_state_costs_no_run(self):
        out = self.folder / "damaged"
        self.end(signal.SIGKILL, out, 4, *self.command(out))
        state = out / "resume" / "state.safetensors"
        damaged = bytearray(state.read_bytes())
        damaged[len(damaged) // 2] ^= 4
        state.write_bytes(damaged)
        done = self.resume(out)
        self.assertIn("damaged", done.stderr)
        self.assertIn("going on from the state before it", done.stderr)
        self.assert_same_run(out, self.whole())

    def test_divergence_is_found_before_it_is_saved(self):
        out = self.folder / "diverged"
        wild = ("--set", "train.optimizer.lr=1e2", "--set", "train.optimizer.clip_norm=0", "--set", "train.schedule.warmup_steps=0", "--set",
                "train.epochs=40", "--set", "train.optimizer.momentum=0.99")
        self.refuse(*self.command(out, *wild), expect=["training: "])
        again = self.run_program(*self.command(out, *wild, "--resume"))  # the last good state is one that can be read
        self.assertIn("going on after step", again.stderr)
        self.assertFalse(re.search(r"damaged", again.stderr))

    def test_a_study_goes_on_after_a_training_that_failed(self):
        plan, out = self.folder / "plan.toml", self.folder / "study"
        plan.write_text('seeds = [0]\nset = ["train.epochs=1"]\n'
                        '[[run]]\nname = "teacher"\nconfig = "tiny.toml"\nset = ["eval.max_dets=[]", "eval.protocol=coco", "data.val=nowhere"]\n'
                        '[[run]]\nname = "student"\nconfig = "tiny.toml"\nteacher = "teacher"\n'
                        '[[run]]\nname = "plain"\nconfig = "tiny.toml"\n')
        message = self.refuse("study", "--config", plan, "--out", out, expect=["nowhere"])
        self.assertIn("other trainings", message)
        self.assertIn("teacher/seed0", message)
        self.assertTrue((out / "plain" / "seed0" / "result.json").exists())
        # A study that was killed before the first state of a training, and one whose training was done but not scored.
        plan.write_text(plan.read_text().replace(', "data.val=nowhere"', "").replace('"eval.max_dets=[]", ', ""))
        (out / "teacher" / "seed0" / "resume").mkdir(parents=True, exist_ok=True)
        seconds = json.loads((out / "plain" / "seed0" / "result.json").read_text())["seconds_per_step"]
        (out / "plain" / "seed0" / "result.json").unlink()
        plan.write_text(plan.read_text().replace('teacher = "teacher"\n', 'teacher = "teacher"\nset = ["kd.min_teacher_ap50=0"]\n'))
        self.succeed("study", "--config", plan, "--out", out)
        self.assertAlmostEqual(json.loads((out / "plain" / "seed0" / "result.json").read_text())["seconds_per_step"], seconds)
        self.assertTrue((out / "student" / "seed0" / "result.json").exists())

    def test_a_wrong_option_of_the_evaluation_is_found_before_the_first_step(self):
        out = self.folder / "wrong evaluation"
        self.refuse(*self.command(out, "--set", "eval.protocol=uavdt", "--set", "eval.max_dets=[1, 2, 3, 4, 5]", "--set", "eval.iou_thresholds=[2]"),
                    expect=["eval"])
        self.assertFalse(out.exists())

    def test_a_broken_validation_image_costs_no_epoch(self):
        val, out = self.folder / "val", self.folder / "broken validation"
        shutil.copytree(self.data / "val", val)
        image = sorted((val / "images").iterdir())[2]  # two are looked at before the first step
        intact = image.read_bytes()
        image.write_bytes(intact[:100])
        self.refuse(*self.command(out, "--set", f"data.val={val}"), expect=[image.name])
        image.write_bytes(intact)
        self.resume(out, "--set", f"data.val={val}")
        self.assertEqual(all_lines(out), all_lines(self.whole()))

    def test_a_training_image_that_disappears_costs_no_step(self):
        train, out = self.folder / "train", self.folder / "disappears"
        shutil.copytree(self.data / "train", train)
        image = sorted((train / "images").iterdir())[0]
        hidden = self.folder / "hidden.jpg"
        settings = ("--set", f"data.train={train}", "--set", "train.checkpoint_every=1000", "--set", "data.prefetch=1", "--set", "data.threads=1",
                    "--set", "train.epochs=12")
        with subprocess.Popen([PROGRAM, *map(str, self.command(out, *settings))], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and self.steps(out) < 1:
                time.sleep(0.002)
            image.rename(hidden)
            self.assertIn(image.name, process.stderr.read())
        self.assertEqual(process.returncode, 2)
        steps = len(step_lines(out))
        self.refuse(*self.command(out, *settings, "--resume"), expect=[image.stem])
        hidden.rename(image)
        done = self.resume(out, *settings)
        self.assertIn(f"going on after step {steps} ", done.stderr)

    def test_an_image_of_a_later_batch_costs_no_step_either(self):
        """MGD draws its masks in each batch, and the warm-up counts: neither may count a step that was not made."""
        teacher, train, out = self.model("first", 3), self.folder / "accumulated", self.folder / "later batch"
        shutil.copytree(self.data / "train", train)
        settings = ["--teacher", teacher, "--method", "mgd", "--set", f"data.train={train}", "--set", "train.accumulate=2", "--set",
                    "train.batch_size=1", "--set", "kd.warmup_steps=20", "--set", "kd.min_teacher_ap50=0"]
        whole = self.folder / "whole accumulated"
        self.succeed(*self.command(whole, *settings, name="distill"))
        images = sorted((train / "images").iterdir())
        for image in images[:4]:
            bytes_of = image.read_bytes()
            shutil.rmtree(out, ignore_errors=True)
            image.write_bytes(bytes(len(bytes_of)))  # as long, since sizes are compared
            self.refuse(*self.command(out, *settings, name="distill"), expect=[image.name])
            image.write_bytes(bytes_of)
            if (out / "resume").exists():
                self.succeed(*self.command(out, *settings, "--resume", name="distill"))
                self.assertEqual((out / "last.safetensors").read_bytes(), (whole / "last.safetensors").read_bytes(), image.name)

    def test_sets_without_objects_are_refused(self):
        empty = self.folder / "empty"
        shutil.copytree(self.data / "val", empty)
        for annotations in (empty / "annotations").iterdir():
            annotations.write_text("")
        out = self.folder / "never"
        self.refuse(*self.command(out, "--set", f"data.val={empty}"), expect=["data.val", "object"])
        self.refuse(*self.command(out, "--set", f"data.train={empty}", "--set", "data.keep_empty=true", "--set", "data.classes=[\"car\"]"),
                    expect=["data.train", "object"])
        self.assertFalse(out.exists())

    def test_doubtful_settings_are_said_with_their_numbers(self):
        done = self.train(self.folder / "doubts", "--set", "train.schedule.warmup_steps=500", "--set", "train.schedule.milestones=[1, 8]")
        self.assertIn("warmup_steps is 500, but the run has 4 steps", done.stderr)
        self.assertIn("after epoch 8", done.stderr)
        done = self.train(self.folder / "few", "--set", "train.batch_size=64", "--set", "train.epochs=1")
        self.assertIn("train.batch_size is 64, but there are", done.stderr)

    # Signals and processes.

    def test_a_signal_ends_at_the_next_step_and_nothing_is_lost(self):
        rare = ("--set", "train.checkpoint_every=1000", "--set", "train.epochs=5")
        whole = self.folder / "whole of five"
        self.train(whole, *rare)
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            out = self.folder / f"stopped {status}"
            code, errors = self.end(number, out, 5, *self.command(out, *rare))
            self.assertEqual(code, status, errors)
            self.assertIn("stopped by SIG", errors)
            steps = len(step_lines(out))
            done = self.resume(out, *rare)
            self.assertIn(f"going on after step {steps} ", done.stderr)
            self.assert_same_run(out, whole)

    def test_an_evaluation_that_is_stopped_says_how_much_it_saw(self):
        many = self.folder / "many"
        self.succeed("synth", "--out", many, "--images", 150, "--size", "256x192", "--seed", 1)
        report = self.folder / "part.json"
        with subprocess.Popen([PROGRAM, "eval", "--data", many, "--model", self.model("first", 3), "--json", report],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            process.stderr.readline()  # the model is there, the images follow
            time.sleep(0.05)
            process.terminate()
            errors = process.stderr.read()
        self.assertEqual(process.returncode, 143, errors)
        seen = re.search(r"score of the first (\d+) of 150 images", errors)
        if seen:  # else it was stopped before the first image
            self.assertEqual(json.loads(report.read_text())["images"], int(seen[1]))

    def test_a_stopped_study_goes_on(self):
        plan, out = self.folder / "stopped.toml", self.folder / "stopped study"
        plan.write_text('seeds = [0]\n[[run]]\nname = "plain"\nconfig = "tiny.toml"\n')
        run = out / "plain" / "seed0"
        code, errors = self.end(signal.SIGTERM, run, 2, "study", "--config", plan, "--out", out)
        self.assertEqual(code, 143, errors)
        self.succeed("study", "--config", plan, "--out", out)
        self.assertEqual((run / "last.safetensors").read_bytes(), (self.whole() / "last.safetensors").read_bytes())

    def test_a_study_that_is_stopped_while_it_scores_has_no_score(self):
        plan, out, many = self.folder / "scoring.toml", self.folder / "scoring study", self.folder / "many to score"
        self.succeed("synth", "--out", many, "--images", 300, "--size", "192x160", "--seed", 1)
        plan.write_text('seeds = [0]\n[[run]]\nname = "plain"\nconfig = "tiny.toml"\nset = ["train.epochs=1"]\n')
        run = out / "plain" / "seed0"
        command = ["study", "--config", plan, "--out", out, "--set", f"data.val={many}"]
        with subprocess.Popen([PROGRAM, *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            for line in iter(process.stderr.readline, ""):
                if "epoch 1/1: AP" in line:
                    break
            time.sleep(0.3)
            process.terminate()
            errors = process.stderr.read()
        self.assertEqual(process.returncode, 143, errors)
        self.assertFalse((run / "result.json").exists())
        self.succeed(*command)
        self.assertEqual(json.loads((run / "result.json").read_text())["evaluations"]["coco"]["images"], 300)

    def test_one_process_a_folder(self):
        out = self.folder / "contested"
        long = ("--set", "train.epochs=1000")
        with subprocess.Popen([PROGRAM, *map(str, self.command(out, *long))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and self.steps(out) < 1:
                time.sleep(0.005)
            self.refuse(*self.command(out, *long, "--resume"), expect=["another process"])
            self.refuse(*self.command(out, *long), expect=["holds a run already"])
            process.kill()
        self.resume(out, "--set", f"train.epochs={2 + self.steps(out) // 2}")  # a killed owner's lock is none

    def test_what_a_killed_process_left_half_written_is_swept(self):
        out = self.folder / "swept"
        self.train(out)
        orphan = out / "resume" / "next.tmp-0123456789abcdef.safetensors"
        orphan.write_text("half")
        self.resume(out)
        self.assertFalse(orphan.exists())


if __name__ == "__main__":
    unittest.main()
