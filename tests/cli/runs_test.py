"""The store of runs: real trainings are listed, filtered, compared over seeds and removed; the folders alone make it anew."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import time
import unittest

from program import PROGRAM, ProgramTest


class RunsTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """Two seeds of one kind of run and one seed of another, trained at the same time, with a store above them."""
        super().setUpClass()
        test = cls()
        cls.data, cls.config = test.make_scenes(train=6, val=2, size="96x96")
        cls.root = cls.folder / "runs"
        cls.root.mkdir()
        test.runs("list")
        assert not list(cls.root.iterdir()), "a look into a folder leaves something there"
        test.runs("rebuild")
        plans = {"slow/seed0": (0, 0.001), "slow/seed1": (1, 0.001), "fast": (1, 0.01)}
        trainings = {name: subprocess.Popen([PROGRAM, *test.training(name), "--set", f"train.seed={seed}", "--set", f"train.optimizer.lr={lr}"],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                     for name, (seed, lr) in plans.items()}
        for name, training in trainings.items():
            error = training.communicate()[1]
            assert training.returncode == 0, f"{name}: {error}"
            assert "warning" not in error, f"{name}: {error}"

    def training(self, name):
        return ["train", "--config", self.config, "--out", self.root / name, "--set", "train.schedule.name=cosine"]

    def runs(self, command, *arguments):
        return self.succeed("runs", command, *arguments, "--root", self.root)

    def listed(self, *conditions):
        words = [word for condition in conditions for word in ("--where", condition)]
        return {run["name"]: run for run in json.loads(self.runs("list", *words, "--json", "-").stdout)}

    def test_the_trainings_told_the_store_while_they_ran(self):
        with sqlite3.connect(f"file:{self.root / 'runs.sqlite'}?mode=ro", uri=True) as store:  # before any command looks at the folders
            rows = dict(store.execute("SELECT name, state FROM runs WHERE name IN ('fast', 'slow/seed0', 'slow/seed1')"))
        self.assertEqual(rows, {"fast": "done", "slow/seed0": "done", "slow/seed1": "done"})

    def test_a_run_is_recorded_with_what_made_it(self):
        run = self.listed("name=fast")["fast"]
        self.assertEqual((run["state"], run["step"], run["total_steps"], run["epochs"]), ("done", 6, 6, 2))
        self.assertIn(str(self.root / "fast"), run["command"])
        self.assertEqual(run["command"][1], "train")
        self.assertRegex(run["code"], r"^\d+\.\d+\.\d+")
        self.assertTrue(run["machine"]["cpu"] and run["machine"]["device"].startswith("cpu"), run["machine"])
        self.assertEqual(sorted(run["models"]), ["best.safetensors", "last.safetensors"])
        last = [json.loads(line) for line in (self.root / "fast" / "metrics.jsonl").read_text().splitlines()][-1]
        self.assertEqual(run["scores"]["AP"], last["AP"])
        shown = json.loads(self.runs("show", self.root / "fast", "--json", "-").stdout)
        self.assertEqual(shown["options"]["train.optimizer.lr"], "0.01")
        self.assertEqual([metrics["epoch"] for metrics in shown["metrics"]], [0, 1])
        losses = [json.loads(line) for line in (self.root / "fast" / "metrics.jsonl").read_text().splitlines()]
        losses = [line["loss"] for line in losses if line["kind"] == "train" and line["epoch"] == 0]
        self.assertAlmostEqual(shown["metrics"][0]["train loss"], sum(losses) / len(losses))

    def test_conditions_choose(self):
        self.assertEqual(set(self.listed("train.seed=1")), {"fast", "slow/seed1"})
        self.assertEqual(set(self.listed("train.seed=1", "train.optimizer.lr<0.005")), {"slow/seed1"})
        self.refuse("runs", "list", "--root", self.root, "--where", "train.optimiser.lr<1", expect=["train.optimizer.lr"])

    def test_runs_are_compared_over_seeds(self):
        names = ["slow/seed0", "slow/seed1", "fast"]
        compared = json.loads(self.runs("compare", *names, "--json", "-").stdout)
        self.assertEqual(compared["differences"], {"train.optimizer.lr": ["0.001", "0.001", "0.01"], "train.seed": ["0", "1", "1"]})
        self.assertEqual([kind["seeds"] for kind in compared["kinds"]], [[0, 1], [1]])
        scores = {run["name"]: run["scores"] for run in compared["runs"]}
        gain = compared["kinds"][1]["minus_the_first"]["coco AP"]
        self.assertEqual(gain["n"], 1)
        self.assertAlmostEqual(gain["mean"], scores["fast"]["AP"] - scores["slow/seed1"]["AP"])
        text = self.runs("compare", *names).stdout
        self.assertIn("95 % interval", text)
        self.assertNotIn("note:", text)
        self.refuse("runs", "compare", "fast", "--root", self.root, expect=["two runs"])
        self.refuse("runs", "compare", "fast", "slwo/seed0", "--root", self.root, expect=["slwo/seed0", "slow/seed0"])

    def test_the_store_is_never_the_only_copy(self):
        before = self.listed()
        (self.root / "runs.sqlite").write_bytes(b"no database" * 100)
        self.refuse("runs", "list", "--root", self.root, expect=["runs.sqlite", "runs rebuild"])
        self.runs("rebuild")
        self.assertEqual(self.listed(), before)

    def test_whoever_may_only_read_sees_the_runs(self):
        if os.getuid() != 0:
            self.skipTest("only root can take another user's place")
        for folder in (self.folder, self.root):
            folder.chmod(0o755)
        done = self.succeed("runs", "list", "--root", self.root, "--json", "-", user=65534, env={**os.environ, "HOME": "/"})
        self.assertEqual({run["name"] for run in json.loads(done.stdout)}, set(self.listed()))
        self.refuse("runs", "rebuild", "--root", self.root, expect=["may not be written"], user=65534, env={**os.environ, "HOME": "/"})

    def test_the_folder_of_runs_may_be_a_run(self):
        alone = self.folder / "alone"
        shutil.copytree(self.root / "fast", alone)
        self.succeed("runs", "rm", alone, "--root", alone)
        self.assertFalse(alone.exists())

    def test_a_model_that_was_changed_is_said(self):
        self.assertIn("as trained", self.runs("show", "slow/seed0").stdout)
        model = self.root / "slow" / "seed0" / "best.safetensors"
        content = model.read_bytes()
        model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        self.assertIn("changed since it was trained", self.runs("show", "slow/seed0").stdout)
        model.write_bytes(content)

    def test_a_killed_run_is_interrupted_and_a_running_one_is_not_removed(self):
        process = subprocess.Popen([PROGRAM, *self.training("killed"), "--set", "train.epochs=1000"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None and not (self.root / "killed" / "run.json").exists():
                time.sleep(0.01)
            self.assertEqual(self.listed("name=killed")["killed"]["state"], "running")
            self.refuse("runs", "rm", "killed", "--root", self.root, expect=["running"])
        finally:
            process.kill()
            process.wait()
        self.assertEqual(self.listed("name=killed")["killed"]["state"], "interrupted")
        self.runs("rm", "killed")
        self.assertFalse((self.root / "killed").exists())
        self.assertNotIn("killed", self.listed())

    def test_a_run_whose_loss_is_no_number_has_diverged(self):
        wild = ["train.optimizer.lr=100", "train.optimizer.clip_norm=0", "train.schedule.warmup_steps=0", "train.epochs=20"]
        self.refuse(*self.training("wild"), *[word for option in wild for word in ("--set", option)], expect=["finite"])
        run = self.listed("state=diverged")["wild"]
        self.assertIn("finite", run["reason"])
        self.runs("rm", "wild")

    def test_configs_of_one_name_have_folders_of_their_own(self):
        work = self.folder / "work"
        for place in ("a", "b"):
            (work / place).mkdir(parents=True, exist_ok=True)
            (work / place / "student.toml").write_text(self.config.read_text().replace("epochs = 2", "epochs = 1"))
        outside = self.folder / "student.toml"
        outside.write_text((work / "a" / "student.toml").read_text())
        for config in ("a/student.toml", work / "b" / "student.toml", outside):
            self.succeed("train", "--config", config, cwd=work)
        self.succeed("runs", "list", cwd=work)
        names = [run["name"] for run in json.loads(self.succeed("runs", "list", "--json", "-", cwd=work).stdout)]
        self.assertEqual(names, ["a/student", "b/student", str(outside.with_suffix("").relative_to(pathlib.Path("/")))])


if __name__ == "__main__":
    unittest.main()
