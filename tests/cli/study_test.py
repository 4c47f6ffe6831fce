"""A study: trainings by a plan, skipped when done, gone on with when interrupted, compared by seed."""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from program import PROGRAM, ProgramTest

PLAN = """
seeds = [0, 1]
protocols = ["coco", "visdrone"]
set = ["train.epochs=1", "kd.min_teacher_ap50=0"]

[[run]]
name = "teacher"
config = "tiny.toml"
seeds = [0]

[[run]]
name = "plain"
config = "tiny.toml"

[[run]]
name = "ld"
config = "tiny.toml"
teacher = "teacher"
set = ["kd.methods=ld"]
against = ["plain"]
"""


class StudyTest(ProgramTest):
    def write_plan(self, name, text):
        self.make_scenes()
        plan = self.folder / name
        plan.write_text(text)
        return plan

    def test_a_study_ends_in_paired_differences_and_does_nothing_twice(self):
        plan, out = self.write_plan("plan.toml", PLAN), self.folder / "study"
        first = self.succeed("study", "--config", plan, "--out", out)
        self.assertIn("| ld | plain | 2 |", first.stdout)
        runs = {run["name"]: run for run in json.loads((out / "results.json").read_text())["runs"]}
        self.assertEqual([seed["seed"] for seed in runs["ld"]["seeds"]], [0, 1])
        self.assertEqual(len(runs["teacher"]["seeds"]), 1)
        difference = [ld["scores"]["coco AP50"] - plain["scores"]["coco AP50"] for ld, plain in zip(runs["ld"]["seeds"], runs["plain"]["seeds"])]
        self.assertAlmostEqual(runs["ld"]["differences"]["plain"]["mean"], sum(difference) / 2)
        # The student of seed 1 was distilled: its terms stand in its metrics.
        self.assertIn("kd_", (out / "ld" / "seed1" / "metrics.jsonl").read_text())
        self.assertNotIn("kd_", (out / "plain" / "seed1" / "metrics.jsonl").read_text())

        # An option younger than a training has its default there.
        config = out / "plain" / "seed0" / "config.toml"
        config.write_text(config.read_text().replace("confidence_power = 0.0\n", ""))

        # A training whose result was lost goes on from its last state, the others are not touched.
        (out / "ld" / "seed1" / "result.json").unlink()
        untouched = (out / "plain" / "seed0" / "metrics.jsonl").stat().st_mtime_ns
        second = self.succeed("study", "--config", plan, "--out", out)
        self.assertIn("--- ld, seed 1", second.stderr)
        self.assertNotIn("--- plain", second.stderr)
        self.assertEqual((out / "plain" / "seed0" / "metrics.jsonl").stat().st_mtime_ns, untouched)
        self.assertEqual(runs["ld"]["differences"], self.differences(out, "ld"))

        # Other options under the same name are not mixed in.
        self.refuse("study", "--config", plan, "--out", out, "--set", "train.optimizer.lr=0.5", expect=["train.optimizer.lr = ", "plan says 0.5", "--out"])
        self.succeed("study", "--config", plan, "--out", out, "--set", "data.prefetch=2")  # what changes no weight may differ
        for assignment in ("train.batch_size=1", "decode.score_threshold=0.5", "kd.cache=signals.kd", f"data.val={self.folder / 'scenes' / 'train'}"):
            self.refuse("study", "--config", plan, "--out", out, "--set", assignment, expect=["was trained with", assignment.split("=")[0]])
        moved = self.folder / "moved"
        shutil.copytree(self.folder / "scenes", moved)
        self.succeed("study", "--config", plan, "--out", out, "--set", f"data.train={moved / 'train'}", "--set", f"data.val={moved / 'val'}")

        # A protocol that the plan asks for now; a teacher that was trained anew.
        plan.write_text(PLAN.replace('"coco", "visdrone"', '"visdrone", "uavdt"'))
        scored = self.succeed("study", "--config", plan, "--out", out)
        self.assertIn("scored anew", scored.stderr)
        self.assertIn("uavdt AP", json.loads((out / "results.json").read_text())["runs"][0]["seeds"][0]["scores"])
        shutil.rmtree(out / "teacher")
        self.refuse("study", "--config", plan, "--out", out, expect=["another teacher", "not trained yet", str(pathlib.Path("ld") / "seed0")])
        shutil.rmtree(out)

    def test_the_measure_is_the_studys_whatever_a_run_follows(self):
        plan, out = self.write_plan("measure.toml", """
seeds = [0]
protocols = ["coco"]
set = ["train.epochs=1"]
[[run]]
name = "a"
config = "tiny.toml"
set = ["eval.protocol=coco"]
[[run]]
name = "b"
config = "tiny.toml"
set = ["eval.protocol=visdrone"]
"""), self.folder / "measure"
        self.succeed("study", "--config", plan, "--out", out)
        a, b = (run["seeds"][0]["scores"] for run in json.loads((out / "results.json").read_text())["runs"])
        self.assertEqual(a, b)

    def test_two_processes_share_a_study(self):
        plan, out = self.write_plan("plan.toml", PLAN), self.folder / "shared"
        (out / "plain" / "seed0").mkdir(parents=True)
        descriptor = os.open(out / "plain" / "seed0", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # as a process that trains it
        first = self.succeed("study", "--config", plan, "--out", out)
        self.assertIn("1 trainings are left to other processes", first.stderr)
        self.assertEqual(os.listdir(out / "plain" / "seed0"), [])
        self.assertIn("| ld | plain | 1 |", first.stdout)
        os.close(descriptor)
        second = self.succeed("study", "--config", plan, "--out", out)
        self.assertIn("--- plain, seed 0", second.stderr)
        self.assertNotIn("--- ld", second.stderr)
        self.assertIn("| ld | plain | 2 |", second.stdout)

    def test_a_process_waits_for_a_teacher_that_another_trains(self):
        plan, out = self.write_plan("waits.toml", PLAN.replace("seeds = [0, 1]", "seeds = [0]")), self.folder / "waits"
        (out / "teacher" / "seed0").mkdir(parents=True)
        descriptor = os.open(out / "teacher" / "seed0", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # as a process that trains it
        command = [PROGRAM, "study", "--config", plan, "--out", out]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            lines = iter(process.stderr.readline, "")
            self.assertTrue(any("waiting for a teacher" in line for line in lines))
            self.assertTrue((out / "plain" / "seed0" / "result.json").exists())
            self.assertFalse((out / "ld" / "seed0").exists())
            os.close(descriptor)
            rest = process.stderr.read()
        self.assertEqual(process.returncode, 0)
        self.assertIn("--- ld, seed 0", rest)

    def test_a_report_scores_what_is_done_on_other_images(self):
        one = PLAN[:PLAN.rindex("[[run]]")].replace("seeds = [0, 1]", "seeds = [0]")
        plan, out = self.write_plan("one.toml", one), self.folder / "reported"
        self.refuse("study", "--config", plan, "--out", out, "--report", "nowhere", expect=["no training", "done"])
        self.succeed("study", "--config", plan, "--out", out)
        results = (out / "results.json").read_text()
        other = self.folder / "other"
        self.succeed("synth", "--out", other, "--images", 3, "--size", "192x160", "--seed", 9)
        self.succeed("study", "--config", plan, "--out", out, "--report", other)
        report = json.loads((out / "report.json").read_text())["runs"]
        self.assertEqual([run["name"] for run in report], ["teacher", "plain"])
        score = json.loads(self.succeed("eval", "--model", out / "plain" / "seed0" / "last.safetensors", "--data", other, "--protocol",
                                        "coco", "--max-dets", "1,10,100,500", "--engine", "torch", "--json", "-").stdout)
        self.assertAlmostEqual(report[1]["seeds"][0]["scores"]["coco AP"], score["AP"], places=6)
        self.assertEqual((out / "results.json").read_text(), results)

    def test_a_teacher_is_the_first_seed_that_its_run_names(self):
        text = PLAN.replace('config = "tiny.toml"\nseeds = [0]', 'config = "tiny.toml"\nseeds = [1, 0]')
        text = text.replace("seeds = [0, 1]", "seeds = [0]")
        plan, out = self.write_plan("seeds.toml", text), self.folder / "seeds"
        lines = self.succeed("study", "--config", plan, "--out", out).stderr.splitlines()
        order = [line.split("--- ")[1] for line in lines if "--- " in line]
        self.assertEqual(order, ["teacher, seed 0", "plain, seed 0", "teacher, seed 1", "ld, seed 0"])

    def differences(self, out, name):
        runs = json.loads((out / "results.json").read_text())["runs"]
        return next(run["differences"] for run in runs if run["name"] == name)

    def test_the_shipped_plans_read(self):
        plans = sorted((pathlib.Path(__file__).parents[2] / "configs" / "study").glob("*.toml"))
        self.assertGreaterEqual(len(plans), 2)
        for plan in plans:  # they get as far as the images, which a study is told on the command line
            self.refuse("study", "--config", plan, "--out", self.folder / plan.stem, expect=["data.train"])

    def test_paths_of_a_plan(self):
        """Beside the plan as on the command line; a recipe by its name."""
        text = """seeds = [0]
[[run]]
name = "student"
config = "lite0_student"
teacher = "elsewhere.onnx"
"""
        plan = self.write_plan("paths.toml", text)
        call = ("study", "--config", plan, "--out", self.folder / "never")
        self.refuse(*call, expect=["teacher 'elsewhere.onnx' is no earlier run and no file"])
        (plan.parent / "elsewhere.onnx").write_bytes(b"")
        self.refuse(*call, expect=["data.train"])

    def test_mistakes_in_a_plan_are_named_before_anything_is_trained(self):
        cases = [("seeds = [0]", ["no [[run]]"]),
                 (PLAN.replace("against", "againts"), ["unknown key 'againts'", "against"]),
                 (PLAN.replace('teacher = "teacher"', 'teacher = "techer"'), ["techer", "no earlier run"]),
                 (PLAN.replace('name = "ld"', 'name = "plain"'), ["two runs are called 'plain'"]),
                 (PLAN.replace("kd.methods=ld", "kd.method=ld"), ["kd.method"]),
                 (PLAN.replace("kd.methods=ld", "kd.methods=crosskd"), ["run 'ld'", "kd.crosskd.tower_convs"]),
                 (PLAN.replace('"visdrone"]', '"visdron"]'), ["protocols: got 'visdron'", "visdrone"]),
                 (PLAN.replace("seeds = [0, 1]", 'seeds = ["a"]'), ["plan", ":2", "integers"]),
                 (PLAN + "[[run", ["bad_plan.toml:"])]
        for text, expect in cases:
            plan = self.write_plan("bad_plan.toml", text)
            self.refuse("study", "--config", plan, "--out", self.folder / "never", expect=expect)
        self.assertFalse((self.folder / "never").exists())


if __name__ == "__main__":
    unittest.main()
