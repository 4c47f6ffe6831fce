"""Several processes train as one process with the joint batch would, and outlive the death of one of them.

They are started by torchrun, and by a shell that sets RANK, WORLD_SIZE and so on as srun and mpirun would: that needs no torch in Python.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from program import PROGRAM, ProgramTest, step_lines

TORCHRUN = pathlib.Path(__file__).resolve().parents[2] / ".venv" / "bin" / "torchrun"
# Joint batches of 6. Batch norms keep their statistics: those of a process's own images could not be the same.
SAME_EVERYWHERE = ["train.precision=float32", "model.backbone.norm_eval=true", "data.input.long_side=96", "data.input.short_side=96",
                   "kd.min_teacher_ap50=0", "eval.protocol=coco", "decode.score_threshold=0.001"]


def settings(*assignments):
    return [part for assignment in (*SAME_EVERYWHERE, *assignments) for part in ("--set", assignment)]


def torchrun_trouble():
    """Why torchrun does not start: Python cannot import PyPI's torch, which is built for CUDA, without NVIDIA's libraries."""
    if not TORCHRUN.exists():
        return f"{TORCHRUN} is not there"
    done = subprocess.run([TORCHRUN, "--help"], capture_output=True, text=True)
    return done.returncode != 0 and f"torchrun does not start: {done.stderr.splitlines()[-1]} (GPU=1 scripts/setup.sh adds what is missing)"


TROUBLE = torchrun_trouble()

BY_TORCHRUN = ("--standalone",)
# Stops when all have ended, with the status of one that failed.
LAUNCH = """
for ((i = 0; i < WORLD_SIZE; i++)); do RANK=$i LOCAL_RANK=$i "$@" & jobs+=($!); done
for job in "${jobs[@]}"; do wait "$job" || status=$?; done
exit ${status:-0}
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class ParallelTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test = cls()
        _, cls.config = test.make_scenes(train=15, val=3, size="96x96")
        cls.teacher = cls.folder / "teacher" / "last.safetensors"
        test.succeed("train", "--config", cls.config, "--out", cls.teacher.parent, *settings("train.seed=9", "model.neck.channels=24"))

    def command(self, out, *assignments, methods="", more=()):
        distils = ["--teacher", self.teacher, "--method", methods] if methods else []
        return ["distill" if methods else "train", *distils, "--config", self.config, "--out", self.folder / out, *more,
                *settings(*assignments)]

    def start(self, processes, command, *torchrun):
        """By torchrun with these arguments; without any, by a shell."""
        environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"} | {"OMP_NUM_THREADS": "1"}
        if torchrun:
            line = [TORCHRUN, *torchrun, "--no-python", "--nproc-per-node", processes, PROGRAM, *command]
        else:
            environment |= {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
            line = ["bash", "-c", LAUNCH, "launch", PROGRAM, *command]
        return subprocess.Popen([str(part) for part in line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    def finish(self, process):
        output, _ = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 0, output)
        return output

    def assert_alike(self, one, other):
        """The same losses up to the order of sums, and the same scores."""
        one, other = self.folder / one, self.folder / other
        expected, got = step_lines(one), step_lines(other)
        self.assertEqual(len(expected), len(got))
        for step, (a, b) in enumerate(zip(expected, got)):
            self.assertEqual(a.keys(), b.keys())
            for key in (key for key in a if key != "kind"):
                self.assertAlmostEqual(a[key], b[key], delta=1e-5 * max(1, abs(a[key])), msg=f"{other.name}, step {step}, {key}")
        for a, b in zip(self.scores(one), self.scores(other), strict=True):
            self.assertAlmostEqual(a, b, delta=1e-4)

    def scores(self, folder):
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [line["AP50"] for line in lines if line["kind"] == "eval"]

    def test_two_and_three_processes_are_one_with_the_joint_batch(self):
        for name, methods in ("plain", ""), ("distilled", "cid,ld,bckd,pkd,mgd"):
            self.succeed(*self.command(name, "train.batch_size=6", methods=methods))
            for processes, launch in (2, ()), (3, () if TROUBLE else BY_TORCHRUN):
                out = f"{name} by {processes}"
                own = [f"train.batch_size={6 // processes}", f"train.recompute={str(processes == 3).lower()}"]
                self.finish(self.start(processes, self.command(out, *own, methods=methods), *launch))
                self.assert_alike(name, out)

    LONG = ["train.batch_size=3", "train.epochs=8"]

    def test_a_killed_worker_is_named_and_the_job_can_go_on(self):
        self.finish(self.start(2, self.command("whole", *self.LONG, methods="mgd")))
        process = self.start(2, self.command("killed", *self.LONG, methods="mgd"))
        self.kill_worker("killed", rank=1, steps=3)
        output, _ = process.communicate(timeout=60)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("rank 0 of 2: rank 1 is gone", output)
        again = self.finish(self.start(2, self.command("killed", *self.LONG, methods="mgd", more=["--resume"])))
        self.assert_went_on(again, "killed")
        if not TROUBLE:
            process = self.start(2, self.command("restarted", *self.LONG, methods="mgd"), *BY_TORCHRUN, "--max-restarts", 1)
            self.kill_worker("restarted", rank=1, steps=3)
            self.assert_went_on(self.finish(process), "restarted")

    def assert_went_on(self, output, out):
        self.assertGreater(int(re.search(r"going on after step (\d+)", output)[1]), 0)
        self.assertEqual(step_lines(self.folder / out), step_lines(self.folder / "whole"))

    def kill_worker(self, out, rank, steps):
        metrics = self.folder / out / "metrics.jsonl"
        end = time.time() + 120
        while time.time() < end and not (metrics.exists() and len(metrics.read_text().splitlines()) > steps):
            time.sleep(0.01)
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                command, variables = (folder / "cmdline").read_text(), (folder / "environ").read_text()
            except OSError:
                continue
            if command.startswith(str(PROGRAM)) and str(self.folder / out) in command and f"\0RANK={rank}\0" in f"\0{variables}":
                return os.kill(int(folder.name), signal.SIGKILL)
        self.fail(f"no worker of rank {rank}")

    def test_another_number_of_processes_goes_on_with_steps_of_as_many_images(self):
        self.finish(self.start(2, self.command("moved", "train.batch_size=3", "train.epochs=1")))
        done = self.succeed(*self.command("moved", "train.batch_size=3", "train.epochs=3", more=["--resume"]))
        self.assertIn("going on after step 2 of 6", done.stderr)
        self.assertEqual([line["step"] for line in step_lines(self.folder / "moved")], list(range(1, 7)))
        self.refuse(*self.command("moved", "train.batch_size=4", "train.epochs=4", more=["--resume"]),
                    expect=["steps of 6 images", "train.batch_size = 4"])

    def test_accumulated_batches_of_like_images_are_one_large_one(self):
        """Each batch has its own normalisers, so that only batches that are alike add up to the joint one."""
        scenes = self.folder / "alike"
        self.succeed("synth", "--out", scenes, "--images", 1, "--size", "96x96", "--format", "visdrone")
        for kind in "images", "annotations":
            first = next((scenes / kind).iterdir())
            for i in range(11):
                shutil.copy(first, first.with_name(f"again{i}{first.suffix}"))
        still = [f"data.train={scenes}", "data.augment.flip=0", "data.augment.photometric=0", "data.augment.scale_min=1",
                 "data.augment.scale_max=1"]
        self.succeed(*self.command("large", "train.batch_size=6", *still))
        self.succeed(*self.command("parts", "train.batch_size=3", "train.accumulate=2", *still))
        self.assert_alike("large", "parts")

    @unittest.skipIf(TROUBLE, TROUBLE)
    def test_two_machines_finish_a_distillation(self):
        launch = ["--nnodes", 2, "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "two",
                  "--local-addr", "127.0.0.1"]
        command = self.command("machines", "train.batch_size=1", methods="cid")
        agents = [self.start(2, command, *launch) for _ in range(2)]
        for agent in agents:
            self.finish(agent)
        self.assertEqual(len(step_lines(self.folder / "machines")), 6)
        self.assertEqual(len(self.scores(self.folder / "machines")), 2)

    def test_half_a_job_is_refused(self):
        variables = {**os.environ, "WORLD_SIZE": "2"}
        self.refuse(*self.command("half"), expect=["RANK", "torchrun"], env=variables)


if __name__ == "__main__":
    unittest.main()
